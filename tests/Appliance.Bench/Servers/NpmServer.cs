using System.Diagnostics;

namespace Appliance.Bench.Servers;

/// <summary>node with the package ws, which is installed below the artifacts.</summary>
public sealed record NodeServer(string PeersFolder, string ArtifactsFolder) : ServerUnderTest("node-ws", ServerKind.Peer)
{
    private string Folder => Path.Combine(ArtifactsFolder, "bench-peers");

    /// <inheritdoc/>
    public override void Prepare()
    {
        _ = Directory.CreateDirectory(Folder);
        foreach (string file in Directory.EnumerateFiles(Path.Combine(PeersFolder, "ws")))
        {
            File.Copy(file, Path.Combine(Folder, Path.GetFileName(file)), overwrite: true);
        }

        if (!Directory.Exists(Path.Combine(Folder, "node_modules", "ws")))
        {
            Run("npm", Folder, "install", "--no-audit", "--no-fund", "--loglevel=error");
        }
    }

    /// <inheritdoc/>
    public override ProcessStartInfo Start(ServerPlace place, ServerSetup setup) => new("node", [Path.Combine(Folder, "server.js"), Text(place.Port)]);
}
