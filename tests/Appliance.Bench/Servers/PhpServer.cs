using System.Diagnostics;

namespace Appliance.Bench.Servers;

/// <summary>A chat server in PHP as tutorials have it: one process, one loop around select(2).</summary>
public sealed record PhpServer(string PeersFolder) : ServerUnderTest("php", ServerKind.Peer)
{
    /// <summary>select(2) knows 1,024 descriptors; PHP needs a few for itself.</summary>
    public override int ClientsMax => 1000;

    /// <inheritdoc/>
    public override ProcessStartInfo Start(ServerPlace place, ServerSetup setup) =>
        new("php", ["-d", "opcache.enable_cli=1", Path.Combine(PeersFolder, "php", "server.php"), Text(place.Port)]);
}
