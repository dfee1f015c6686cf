using Appliance.Native;

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

    /// <summary>How far <see cref="NowMs"/> is behind the clock that all processes share, in milliseconds; below zero when that went back.</summary>
    public long FrozenMs { get; private set; }

    /// <summary>Milliseconds of the clock that all processes share: for what one of them notes and another one compares.</summary>
    public long SharedMs => NowMs + FrozenMs;

    /// <summary>Whether the process has not run for some time, and does so again only since a moment ago.</summary>
    public bool IsThawing => NowMs < _thawedMs;

    /// <summary>Nanoseconds of the clock that all processes share: that of <see cref="MonotonicClock"/>.</summary>
    public long NowNs { get; private set; }

    /// <summary>Milliseconds since 1970 (UTC): for people.</summary>
    public long UnixMs { get; private set; }

    /// <summary>Reads both clocks.</summary>
    /// <param name="waitedMs">How long the turn may have waited, in milliseconds; -1: for ever, so that no time is too long.</param>
    public void Update(int waitedMs = -1) => Update(MonotonicClock.ReadNs(), DateTimeOffset.UtcNow, waitedMs);

    /// <summary>Takes what both clocks show, and how long the turn may have waited.</summary>
    internal void Update(long nowNs, DateTimeOffset now, int waitedMs)
    {
        long passedNs = nowNs - NowNs;
        long beyondNs = waitedMs < 0 ? 0 : passedNs - ((long)waitedMs * NsPerMs);
        bool wasFrozen = beyondNs > FrozenNs;

        // Back goes only a clock that begins anew, or that somebody plays with: no time has passed, and what waits goes on waiting.
        FrozenMs += wasFrozen ? beyondNs / NsPerMs : passedNs < 0 ? (nowNs / NsPerMs) - SharedMs : 0;
        NowNs = nowNs;
        NowMs = (nowNs / NsPerMs) - FrozenMs;
        _thawedMs = wasFrozen ? NowMs + ThawMs : _thawedMs;
        UnixMs = now.ToUnixTimeMilliseconds();
    }
}
