using Appliance.Config;
using Appliance.Connections;
using Appliance.Loop;
using Appliance.Protocols.WebSocket;

namespace Appliance.Endpoints;

/// <summary>What happens when a connection was silent for long: one timer each, armed for the next thing that may be due.</summary>
internal sealed class ConnectionTimers(ConnectionTable table, HttpEndpoint http, WebSocketEndpoint webSocket, TimerWheel timers, Settings settings)
{
    /// <summary>When pings begin that come earlier than before: not all connections have theirs in one turn.</summary>
    private const int SpreadMsMax = 10_000;

    private const int SpreadParts = 1024;

    private (int Ping, int Timeout) _inForce = (settings.PingSeconds, settings.TimeoutSeconds);

    /// <summary>Settings have changed: pings that are due earlier now come earlier, and nobody is closed who was not pinged before.</summary>
    public void OnSettings(long nowMs)
    {
        var inForce = (settings.PingSeconds, settings.TimeoutSeconds);
        if (_inForce == inForce)
        {
            return;
        }

        _inForce = inForce;
        long pingMs = settings.PingSeconds * 1000L;
        long spreadMs = Math.Min(pingMs, SpreadMsMax);
        for (int fd = 0; fd <= table.HighestDescriptor; fd++)
        {
            ref var connection = ref table[fd];
            if (connection.State is ConnectionState.Chat or ConnectionState.Echo)
            {
                long earliestMs = nowMs + (fd % SpreadParts * spreadMs / SpreadParts);
                long dueMs = Math.Min(timers.DueMs(fd), Math.Max(connection.HeardMs + pingMs, earliestMs));
                timers.Arm(fd, dueMs);
                PingFirst(fd, dueMs);
            }
        }
    }

    /// <summary>
    /// The timer of a connection runs out at a time that was chosen with other settings, by another process or before a reload. If silence
    /// were too long then, it counts as long enough for a ping, so that the client can answer.
    /// </summary>
    public void PingFirst(int fd, long dueMs)
    {
        ref var connection = ref table[fd];
        if (connection.State is ConnectionState.Chat or ConnectionState.Echo && dueMs - connection.HeardMs >= settings.TimeoutSeconds * 1000L)
        {
            connection.HeardMs = dueMs - (settings.PingSeconds * 1000L);
        }
    }

    /// <summary>The timer of a connection has run out.</summary>
    public void OnTimer(int fd, long nowMs)
    {
        ref var connection = ref table[fd];
        long silentMs = nowMs - connection.HeardMs;
        switch (connection.State)
        {
            case ConnectionState.Http:
                OnHttpTimer(fd, silentMs, nowMs);
                break;
            case ConnectionState.Chat:
            case ConnectionState.Echo:
                OnSilence(fd, silentMs, nowMs);
                break;
            case ConnectionState.Closing:
            case ConnectionState.Lingering:
                OnCloseTimer(fd, silentMs, nowMs);
                break;
            case ConnectionState.None:
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    /// <summary>Whether a connection ends, or is refused, by the timer that has run out, unless it has sent something.</summary>
    public bool IsLast(int fd, long nowMs)
    {
        ref var connection = ref table[fd];
        long silentMs = nowMs - connection.HeardMs;
        return connection.State switch
        {
            ConnectionState.Http => silentMs >= settings.HandshakeTimeoutSeconds * 1000L,
            ConnectionState.Chat or ConnectionState.Echo => silentMs >= settings.TimeoutSeconds * 1000L,
            ConnectionState.Closing or ConnectionState.Lingering => true,
            ConnectionState.None => false,
            _ => throw new System.Diagnostics.UnreachableException(),
        };
    }

    private void OnHttpTimer(int fd, long silentMs, long nowMs)
    {
        long leftMs = (settings.HandshakeTimeoutSeconds * 1000L) - silentMs;
        if (leftMs > 0)
        {
            timers.Arm(fd, nowMs + leftMs);
            return;
        }

        http.OnTimeout(fd);
        timers.Arm(fd, nowMs + WebSocketEndpoint.CloseTimeoutMs);
    }

    private void OnSilence(int fd, long silentMs, long nowMs)
    {
        long timeoutMs = settings.TimeoutSeconds * 1000L;
        long pingMs = settings.PingSeconds * 1000L;
        if (silentMs >= timeoutMs)
        {
            webSocket.Close(fd, CloseCode.GoingAway, awaitAnswer: false);
            return;
        }

        long nextMs = pingMs - silentMs;
        if (nextMs <= 0)
        {
            webSocket.Ping(fd);
            nextMs = Math.Min(pingMs, timeoutMs - silentMs);
        }

        timers.Arm(fd, nowMs + nextMs);
    }

    /// <summary>Time to close is over, unless an answer is still under way to a slow reader.</summary>
    private void OnCloseTimer(int fd, long silentMs, long nowMs)
    {
        if (table[fd].Outbox != 0 && silentMs < settings.TimeoutSeconds * 1000L)
        {
            timers.Arm(fd, nowMs + WebSocketEndpoint.CloseTimeoutMs);
            return;
        }

        table.MarkForClose(fd);
    }
}
