using System.Globalization;
using Appliance.Native;

namespace Appliance.Loop;

/// <summary>A socket that listens.</summary>
public sealed class ListenSocket : IDisposable
{
    /// <summary>The kernel cuts this to net.core.somaxconn.</summary>
    private const int Backlog = 65_535;

    private const int AllPermissions = 0x1FF; // 0777

    /// <summary>
    /// What the kernel keeps for a client that does not read, and of one that is not read; it takes twice that for its own bookkeeping. Left to
    /// itself it grows both to several megabytes a connection. A message waits in the room's log, not here.
    /// </summary>
    private const int SendBufferBytes = 128 << 10;

    private const int ReceiveBufferBytes = 64 << 10;

    private const int InUseMsMax = 200;

    private bool _closed;

    private ListenSocket(int fd, ListenKind kind, string? path)
    {
        Descriptor = fd;
        Kind = kind;
        Path = path;
    }

    /// <summary>The descriptor.</summary>
    public int Descriptor { get; }

    /// <summary>Who connects to it, and what is spoken there.</summary>
    public ListenKind Kind { get; }

    /// <summary>What a process that inherits it is told of it, as <see cref="Inherit(string)"/> reads it: the descriptor and the kind.</summary>
    public string Name => string.Create(CultureInfo.InvariantCulture, $"{Descriptor}:{ListenKinds.RowOf(Kind).Word}");

    /// <summary>The file of a unix socket that goes with it; null for none, or for another process's.</summary>
    public string? Path { get; set; }

    /// <summary>The port the kernel has chosen or was given; 0 for a unix socket.</summary>
    public int Port => Syscall.GetSockName(Descriptor, out var address).Ok && address.Family != Syscall.AF_UNIX ? address.Port : 0;

    /// <summary>Connections that wait to be taken; 0 for a unix socket, of which the kernel does not tell it here.</summary>
    public int QueueLength => Syscall.ListenQueue(Descriptor);

    /// <summary>Listens at an internet address.</summary>
    /// <param name="kind">What for.</param>
    /// <param name="ip">4 or 16 bytes.</param>
    /// <param name="port">The port; 0 lets the kernel choose.</param>
    /// <param name="dual">Whether an IPv6 socket takes IPv4 as well.</param>
    /// <param name="shared">Whether others of this user may listen there too (SO_REUSEPORT).</param>
    /// <param name="name">Option and address for errors.</param>
    /// <exception cref="SyscallException">Another program listens there, the address is not of this host, or no right.</exception>
    public static ListenSocket BindInternet(ListenKind kind, ReadOnlySpan<byte> ip, int port, bool dual, bool shared, string name)
    {
        int fd = Open(ip, dual, shared, name);
        Bind(fd, SocketAddress.Internet(ip, port), name, path: null);
        return Listen(kind, fd, name, path: null);
    }

    /// <summary>A port at which nobody listens, and nobody does while it is looked for: a client would be taken and cut off.</summary>
    /// <param name="ip">4 or 16 bytes.</param>
    /// <param name="port">The port; 0 lets the kernel choose.</param>
    /// <param name="dual">Whether an IPv6 socket takes IPv4 as well.</param>
    /// <param name="name">Option and address for errors.</param>
    /// <exception cref="SyscallException">Another program listens there, the address is not of this host, or no right.</exception>
    public static int FindFree(ReadOnlySpan<byte> ip, int port, bool dual, string name)
    {
        int fd = Open(ip, dual, shared: false, name);
        Bind(fd, SocketAddress.Internet(ip, port), name, path: null);
        using var socket = new ListenSocket(fd, ListenKind.Chat, path: null);
        return socket.Port;
    }

    /// <summary>Listens at a path. A socket file of ours that nobody listens at any more is replaced.</summary>
    /// <param name="kind">What for.</param>
    /// <param name="path">The path.</param>
    /// <param name="mode">Permissions of the socket: who may write to it may connect.</param>
    /// <param name="name">Option and address for errors.</param>
    /// <exception cref="SyscallException">Somebody listens there, or no right.</exception>
    /// <exception cref="IOException">Somebody else's file or link is in the way.</exception>
    public static ListenSocket BindUnix(ListenKind kind, string path, int mode, string name)
    {
        var owners = Ownership.OfProcess;
        _ = OwnedPath.Resolve(name, System.IO.Path.GetDirectoryName(path) ?? "/", owners);
        var address = SocketAddress.Unix(path);
        if (Syscall.StatusOf(path, out var status).Ok && status.IsSocket)
        {
            int probe = Syscall.Socket(Syscall.AF_UNIX).OrThrow("socket");
            bool inUse = Syscall.Connect(probe, address) is { Ok: true } or { WouldBlock: true };
            _ = Syscall.Close(probe);
            if (!owners.Covers(status.Owner))
            {
                throw new IOException($"{name}: the socket there belongs to {Ownership.Name(status.Owner)}: remove it, or choose another path");
            }

            _ = inUse || Syscall.Unlink(path).Ok;
        }

        int fd = Syscall.Socket(Syscall.AF_UNIX).OrThrow("socket");

        // The socket has its permissions from the first moment: setting them by path would follow whatever is there by then.
        int umask = Syscall.ExchangeUmask(~mode & AllPermissions);
        try
        {
            Bind(fd, address, name, path);
        }
        finally
        {
            _ = Syscall.ExchangeUmask(umask);
        }

        return Listen(kind, fd, name, path);
    }

    /// <summary>A socket that was bound by somebody else and inherited.</summary>
    public static ListenSocket Inherit(int descriptor, ListenKind kind)
    {
        _ = Syscall.SetNonBlocking(descriptor).OrThrow("fcntl O_NONBLOCK");
        BoundBuffers(descriptor);
        return new ListenSocket(descriptor, kind, path: null);
    }

    /// <summary>A socket that was inherited from another process of this server, by its <see cref="Name"/>.</summary>
    public static ListenSocket Inherit(string name)
    {
        string[] parts = name.Split(':');
        return Inherit(int.Parse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture), ListenKinds.OfName(parts[1]));
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
        if (Path is not null && Syscall.StatusOf(Path, out var status).Ok && status.IsSocket && Ownership.OfProcess.Covers(status.Owner))
        {
            // Where the directory is not this user's it stays, and the next start replaces it.
            _ = Syscall.Unlink(Path);
        }
    }

    private static int Open(ReadOnlySpan<byte> ip, bool dual, bool shared, string name)
    {
        bool v6 = ip.Length == 16;
        var opened = Syscall.Socket(v6 ? Syscall.AF_INET6 : Syscall.AF_INET);
        int fd = opened.Ok ? opened.Value : throw new SyscallException($"{name}: socket", opened.Error, WayOut(opened.Error, path: null, port: 0));
        if (v6)
        {
            _ = Syscall.SetSocketOption(fd, Syscall.IPPROTO_IPV6, Syscall.IPV6_V6ONLY, dual ? 0 : 1).OrThrow("setsockopt IPV6_V6ONLY");
        }

        // Accepted sockets inherit it: a chat sends small packets at once.
        _ = Syscall.SetSocketOption(fd, Syscall.IPPROTO_TCP, Syscall.TCP_NODELAY, 1).OrThrow("setsockopt TCP_NODELAY");
        BoundBuffers(fd);
        _ = Syscall.SetSocketOption(fd, Syscall.SOL_SOCKET, Syscall.SO_REUSEADDR, 1).OrThrow("setsockopt SO_REUSEADDR");
        _ = Syscall.SetSocketOption(fd, Syscall.SOL_SOCKET, Syscall.SO_REUSEPORT, shared ? 1 : 0).OrThrow("setsockopt SO_REUSEPORT");
        return fd;
    }

    /// <summary>Accepted sockets inherit it. A kernel that refuses bounds them by its own limits.</summary>
    private static void BoundBuffers(int fd)
    {
        _ = Syscall.SetSocketOption(fd, Syscall.SOL_SOCKET, Syscall.SO_SNDBUF, SendBufferBytes);
        _ = Syscall.SetSocketOption(fd, Syscall.SOL_SOCKET, Syscall.SO_RCVBUF, ReceiveBufferBytes);
    }

    private static void Bind(int fd, in SocketAddress address, string name, string? path)
    {
        var wanted = address;
        SysResult bound = default;

        // A process that has just been killed may not have closed its sockets yet.
        _ = Polling.Until(() => (bound = Syscall.Bind(fd, wanted)).Error != Errno.EADDRINUSE, InUseMsMax);
        CloseUnless(bound, fd, name, path, path is null ? address.Port : 0);
    }

    private static ListenSocket Listen(ListenKind kind, int fd, string name, string? path)
    {
        CloseUnless(Syscall.Listen(fd, Backlog), fd, name, path, port: 0);
        return new ListenSocket(fd, kind, path);
    }

    private static void CloseUnless(SysResult done, int fd, string name, string? path, int port)
    {
        if (!done.Ok)
        {
            _ = Syscall.Close(fd);
            throw new SyscallException(name, done.Error, WayOut(done.Error, path, port));
        }
    }

    private static string WayOut(Errno error, string? path, int port) =>
        error == Errno.EAFNOSUPPORT ? "this kernel has no IPv6: choose an address of IPv4, or * for all that it has"
        : error == Errno.EADDRINUSE ? InUse(path, port)
        : error == Errno.EADDRNOTAVAIL ? "no interface of this host has this address: 'ip address' shows those it has"
        : error != Errno.EACCES ? ""
        : path is not null ? "choose a directory that this user may write to"
        : "choose a port from 1024 on, or start as root with --user";

    /// <summary>What is in the way at an address that is taken.</summary>
    private static string InUse(string? path, int port)
    {
        if (path is not null && Syscall.StatusOf(path, out var status) is { Ok: true } && !status.IsSocket)
        {
            return status.IsLink ? "a symbolic link is there: name the path that it leads to, or remove it"
                : status.IsDirectory ? "a directory is there: name a file in it"
                : "a file is there that is no socket: remove it, or choose another path";
        }

        string holder = (path is null ? SocketHolder.OfPort(port) : SocketHolder.OfPath(path)) ?? "another program";
        return $"{holder} listens there: end it, or choose another address";
    }
}
