using Appliance.Native;

namespace Appliance.Loop;

/// <summary>A socket that listens.</summary>
public sealed class ListenSocket : IDisposable
{
    /// <summary>The kernel cuts this to net.core.somaxconn.</summary>
    private const int Backlog = 65_535;

    private const int InUsePollMs = 10;
    private const int InUseTries = 20;

    private bool _closed;

    private ListenSocket(int fd, string? path)
    {
        Descriptor = fd;
        Path = path;
    }

    /// <summary>The descriptor.</summary>
    public int Descriptor { get; }

    /// <summary>The file of a unix socket that goes with it; null for none, or for another process's.</summary>
    public string? Path { get; set; }

    /// <summary>The port the kernel has chosen or was given; 0 for a unix socket.</summary>
    public int Port => Syscall.GetSockName(Descriptor, out var address).Ok && address.Family != Syscall.AF_UNIX ? address.Port : 0;

    /// <summary>Connections that wait to be taken; 0 for a unix socket, of which the kernel does not tell it here.</summary>
    public int QueueLength => Syscall.ListenQueue(Descriptor);

    /// <summary>Listens at an internet address.</summary>
    /// <param name="ip">4 or 16 bytes.</param>
    /// <param name="port">The port; 0 lets the kernel choose.</param>
    /// <param name="dual">Whether an IPv6 socket takes IPv4 as well.</param>
    /// <param name="shared">Whether others of this user may listen there too (SO_REUSEPORT).</param>
    /// <param name="name">Option and address for errors.</param>
    /// <exception cref="SyscallException">Another program listens there, the address is not of this host, or no right.</exception>
    public static ListenSocket BindInternet(ReadOnlySpan<byte> ip, int port, bool dual, bool shared, string name)
    {
        int fd = Open(ip, dual, shared);
        Bind(fd, SocketAddress.Internet(ip, port), name, isPath: false);
        return Listen(fd, name, path: null);
    }

    /// <summary>A port at which nobody listens, and nobody does while it is looked for: a client would be taken and cut off.</summary>
    /// <param name="ip">4 or 16 bytes.</param>
    /// <param name="port">The port; 0 lets the kernel choose.</param>
    /// <param name="dual">Whether an IPv6 socket takes IPv4 as well.</param>
    /// <param name="name">Option and address for errors.</param>
    /// <exception cref="SyscallException">Another program listens there, the address is not of this host, or no right.</exception>
    public static int FindFree(ReadOnlySpan<byte> ip, int port, bool dual, string name)
    {
        int fd = Open(ip, dual, shared: false);
        Bind(fd, SocketAddress.Internet(ip, port), name, isPath: false);
        using var socket = new ListenSocket(fd, path: null);
        return socket.Port;
    }

    /// <summary>Listens at a path. A socket file that nobody listens at any more is replaced.</summary>
    /// <exception cref="SyscallException">Somebody listens there, or no right.</exception>
    public static ListenSocket BindUnix(string path, string name)
    {
        var address = SocketAddress.Unix(path);
        int probe = Syscall.Socket(Syscall.AF_UNIX).OrThrow("socket");
        bool inUse = Syscall.Connect(probe, address) is { Ok: true } or { WouldBlock: true };
        _ = Syscall.Close(probe);
        if (!inUse && Syscall.IsSocket(path))
        {
            File.Delete(path);
        }

        int fd = Syscall.Socket(Syscall.AF_UNIX).OrThrow("socket");
        Bind(fd, address, name, isPath: true);
        var socket = Listen(fd, name, path);

        // Whoever may enter the directory may chat: a reverse proxy runs as another user.
        File.SetUnixFileMode(path, (UnixFileMode)0x1B6); // 0666
        return socket;
    }

    /// <summary>A socket that was bound by somebody else and inherited.</summary>
    public static ListenSocket Inherit(int descriptor)
    {
        _ = Syscall.SetNonBlocking(descriptor).OrThrow("fcntl O_NONBLOCK");
        return new ListenSocket(descriptor, path: null);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_closed)
        {
            return;
        }

        _closed = true;
        _ = Syscall.Close(Descriptor);
        try
        {
            if (Path is not null)
            {
                File.Delete(Path);
            }
        }
        catch (UnauthorizedAccessException)
        {
            // The directory is not this user's; the next start replaces the file.
        }
    }

    private static int Open(ReadOnlySpan<byte> ip, bool dual, bool shared)
    {
        bool v6 = ip.Length == 16;
        int fd = Syscall.Socket(v6 ? Syscall.AF_INET6 : Syscall.AF_INET).OrThrow("socket");
        if (v6)
        {
            _ = Syscall.SetSocketOption(fd, Syscall.IPPROTO_IPV6, Syscall.IPV6_V6ONLY, dual ? 0 : 1).OrThrow("setsockopt IPV6_V6ONLY");
        }

        // Accepted sockets inherit it: a chat sends small packets at once.
        _ = Syscall.SetSocketOption(fd, Syscall.IPPROTO_TCP, Syscall.TCP_NODELAY, 1).OrThrow("setsockopt TCP_NODELAY");
        _ = Syscall.SetSocketOption(fd, Syscall.SOL_SOCKET, Syscall.SO_REUSEADDR, 1).OrThrow("setsockopt SO_REUSEADDR");
        _ = Syscall.SetSocketOption(fd, Syscall.SOL_SOCKET, Syscall.SO_REUSEPORT, shared ? 1 : 0).OrThrow("setsockopt SO_REUSEPORT");
        return fd;
    }

    private static void Bind(int fd, in SocketAddress address, string name, bool isPath)
    {
        var bound = Syscall.Bind(fd, address);
        using var waiting = new ManualResetEventSlim();
        for (int tries = 0; bound.Error == Errno.EADDRINUSE && tries < InUseTries; tries++)
        {
            // A process that has just been killed may not have closed its sockets yet.
            _ = waiting.Wait(InUsePollMs);
            bound = Syscall.Bind(fd, address);
        }

        CloseUnless(bound, fd, name, isPath);
    }

    private static ListenSocket Listen(int fd, string name, string? path)
    {
        CloseUnless(Syscall.Listen(fd, Backlog), fd, name, isPath: path is not null);
        return new ListenSocket(fd, path);
    }

    private static void CloseUnless(SysResult done, int fd, string name, bool isPath)
    {
        if (!done.Ok)
        {
            _ = Syscall.Close(fd);
            throw new SyscallException(name, done.Error, WayOut(done.Error, isPath));
        }
    }

    private static string WayOut(Errno error, bool isPath) =>
        error == Errno.EADDRINUSE ? "another program listens there: end it, or choose another address"
        : error == Errno.EADDRNOTAVAIL ? "no interface of this host has this address: 'ip address' shows those it has"
        : error != Errno.EACCES ? ""
        : isPath ? "choose a directory that this user may write to"
        : "choose a port from 1024 on, or start as root with --user";
}
