using System.Net;
using System.Text;
using Appliance.Config;
using Appliance.Loop;
using Appliance.Native;
using SocketAddress = Appliance.Native.SocketAddress;

namespace Appliance.Monitoring;

/// <summary>Asks a monitoring port: for commands of users who may not read the server's shared memory.</summary>
public static unsafe class MonitorClient
{
    private const int AnswerBytesMax = 8 << 20;
    private const int ReadBytes = 64 << 10;

    /// <summary>The body of the answer to GET, whatever its status.</summary>
    /// <exception cref="IOException">Nobody answers there in time, or not as a monitoring port does.</exception>
    public static string Get(ListenAddress address, string target, int timeoutMs)
    {
        var peer = AddressOf(address);
        int fd = Syscall.Socket(peer.Family).OrThrow("socket");
        try
        {
            var connected = Syscall.Connect(fd, peer);
            if (!connected.Ok && !connected.WouldBlock && connected.Error != Errno.EINPROGRESS)
            {
                throw new IOException($"--metrics {address.Text}: {SyscallException.Describe(connected.Error)}");
            }

            byte[] request = Encoding.ASCII.GetBytes($"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            string answer = Encoding.UTF8.GetString(Exchange(fd, request, address, timeoutMs));
            int head = answer.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            return head > 0 && answer.StartsWith("HTTP/1.1 ", StringComparison.Ordinal)
                ? answer[(head + 4)..]
                : throw new IOException($"--metrics {address.Text}: the program that listens there is not a monitoring port");
        }
        finally
        {
            _ = Syscall.Close(fd);
        }
    }

    /// <summary>Writes a request once the connection is made, and reads until the other side ends it.</summary>
    private static byte[] Exchange(int fd, byte[] request, ListenAddress address, int timeoutMs)
    {
        using var poller = new Poller(1);
        var clock = new LoopClock();
        long deadline = clock.NowMs + timeoutMs;
        _ = poller.Add(fd, 1).OrThrow("epoll_ctl");
        poller.Watch(fd, 1, read: false, write: true);
        using var answer = new MemoryStream();
        byte* bytes = stackalloc byte[ReadBytes];
        bool sent = false;
        while (answer.Length < AnswerBytesMax)
        {
            clock.Update();
            if (clock.NowMs >= deadline)
            {
                throw new IOException($"--metrics {address.Text}: no answer within {timeoutMs / 1000} seconds");
            }

            if (poller.Wait((int)(deadline - clock.NowMs)) == 0)
            {
                continue;
            }

            SysResult done;
            if (!sent)
            {
                fixed (byte* start = request)
                {
                    done = Syscall.Send(fd, start, request.Length, 0);
                }

                sent = done.Ok;
                poller.Watch(fd, 1, read: sent, write: !sent);
            }
            else
            {
                done = Syscall.Receive(fd, bytes, ReadBytes);
                answer.Write(new ReadOnlySpan<byte>(bytes, done.Ok ? done.Value : 0));
            }

            if (!done.Ok && !done.WouldBlock)
            {
                throw new IOException($"--metrics {address.Text}: {SyscallException.Describe(done.Error)}");
            }

            if (sent && done is { Ok: true, Value: 0 })
            {
                break;
            }
        }

        return answer.ToArray();
    }

    private static SocketAddress AddressOf(ListenAddress address)
    {
        if (address.UnixPath is { } path)
        {
            return SocketAddress.Unix(path);
        }

        var ip = address.IsAnyFamily || address.Ip!.Equals(IPAddress.Any) ? IPAddress.Loopback
            : address.Ip.Equals(IPAddress.IPv6Any) ? IPAddress.IPv6Loopback
            : address.Ip;
        return SocketAddress.Internet(ip.GetAddressBytes(), address.Port);
    }
}
