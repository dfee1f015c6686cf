using System.Diagnostics;

namespace Appliance.Loop;

/// <summary>The time, read once a turn: what happens in one turn happens at one time.</summary>
public sealed class LoopClock
{
    private const int NsPerMs = 1_000_000;

    /// <summary>A clock that has been read once.</summary>
    public LoopClock() => Update();

    /// <summary>Milliseconds that only grow, from an arbitrary start: for time limits.</summary>
    public long NowMs { get; private set; }

    /// <summary>The same in nanoseconds, the unit of <see cref="ReadNs"/>.</summary>
    public long NowNs { get; private set; }

    /// <summary>Milliseconds since 1970 (UTC): for people.</summary>
    public long UnixMs { get; private set; }

    /// <summary>The clock of <see cref="NowNs"/> at this very moment; of all processes the same one. It costs 25 ns and no system call.</summary>
    public static long ReadNs() => Stopwatch.GetTimestamp();

    /// <summary>Reads both clocks.</summary>
    public void Update()
    {
        NowNs = ReadNs();
        NowMs = NowNs / NsPerMs;
        UnixMs = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
    }
}
