using System.Runtime.InteropServices;

namespace Appliance.Native;

/// <summary>
/// Every system call of the program, one method each under its own name. A method retries EINTR, sets close-on-exec, and
/// returns a <see cref="SysResult"/>; the imports are private, so that no other folder can reach libc.
/// </summary>
public static unsafe partial class Syscall
{
    public const int AF_UNIX = 1;
    public const int AF_INET = 2;
    public const int AF_INET6 = 10;
    public const int SOL_SOCKET = 1;
    public const int SO_REUSEADDR = 2;
    public const int SO_SNDBUF = 7;
    public const int SO_RCVBUF = 8;
    public const int SO_REUSEPORT = 15;
    public const int IPPROTO_TCP = 6;
    public const int TCP_NODELAY = 1;
    public const int IPPROTO_IPV6 = 41;
    public const int IPV6_V6ONLY = 26;
    public const int SHUT_RD = 0;
    public const int SHUT_WR = 1;

    /// <summary>More bytes follow at once: the kernel may wait for them before it makes a packet.</summary>
    public const int MSG_MORE = 0x8000;

    private const int SO_TYPE = 3;
    /// <summary>Where <c>struct tcp_info</c> has <c>tcpi_unacked</c>.</summary>
    internal const int TcpInfoUnackedOffset = 24;

    private const int TCP_INFO = 11;
    private const int TCP_LISTEN = 10;
    private const int TcpInfoBytes = 104;
    private const int SO_LINGER = 13;
    private const int SO_PEERCRED = 17;
    private const int PeerCredentialWords = 3;
    private const int SO_ACCEPTCONN = 30;
    private const int SO_SNDTIMEO = 21;
    private const int SOCK_STREAM = 1;
    private const int SOCK_NONBLOCK = 0x800;
    private const int SOCK_CLOEXEC = 0x80000;
    private const int MSG_PEEK = 2;
    private const int MSG_DONTWAIT = 0x40;
    private const int MSG_NOSIGNAL = 0x4000;

    /// <summary>A stream socket that neither blocks nor survives exec; socket(2).</summary>
    public static SysResult Socket(int family) =>
        SysResult.From(Imports.socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));

    /// <summary>bind(2).</summary>
    public static SysResult Bind(int fd, in SocketAddress address)
    {
        fixed (SocketAddress* pointer = &address)
        {
            return SysResult.From(Imports.bind(fd, pointer, address.Length));
        }
    }

    /// <summary>listen(2).</summary>
    public static SysResult Listen(int fd, int backlog) => SysResult.From(Imports.listen(fd, backlog));

    /// <summary>The next waiting connection, non-blocking and close-on-exec, and its peer's address; accept4(2).</summary>
    public static SysResult Accept(int fd, out SocketAddress peer)
    {
        fixed (SocketAddress* pointer = &peer)
        {
            SysResult result;
            do
            {
                *pointer = default;
                uint length = SocketAddress.BytesMax;
                result = SysResult.From(Imports.accept4(fd, pointer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
                pointer->Length = length;
            }
            while (result.Error == Errno.EINTR);
            return result;
        }
    }

    /// <summary>The address a socket is bound to; getsockname(2).</summary>
    public static SysResult GetSockName(int fd, out SocketAddress address)
    {
        fixed (SocketAddress* pointer = &address)
        {
            *pointer = default;
            uint length = SocketAddress.BytesMax;
            var result = SysResult.From(Imports.getsockname(fd, pointer, &length));
            pointer->Length = length;
            return result;
        }
    }

    /// <summary>The address of a socket's peer; getpeername(2).</summary>
    public static SysResult GetPeerName(int fd, out SocketAddress address)
    {
        fixed (SocketAddress* pointer = &address)
        {
            *pointer = default;
            uint length = SocketAddress.BytesMax;
            var result = SysResult.From(Imports.getpeername(fd, pointer, &length));
            pointer->Length = length;
            return result;
        }
    }

    /// <summary>setsockopt(2) for the options whose value is an int.</summary>
    public static SysResult SetSocketOption(int fd, int level, int option, int value) =>
        SysResult.From(Imports.setsockopt(fd, level, option, &value, sizeof(int)));

    /// <summary>The process at the other end of a unix socket; 0 when it is of another namespace. unix(7), SO_PEERCRED: pid, uid, gid.</summary>
    public static int PeerProcess(int fd)
    {
        int* credentials = stackalloc int[PeerCredentialWords];
        uint length = PeerCredentialWords * sizeof(int);
        return Imports.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, &length) == 0 ? credentials[0] : 0;
    }

    /// <summary>Whether a descriptor is a stream socket that listens; getsockopt(2), SO_ACCEPTCONN and SO_TYPE.</summary>
    public static bool IsListening(int fd) => GetSocketOption(fd, SO_ACCEPTCONN) == 1 && GetSocketOption(fd, SO_TYPE) == SOCK_STREAM;

    /// <summary>
    /// Connections that wait at a listening TCP socket; 0 for any other. getsockopt(2), TCP_INFO: the first byte is the state, and of a
    /// listener the number at byte 24 is the length of its queue.
    /// </summary>
    public static int ListenQueue(int fd)
    {
        byte* info = stackalloc byte[TcpInfoBytes];
        uint length = TcpInfoBytes;
        bool told = Imports.getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &length) == 0 && length >= TcpInfoBytes;
        return told && info[0] == TCP_LISTEN ? (int)*(uint*)(info + TcpInfoUnackedOffset) : 0;
    }

    /// <summary>Has close send a reset and throw away what has not been sent; socket(7), SO_LINGER {1, 0}.</summary>
    public static SysResult ResetOnClose(int fd)
    {
        int* linger = stackalloc int[2];
        linger[0] = 1;
        linger[1] = 0;
        return SysResult.From(Imports.setsockopt(fd, SOL_SOCKET, SO_LINGER, linger, 2 * sizeof(int)));
    }

    /// <summary>Connects a socket to its peer; connect(2). EINPROGRESS and EAGAIN are values of a non-blocking socket.</summary>
    public static SysResult Connect(int fd, in SocketAddress address)
    {
        fixed (SocketAddress* pointer = &address)
        {
            return SysResult.From(Imports.connect(fd, pointer, address.Length));
        }
    }

    /// <summary>Hands bytes to a socket without waiting and without SIGPIPE; send(2). The value is how many were taken.</summary>
    public static SysResult Send(int fd, byte* bytes, int count, int flags)
    {
        SysResult result;
        do
        {
            result = SysResult.From(Imports.send(fd, bytes, (nuint)count, flags | MSG_DONTWAIT | MSG_NOSIGNAL));
        }
        while (result.Error == Errno.EINTR);
        return result;
    }

    /// <summary>Whether nothing is to be read from a socket any more, now or later; recv(2) with MSG_PEEK.</summary>
    public static bool HasEnded(int fd)
    {
        byte letter;
        var result = SysResult.From(Imports.recv(fd, &letter, 1, MSG_DONTWAIT | MSG_PEEK));
        return result.Ok ? result.Value == 0 : !result.WouldBlock && result.Error != Errno.EINTR;
    }

    /// <summary>Takes what has come in, without waiting; recv(2). The value 0 is the end of the stream.</summary>
    public static SysResult Receive(int fd, byte* bytes, int count)
    {
        SysResult result;
        do
        {
            result = SysResult.From(Imports.recv(fd, bytes, (nuint)count, MSG_DONTWAIT));
        }
        while (result.Error == Errno.EINTR);
        return result;
    }

    /// <summary>Ends one direction of a connection; shutdown(2).</summary>
    public static SysResult Shutdown(int fd, int how) => SysResult.From(Imports.shutdown(fd, how));

    private static int GetSocketOption(int fd, int option)
    {
        int value = 0;
        uint length = sizeof(int);
        return Imports.getsockopt(fd, SOL_SOCKET, option, &value, &length) == 0 ? value : -1;
    }

    private static partial class Imports
    {
        [LibraryImport("libc")]
        internal static partial int socket(int family, int type, int protocol);

        [LibraryImport("libc")]
        internal static partial int bind(int fd, SocketAddress* address, uint length);

        [LibraryImport("libc")]
        internal static partial int connect(int fd, SocketAddress* address, uint length);

        [LibraryImport("libc")]
        internal static partial int listen(int fd, int backlog);

        [LibraryImport("libc")]
        internal static partial int accept4(int fd, SocketAddress* address, uint* length, int flags);

        [LibraryImport("libc")]
        internal static partial int getsockname(int fd, SocketAddress* address, uint* length);

        [LibraryImport("libc")]
        internal static partial int getpeername(int fd, SocketAddress* address, uint* length);

        [LibraryImport("libc")]
        internal static partial int setsockopt(int fd, int level, int option, int* value, uint length);

        [LibraryImport("libc")]
        internal static partial int getsockopt(int fd, int level, int option, void* value, uint* length);

        [LibraryImport("libc")]
        internal static partial nint send(int fd, byte* bytes, nuint count, int flags);

        [LibraryImport("libc")]
        internal static partial nint recv(int fd, byte* bytes, nuint count, int flags);

        [LibraryImport("libc")]
        internal static partial int shutdown(int fd, int how);
    }
}
