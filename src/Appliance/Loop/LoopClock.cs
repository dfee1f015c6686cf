using System.Diagnostics;

namespace Appliance.Loop;

/// <summary>The time, read once a turn: what happens in one turn happens at one time.</summary>
public sealed class LoopClock
{
    private const int NsPerMs = 1_000_000;

    /// <summary>A turn that has taken this much longer than it waited has not run: even a flood ends it within some ten milliseconds.</summary>
    private const long FrozenNs = 1_000_000_000;

    /// <summary>After such a pause what has come meanwhile is taken in this time: nobody has sent too fast whose messages only waited.</summary>
    private const int ThawMs = 1000;

    private long _thawedMs;

    /// <summary>A clock that has been read once.</summary>
    public LoopClock() => Update();

    /// <summary>
    /// Milliseconds that only grow, from an arbitrary start: for time limits. They do not pass while the process does not run (a paused
    /// virtual machine, a frozen container, SIGSTOP): nobody is late because of that, and what has come meanwhile is read first.
    /// </summary>
    public long NowMs { get; private set; }

    /// <summary>How far <see cref="NowMs"/> is behind the clock that all processes share, in milliseconds.</summary>
    public long FrozenMs { get; private set; }

    /// <summary>Milliseconds of the clock that all processes share: for what one of them notes and another one compares.</summary>
    public long SharedMs => NowMs + FrozenMs;

    /// <summary>Whether the process has not run for some time, and does so again only since a moment ago.</summary>
    public bool IsThawing => NowMs < _thawedMs;

    /// <summary>Nanoseconds of the clock that all processes share: that of <see cref="ReadNs"/>.</summary>
    public long NowNs { get; private set; }

    /// <summary>Milliseconds since 1970 (UTC): for people.</summary>
    public long UnixMs { get; private set; }

    /// <summary>The clock of <see cref="NowNs"/> at this very moment; of all processes the same one. It costs 25 ns and no system call.</summary>
    public static long ReadNs() => Stopwatch.GetTimestamp();

    /// <summary>Reads both clocks.</summary>
    /// <param name="waitedMs">How long the turn may have waited, in milliseconds; -1: for ever, so that no time is too long.</param>
    public void Update(int waitedMs = -1)
    {
        long nowNs = ReadNs();
        long beyondNs = waitedMs < 0 ? 0 : nowNs - NowNs - ((long)waitedMs * NsPerMs);
        bool wasFrozen = beyondNs > FrozenNs;
        FrozenMs += wasFrozen ? beyondNs / NsPerMs : 0;
        NowNs = nowNs;
        NowMs = (nowNs / NsPerMs) - FrozenMs;
        _thawedMs = wasFrozen ? NowMs + ThawMs : _thawedMs;
        UnixMs = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
    }
}
