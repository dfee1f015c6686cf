using System.Globalization;
using System.Net;

namespace Appliance.SystemTests.Harness;

/// <summary>The kernel's table of IPv4 sockets, <c>/proc/net/tcp</c>.</summary>
public static class TcpTable
{
    /// <summary>Whether the socket from <paramref name="local"/> to <paramref name="remote"/> holds no byte that its owner has not read.</summary>
    public static bool IsReceiveQueueEmpty(IPEndPoint local, IPEndPoint remote)
    {
        // "sl local remote st tx_queue:rx_queue ..." with addresses as hexadecimal ADDRESS:PORT
        var localPort = local.Port.ToString("X4", CultureInfo.InvariantCulture);
        var remotePort = remote.Port.ToString("X4", CultureInfo.InvariantCulture);
        foreach (var line in File.ReadLines("/proc/net/tcp").Skip(1))
        {
            var columns = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (columns[1].EndsWith(localPort, StringComparison.Ordinal) && columns[2].EndsWith(remotePort, StringComparison.Ordinal))
            {
                return columns[4].EndsWith(":00000000", StringComparison.Ordinal);
            }
        }

        return true;
    }
}
