namespace Appliance.Chat;

/// <summary>What a rate limit says to a message.</summary>
public enum RateVerdict
{
    /// <summary>Pass it on.</summary>
    Pass,

    /// <summary>Too fast: refuse it.</summary>
    Refuse,

    /// <summary>Too fast for the third time in ten seconds: refuse it and close.</summary>
    Close,
}

/// <summary>
/// How fast one connection may send: so many messages a second, bursts of twice that. Kept as the time at which all that was sent
/// would have been sent at the allowed rate (generic cell rate algorithm), and the last two strikes: 16 bytes a connection.
/// </summary>
public struct RateLimit
{
    /// <summary>How long a strike counts.</summary>
    public const int StrikeWindowMs = 10_000;

    private const int BurstSeconds = 2;

    private long _paidUntilUs;
    private uint _lastStrikeMs;
    private uint _strikeBeforeMs;

    /// <summary>Asks for one message more; a rate of 0 allows all.</summary>
    public RateVerdict Take(int perSecond, long nowMs)
    {
        if (perSecond == 0)
        {
            return RateVerdict.Pass;
        }

        long nowUs = nowMs * 1000;
        long paidUntil = Math.Max(_paidUntilUs, nowUs) + (1_000_000 / perSecond);
        if (paidUntil - nowUs <= BurstSeconds * 1_000_000)
        {
            _paidUntilUs = paidUntil;
            return RateVerdict.Pass;
        }

        // 0 stands for no strike; a strike in the very millisecond 0 of the clock is as good as one in the next.
        uint now = Math.Max(1, (uint)nowMs);
        bool third = _strikeBeforeMs != 0 && now - _strikeBeforeMs <= StrikeWindowMs;
        (_strikeBeforeMs, _lastStrikeMs) = (_lastStrikeMs, now);
        return third ? RateVerdict.Close : RateVerdict.Refuse;
    }

    /// <summary>The same on a clock that is so many milliseconds ahead of the one it was kept by; behind it, when negative.</summary>
    public readonly RateLimit OnClock(long aheadMs) => new()
    {
        _paidUntilUs = _paidUntilUs + (aheadMs * 1000),
        _lastStrikeMs = Shift(_lastStrikeMs, aheadMs),
        _strikeBeforeMs = Shift(_strikeBeforeMs, aheadMs),
    };

    private static uint Shift(uint strikeMs, long aheadMs) => strikeMs == 0 ? 0 : Math.Max(1, (uint)(strikeMs + aheadMs));
}
