using System.Diagnostics;

namespace Appliance.Bench.Servers;

/// <summary>A few lines of JavaScript on a package of npm, which is installed below the artifacts.</summary>
/// <param name="Name">Its column.</param>
/// <param name="Package">The package, and the folder of the peers that asks for it.</param>
/// <param name="Program">What runs the lines, beside the package or on the path.</param>
/// <param name="PeersFolder">Where the folders of the peers are.</param>
/// <param name="ArtifactsFolder">Where packages are installed.</param>
public sealed record NpmServer(string Name, string Package, string Program, string PeersFolder, string ArtifactsFolder) : ServerUnderTest(Name, ServerKind.Peer)
{
    private string Folder => Path.Combine(ArtifactsFolder, "bench-peers", Package);

    /// <inheritdoc/>
    public override void Prepare()
    {
        _ = Directory.CreateDirectory(Folder);
        foreach (string file in Directory.EnumerateFiles(Path.Combine(PeersFolder, Package)))
        {
            File.Copy(file, Path.Combine(Folder, Path.GetFileName(file)), overwrite: true);
        }

        if (!Directory.Exists(Path.Combine(Folder, "node_modules", Package)))
        {
            Run("npm", Folder, "install", "--no-audit", "--no-fund", "--loglevel=error");
        }
    }

    /// <inheritdoc/>
    public override ProcessStartInfo Start(ServerPlace place, ServerSetup setup)
    {
        string beside = Path.Combine(Folder, "node_modules", ".bin", Program);
        return new ProcessStartInfo(File.Exists(beside) ? beside : Program, [Path.Combine(Folder, "server.js"), Text(place.Port)]);
    }
}
