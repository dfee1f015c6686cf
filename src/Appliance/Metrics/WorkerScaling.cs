namespace Appliance.Metrics;

/// <summary>
/// How many workers a server of <c>--proc=MIN-MAX</c> has: one more when the loops are idle less than a fifth of the time for five
/// seconds, one less when they are for more than four fifths. Retiring takes longer, because it moves clients.
/// </summary>
public sealed class WorkerScaling
{
    /// <summary>Less idle than this: too few.</summary>
    public const double BusyPercent = 20;

    /// <summary>More idle than this: too many.</summary>
    public const double IdlePercent = 80;

    /// <summary>For so long, and as long after the last change.</summary>
    public const long AddAfterMs = 5000;

    /// <summary>The same before a worker is retired.</summary>
    public const long RetireAfterMs = 10_000;

    private long _busySinceMs = -1;
    private long _idleSinceMs = -1;

    /// <summary>Says how many workers there should be.</summary>
    /// <param name="idlePercent">Of the last interval.</param>
    /// <param name="workers">How many there are.</param>
    /// <param name="least">How many there must be.</param>
    /// <param name="most">How many there may be.</param>
    /// <param name="nowMs">Any clock that only grows.</param>
    public int Decide(double idlePercent, int workers, int least, int most, long nowMs)
    {
        _busySinceMs = idlePercent >= BusyPercent ? -1 : _busySinceMs < 0 ? nowMs : _busySinceMs;
        _idleSinceMs = idlePercent <= IdlePercent ? -1 : _idleSinceMs < 0 ? nowMs : _idleSinceMs;
        int wanted = workers;
        if (_busySinceMs >= 0 && nowMs - _busySinceMs >= AddAfterMs)
        {
            wanted++;
        }
        else if (_idleSinceMs >= 0 && nowMs - _idleSinceMs >= RetireAfterMs)
        {
            wanted--;
        }

        if (wanted != workers)
        {
            (_busySinceMs, _idleSinceMs) = (-1, -1);
        }

        return Math.Clamp(wanted, least, most);
    }
}
