using System.Globalization;
using System.Text;
using Appliance.Connections;
using Appliance.Loop;
using Appliance.Protocols.WebSocket;

namespace Appliance.Endpoints;

/// <summary>
/// A graceful stop: WebSockets are closed with 1001, a part each tick over most of the time that there is, and each is told another
/// moment to come again, so that a restart is no stampede. Until its turn a client is served as ever.
/// </summary>
internal sealed class Drain(WorkerContext context, EndpointTable endpoints, TimerId timer)
{
    /// <summary>Closed in one tick without a thought.</summary>
    private const int PartMin = 100;

    /// <summary>The time that remains is for those that answer late.</summary>
    private const double ShareOfTime = 0.8;

    private const int RetryMsMin = 500;
    private const int RetryMsSpread = 2000;
    private const int ReasonBytesMax = 64;

    private readonly ConnectionTable _table = context.Table;
    private int _retrySpreadMs;
    private int _cursor;
    private long _beganMs;
    private long _durationMs;
    private int _total;
    private int _closed;

    /// <summary>Begins to close, within so many seconds; requests without an answer end at once.</summary>
    public void Begin(int seconds)
    {
        for (int fd = 0, left = _table.Count; fd <= _table.HighestDescriptor && left > 0; fd++)
        {
            left -= _table[fd].State == ConnectionState.None ? 0 : 1;
            if (_table[fd].IsWaiting)
            {
                Close(fd);
            }
        }

        (_beganMs, _durationMs, _total) = (context.NowMs, (long)(seconds * 1000 * ShareOfTime), _table.Count);

        // About a thousand a second come again from here.
        _retrySpreadMs = Math.Max(RetryMsSpread, _table.Count);
        Continue();
    }

    /// <summary>Closes the next part: by the time that has passed, since ticks of a busy worker come late.</summary>
    public void Continue()
    {
        long untilMs = context.NowMs - _beganMs + TimerWheel.TickMs;
        long due = untilMs < _durationMs ? Math.Max(_closed + PartMin, _total * untilMs / _durationMs) : long.MaxValue;
        for (; _cursor <= _table.HighestDescriptor && _closed < due; _cursor++)
        {
            if (_table[_cursor].IsClient)
            {
                _closed++;
                Close(_cursor);
            }
        }

        if (_table.Count > 0)
        {
            // Another worker may give some yet, or not take back what was under way.
            _cursor = _cursor <= _table.HighestDescriptor ? _cursor : 0;
            context.ArmIn(timer, 1);
        }
    }

    private void Close(int fd)
    {
        Span<byte> reason = stackalloc byte[ReasonBytesMax];
        int retryMs = RetryMsMin + Random.Shared.Next(_retrySpreadMs);
        _ = Encoding.UTF8.TryGetBytes(string.Create(CultureInfo.InvariantCulture, $"server stops, retry in {retryMs} ms"), reason, out int bytes);
        endpoints.Close(fd, CloseCode.GoingAway, reason[..bytes]);
    }
}
