namespace Appliance.Bench.Servers;

/// <summary>What a server stands for in a comparison.</summary>
public enum ServerKind
{
    /// <summary>The published binary.</summary>
    Ours,

    /// <summary>A server that people use for the same.</summary>
    Peer,

    /// <summary>A loop that does nothing but the least: no server, but what a server could reach.</summary>
    Limit,
}
