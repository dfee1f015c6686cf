using System.Diagnostics;

namespace Appliance.Loop;

/// <summary>The time, read once a turn: what happens in one turn happens at one time.</summary>
public sealed class LoopClock
{
    /// <summary>A clock that has been read once.</summary>
    public LoopClock() => Update();

    /// <summary>Milliseconds that only grow, from an arbitrary start: for time limits.</summary>
    public long NowMs { get; private set; }

    /// <summary>Milliseconds since 1970 (UTC): for people.</summary>
    public long UnixMs { get; private set; }

    /// <summary>Reads both clocks.</summary>
    public void Update()
    {
        NowMs = Stopwatch.GetTimestamp() / (Stopwatch.Frequency / 1000);
        UnixMs = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
    }
}
