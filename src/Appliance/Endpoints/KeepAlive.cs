using Appliance.Connections;
using Appliance.Loop;

namespace Appliance.Endpoints;

/// <summary>Clients whose pings and timeouts were chosen with other settings: before a reload, or by another process.</summary>
internal sealed class KeepAlive(WorkerContext context)
{
    /// <summary>When pings begin that come earlier than before: not all connections have theirs in one turn.</summary>
    private const int SpreadMsMax = 10_000;

    private const int SpreadParts = 1024;

    private (int Ping, int Timeout) _inForce = (context.Settings.PingSeconds, context.Settings.TimeoutSeconds);

    /// <summary>Settings have changed: pings that are due earlier now come earlier, and nobody is closed without a ping before.</summary>
    public void OnSettings()
    {
        var inForce = (context.Settings.PingSeconds, context.Settings.TimeoutSeconds);
        if (_inForce == inForce)
        {
            return;
        }

        _inForce = inForce;
        long pingMs = context.Settings.PingSeconds * 1000L;
        long spreadMs = Math.Min(pingMs, SpreadMsMax);
        var table = context.Table;
        for (int fd = 0; fd <= table.HighestDescriptor; fd++)
        {
            ref var connection = ref table[fd];
            if (connection.IsClient)
            {
                long earliestMs = context.NowMs + (fd % SpreadParts * spreadMs / SpreadParts);
                long dueMs = Math.Min(context.Timers.DueMs(new TimerId(fd)), Math.Max(connection.HeardMs + pingMs, earliestMs));
                context.Timers.Arm(new TimerId(fd), dueMs);
                PingFirst(fd, dueMs);
            }
        }
    }

    /// <summary>
    /// The timer of a connection was set with other settings. If silence were too long when it runs out, it counts as long enough for a ping,
    /// so that the client can answer.
    /// </summary>
    public void PingFirst(int fd, long dueMs)
    {
        ref var connection = ref context.Table[fd];
        if (connection.IsClient && dueMs - connection.HeardMs >= context.Settings.TimeoutSeconds * 1000L)
        {
            connection.HeardMs = dueMs - (context.Settings.PingSeconds * 1000L);
        }
    }
}
