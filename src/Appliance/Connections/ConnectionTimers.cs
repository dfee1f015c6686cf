using Appliance.Config;
using Appliance.Loop;
using Appliance.WebSocket;

namespace Appliance.Connections;

/// <summary>What happens when a connection was silent for long: one timer each, armed for the next thing that may be due.</summary>
internal sealed class ConnectionTimers(ConnectionTable table, HttpEndpoint http, WebSocketEndpoint webSocket, TimerWheel timers, Settings settings)
{
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

        table.Doom(fd);
    }
}
