using System.Text;
using Appliance.Connections;
using Appliance.Logging;
using Appliance.Loop;
using Appliance.Metrics;

namespace Appliance.Worker;

/// <summary>
/// Writes what happens to connections into the log. Clients cause these lines, so each kind has a <see cref="LineLimit"/>, except at the
/// level debug, which is for reading every connection. Strings are made only for lines that are written.
/// </summary>
internal sealed class ConnectionLog : IConnectionObserver
{
    /// <summary>A state that lasts, and not an event: monitors tell it as long as it does.</summary>
    private const int ExhaustedEveryMs = 60_000;

    private readonly EventLog _log;
    private readonly LoopClock _clock;
    private readonly LineLimit _created;
    private readonly LineLimit _full;
    private readonly LineLimit _origin;
    private readonly LineLimit _token;
    private readonly LineLimit _tooFast;
    private readonly LineLimit _undecided;
    private readonly LineLimit _address;
    private readonly LineLimit[] _limits;
    private long _exhaustedAgainMs;

    /// <summary>A log of connections that counts by a worker's clock.</summary>
    public ConnectionLog(EventLog log, LoopClock clock)
    {
        (_log, _clock) = (log, clock);
        _created = new LineLimit(log, EventCatalogue.RoomsCreatedMore);
        _full = new LineLimit(log, EventCatalogue.FullMore);
        _tooFast = new LineLimit(log, EventCatalogue.TooFastMore);
        _origin = new LineLimit(log, EventCatalogue.OriginRefusedMore);
        _token = new LineLimit(log, EventCatalogue.TokenRefusedMore);
        _address = new LineLimit(log, EventCatalogue.AddressRefusedMore);
        _undecided = new LineLimit(log, EventCatalogue.UndecidedMore);
        _limits = [_created, _full, _tooFast, _origin, _token, _address, _undecided];
    }

    /// <summary>When lines that were counted are to be told, by the worker's clock; long.MaxValue when there is none.</summary>
    public long DueMs { get; private set; } = long.MaxValue;

    /// <summary>Tells how many lines were left out, of each kind whose second is over.</summary>
    /// <param name="nowMs">The time; long.MaxValue tells all.</param>
    public void TellSums(long nowMs)
    {
        DueMs = long.MaxValue;
        foreach (var limit in _limits)
        {
            if (nowMs >= limit.DueMs)
            {
                limit.TellSum(nowMs);
            }

            DueMs = Math.Min(DueMs, limit.DueMs);
        }
    }

    /// <inheritdoc/>
    public void OnConnected(in Connection connection, ReadOnlySpan<byte> room, bool created)
    {
        if (created && MayWrite(EventCatalogue.RoomCreated, _created))
        {
            _log.Write(EventCatalogue.RoomCreated, Encoding.ASCII.GetString(room));
        }

        if (_log.Writes(EventCatalogue.Connected))
        {
            _log.Write(EventCatalogue.Connected, ConnectionTable.AddressOf(connection), Encoding.ASCII.GetString(room));
        }
    }

    /// <inheritdoc/>
    public void OnDisconnected(in Connection connection, ReadOnlySpan<byte> room)
    {
        if (_log.Writes(EventCatalogue.Disconnected))
        {
            _log.Write(EventCatalogue.Disconnected, ConnectionTable.AddressOf(connection), Encoding.ASCII.GetString(room), connection.CloseCode);
        }
    }

    /// <inheritdoc/>
    public void OnRefused(in Connection connection, RejectReason reason, int status, string why)
    {
        // No place, a page that may not connect, and a token that is not good, are the administrator's business.
        var limit = reason is RejectReason.RoomsFull or RejectReason.Full ? _full
            : reason == RejectReason.Origin ? _origin
            : reason is RejectReason.Token or RejectReason.Forbidden or RejectReason.AuthUnauthorized or RejectReason.AuthForbidden
                or RejectReason.NameTaken ? _token
            : null;
        var what = limit == _full ? EventCatalogue.Full : limit == _origin ? EventCatalogue.OriginRefused
            : limit == _token ? EventCatalogue.TokenRefused : EventCatalogue.Refused;
        if (limit is null ? _log.Writes(what) : MayWrite(what, limit))
        {
            _log.Write(what, ConnectionTable.AddressOf(connection), status, why);
        }
    }

    /// <inheritdoc/>
    public void OnAddressRefused(in Connection connection, string why, long untold)
    {
        if (MayWrite(EventCatalogue.AddressRefused, _address))
        {
            _log.Write(EventCatalogue.AddressRefused, ConnectionTable.AddressOf(connection), why, untold);
        }
    }

    /// <inheritdoc/>
    public void OnTokenRefused(in Connection connection, string why)
    {
        if (MayWrite(EventCatalogue.TokenNotRenewed, _token))
        {
            _log.Write(EventCatalogue.TokenNotRenewed, ConnectionTable.AddressOf(connection), why);
        }
    }

    /// <inheritdoc/>
    public void OnUndecided(in Connection connection, string why)
    {
        if (MayWrite(EventCatalogue.Undecided, _undecided))
        {
            _log.Write(EventCatalogue.Undecided, ConnectionTable.AddressOf(connection), why);
        }
    }

    /// <inheritdoc/>
    public void OnTlsFailed(in Connection connection, string why)
    {
        if (_log.Writes(EventCatalogue.TlsFailed))
        {
            _log.Write(EventCatalogue.TlsFailed, ConnectionTable.AddressOf(connection), why);
        }
    }

    /// <inheritdoc/>
    public void OnTooFast(in Connection connection, int perSecondMax)
    {
        if (MayWrite(EventCatalogue.TooFast, _tooFast))
        {
            _log.Write(EventCatalogue.TooFast, ConnectionTable.AddressOf(connection), perSecondMax);
        }
    }

    /// <inheritdoc/>
    public void OnDescriptorsExhausted(string error)
    {
        if (_clock.NowMs >= _exhaustedAgainMs)
        {
            _exhaustedAgainMs = _clock.NowMs + ExhaustedEveryMs;
            _log.Write(EventCatalogue.DescriptorsExhausted, error);
        }
    }

    private bool MayWrite(LogEvent what, LineLimit limit)
    {
        bool may = _log.Writes(what) && limit.TryTake(_clock.NowMs);
        DueMs = Math.Min(DueMs, limit.DueMs);
        return may;
    }
}
