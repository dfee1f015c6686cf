using Appliance.Bench.Servers;

namespace Appliance.Bench;

/// <summary>What the command line asks for.</summary>
public sealed record BenchOptions
{
    /// <summary>Rounds of each scenario, of starts aside.</summary>
    public int Rounds { get; init; } = 3;

    /// <summary>How long a load is measured.</summary>
    public int Seconds { get; init; } = 2;

    /// <summary>How long a load goes on before it is measured.</summary>
    public int WarmUpSeconds { get; init; } = 1;

    /// <summary>Clients of the load scenarios.</summary>
    public int Clients { get; init; } = 1000;

    /// <summary>Publishers of the busy load, each with one message in flight.</summary>
    public int InFlight { get; init; } = 40;

    /// <summary>Connections of the connect scenario.</summary>
    public int Connects { get; init; } = 5000;

    /// <summary>Connections of the crowd and of all rooms together, in whole generator processes.</summary>
    public int Crowd { get; init; } = 100_000;

    /// <summary>The <c>--ping</c> of the crowd's server.</summary>
    public int PingSeconds { get; init; } = 10;

    /// <summary>Names of scenarios and servers to run; none for all.</summary>
    public IReadOnlyList<string> Only { get; init; } = [];

    /// <summary>Whether the scenarios that take longest are left out unless they are named.</summary>
    public bool IsQuick { get; init; }

    /// <summary>Whether README's table and plots are written.</summary>
    public bool Publishes { get; init; }

    /// <summary>The published binary; null for that of this repository.</summary>
    public string? Binary { get; init; }

    /// <summary>
    /// Whether a server of ours is measured where figures of one engine do: that which it takes by itself, and one that is named.
    /// </summary>
    public bool IsOurs(ServerUnderTest server) =>
        server.Name == ApplianceServer.Standard || (server.Kind == ServerKind.Ours && Only.Contains(server.Name, StringComparer.Ordinal));

    /// <summary>Sizes of a run that shall take two minutes.</summary>
    public static BenchOptions Quick { get; } = new() { IsQuick = true, Rounds = 1, Seconds = 1, Crowd = 10_000, PingSeconds = 5 };
}
