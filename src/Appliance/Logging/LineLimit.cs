namespace Appliance.Logging;

/// <summary>
/// The lines of one event that others may cause any number of times: at most <see cref="LinesPerSecond"/> a second from one process. The
/// others are counted, and one line more tells how many there were.
/// </summary>
/// <param name="log">Where the count is told.</param>
/// <param name="sum">The event that tells it.</param>
public sealed class LineLimit(EventLog log, LogEvent sum)
{
    /// <summary>Lines of one second.</summary>
    public const int LinesPerSecond = 10;

    private const int WindowMs = 1000;

    private long _windowStartMs = long.MinValue / 2;
    private int _written;

    /// <summary>How many have no line of their own and are not told yet.</summary>
    public int Untold { get; private set; }

    /// <summary>When the count is due, on the clock of the times given; long.MaxValue when there is none.</summary>
    public long DueMs => Untold > 0 ? _windowStartMs + WindowMs : long.MaxValue;

    /// <summary>Whether there may be another line; otherwise it is counted.</summary>
    public bool TryTake(long nowMs)
    {
        TellSum(nowMs);
        bool isFree = _written < LinesPerSecond;
        _written += isFree ? 1 : 0;
        Untold += isFree ? 0 : 1;
        return isFree;
    }

    /// <summary>Once a second is over, tells how many came in it that have no line of their own.</summary>
    public void TellSum(long nowMs)
    {
        if (nowMs - _windowStartMs < WindowMs)
        {
            return;
        }

        if (Untold > 0)
        {
            log.Write(sum, Untold);
        }

        (_windowStartMs, _written, Untold) = (nowMs, 0, 0);
    }
}
