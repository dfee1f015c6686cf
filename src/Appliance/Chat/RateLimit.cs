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
/// would have been sent at the allowed rate (generic cell rate algorithm), so that a connection needs ten bytes for it.
/// </summary>
public struct RateLimit
{
    /// <summary>Strikes that close a connection.</summary>
    public const int StrikesMax = 3;

    /// <summary>How long a strike counts.</summary>
    public const int StrikeWindowMs = 10_000;

    private const int BurstSeconds = 2;

    private long _paidUntilUs;
    private uint _firstStrikeMs;
    private byte _strikes;

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

        if (_strikes == 0 || (uint)nowMs - _firstStrikeMs > StrikeWindowMs)
        {
            _firstStrikeMs = (uint)nowMs;
            _strikes = 0;
        }

        return ++_strikes >= StrikesMax ? RateVerdict.Close : RateVerdict.Refuse;
    }
}
