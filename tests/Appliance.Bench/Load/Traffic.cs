namespace Appliance.Bench.Load;

/// <summary>Who sends how much.</summary>
public sealed record Traffic
{
    /// <summary>Publishers when all clients are in one room; of several rooms each has one.</summary>
    public required int Publishers { get; init; }

    /// <summary>Messages under way at a time: each is followed by the next when its publisher has got it back.</summary>
    public int InFlight { get; init; }

    /// <summary>Messages a second, whatever comes back; 0 when <see cref="InFlight"/> says how many.</summary>
    public int PerSecond { get; init; }

    /// <summary>Whether this generator's clients send; otherwise those of another one in the same room do.</summary>
    public bool IsHere { get; init; } = true;

    /// <summary>So many messages under way in one room, each from a publisher of its own.</summary>
    public static Traffic Waiting(int inFlight) => new() { Publishers = inFlight, InFlight = inFlight };

    /// <summary>So many messages a second, from several publishers in turn.</summary>
    public static Traffic Paced(int perSecond, int publishers) => new() { Publishers = publishers, PerSecond = perSecond };
}
