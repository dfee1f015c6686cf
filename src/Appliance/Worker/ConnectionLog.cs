using System.Text;
using Appliance.Config;
using Appliance.Connections;
using Appliance.Logging;

namespace Appliance.Worker;

/// <summary>Writes what happens to connections into the log; strings are made only for lines that are written.</summary>
internal sealed class ConnectionLog(EventLog log, Settings settings) : IConnectionObserver
{
    private const int FullLineEveryMs = 1000;

    private long _nextFullMs;
    private int _fullUntold;

    /// <inheritdoc/>
    public void OnConnected(in Connection connection, ReadOnlySpan<byte> room, bool created)
    {
        if (created)
        {
            log.Write(EventCatalogue.RoomCreated, Encoding.ASCII.GetString(room));
        }

        if (log.Writes(EventCatalogue.Connected))
        {
            log.Write(EventCatalogue.Connected, ConnectionTable.AddressOf(connection), Encoding.ASCII.GetString(room));
        }
    }

    /// <inheritdoc/>
    public void OnDisconnected(in Connection connection, ReadOnlySpan<byte> room)
    {
        if (log.Writes(EventCatalogue.Disconnected))
        {
            log.Write(EventCatalogue.Disconnected, ConnectionTable.AddressOf(connection), Encoding.ASCII.GetString(room), connection.CloseCode);
        }
    }

    /// <inheritdoc/>
    public void OnRefused(in Connection connection, int status, string why)
    {
        if (status is 403 or 503)
        {
            OnFull(connection, status, why);
            return;
        }

        if (log.Writes(EventCatalogue.Refused))
        {
            log.Write(EventCatalogue.Refused, ConnectionTable.AddressOf(connection), status, why);
        }
    }

    /// <inheritdoc/>
    public void OnTooFast(in Connection connection) =>
        log.Write(EventCatalogue.TooFast, ConnectionTable.AddressOf(connection), settings.MaxRate);

    /// <inheritdoc/>
    public void OnAcceptFailed(string error, int pauseMs) => log.Write(EventCatalogue.DescriptorsExhausted, error, pauseMs);

    /// <summary>No place is the administrator's business; a line a second tells it, whoever knocks how often.</summary>
    private void OnFull(in Connection connection, int status, string why)
    {
        long now = Environment.TickCount64;
        if (now < _nextFullMs)
        {
            _fullUntold++;
            return;
        }

        log.Write(EventCatalogue.Full, ConnectionTable.AddressOf(connection), status, why, _fullUntold);
        _nextFullMs = now + FullLineEveryMs;
        _fullUntold = 0;
    }
}
