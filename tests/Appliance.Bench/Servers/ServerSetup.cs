namespace Appliance.Bench.Servers;

/// <summary>What a scenario wants of a server besides serving.</summary>
public sealed record ServerSetup
{
    /// <summary>Worker processes; servers that have but one know only 1.</summary>
    public int Workers { get; init; } = 1;

    /// <summary>Whether the published binary has its monitoring port open.</summary>
    public bool IsMonitored { get; init; }

    /// <summary>Options of the published binary, besides those that it always gets.</summary>
    public IReadOnlyList<string> Options { get; init; } = [];
}
