using System.Runtime.InteropServices;

namespace Appliance.Native;

public static unsafe partial class Syscall
{
    public const int EPOLL_CTL_ADD = 1;
    public const int EPOLL_CTL_DEL = 2;
    public const int EPOLL_CTL_MOD = 3;
    public const uint EPOLLIN = 0x1;
    public const uint EPOLLOUT = 0x4;
    public const uint EPOLLERR = 0x8;
    public const uint EPOLLHUP = 0x10;
    public const uint EPOLLRDHUP = 0x2000;

    private const int EPOLL_CLOEXEC = 0x80000;
    private const int EFD_CLOEXEC = 0x80000;
    private const int EFD_NONBLOCK = 0x800;

    /// <summary>epoll_create1(2).</summary>
    public static SysResult EpollCreate() => SysResult.From(Imports.epoll_create1(EPOLL_CLOEXEC));

    /// <summary>epoll_ctl(2); <paramref name="data"/> comes back with each event of the descriptor.</summary>
    public static SysResult EpollControl(int epoll, int operation, int fd, uint events, ulong data)
    {
        byte* entry = stackalloc byte[EpollEvents.EntryBytesMax];
        EpollEvents.Write(entry, events, data);
        return SysResult.From(Imports.epoll_ctl(epoll, operation, fd, entry));
    }

    /// <summary>
    /// Waits for events, -1 milliseconds for ever; epoll_wait(2). EINTR is not retried but counts as no event: the caller's
    /// time limit must be worked out anew.
    /// </summary>
    public static SysResult EpollWait(int epoll, EpollEvents events, int timeoutMs)
    {
        var result = SysResult.From(Imports.epoll_wait(epoll, events.Entries, events.Capacity, timeoutMs));
        return result.Error == Errno.EINTR ? default : result;
    }

    /// <summary>A counter that can be waited for; eventfd(2).</summary>
    public static SysResult EventFd() => SysResult.From(Imports.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));

    private static partial class Imports
    {
        [LibraryImport("libc")]
        internal static partial int epoll_create1(int flags);

        [LibraryImport("libc")]
        internal static partial int epoll_ctl(int epoll, int operation, int fd, byte* entry);

        [LibraryImport("libc")]
        internal static partial int epoll_wait(int epoll, byte* entries, int capacity, int timeoutMs);

        [LibraryImport("libc")]
        internal static partial int eventfd(uint initial, int flags);
    }
}
