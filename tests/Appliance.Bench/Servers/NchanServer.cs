using System.Diagnostics;

namespace Appliance.Bench.Servers;

/// <summary>nginx with the module Nchan.</summary>
public sealed record NchanServer(string PeersFolder) : ServerUnderTest("nchan", ServerKind.Peer)
{
    /// <summary>Not on the PATH of every user.</summary>
    private const string Nginx = "/usr/sbin/nginx";

    /// <inheritdoc/>
    public override bool HasWorkers => true;

    /// <inheritdoc/>
    public override ProcessStartInfo Start(ServerPlace place, ServerSetup setup)
    {
        string configuration = Path.Combine(place.Folder, "nginx.conf");
        File.WriteAllText(configuration, File.ReadAllText(Path.Combine(PeersFolder, "nginx.conf"))
            .Replace("@PORT@", Text(place.Port), StringComparison.Ordinal)
            .Replace("@WORKERS@", Text(setup.Workers), StringComparison.Ordinal)
            .Replace("@DIR@", place.Folder, StringComparison.Ordinal));
        string[] user = Environment.IsPrivilegedProcess ? ["-g", "user root;"] : [];
        return new ProcessStartInfo(Nginx, ["-p", "/usr/share/nginx", "-e", "stderr", "-c", configuration, .. user]);
    }
}
