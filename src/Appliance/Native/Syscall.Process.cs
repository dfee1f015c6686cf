using System.Runtime.InteropServices;

namespace Appliance.Native;

public static unsafe partial class Syscall
{
    public const int SIGTERM = 15;
    public const int SIGHUP = 1;
    public const int SIGINT = 2;
    public const int SIGQUIT = 3;
    public const int SIGKILL = 9;
    public const int SIGUSR1 = 10;
    public const int SIGUSR2 = 12;
    public const int O_WRONLY = 1;
    public const int O_RDWR = 2;
    public const int O_CREAT = 0x40;
    public const int O_APPEND = 0x400;

    private const int O_NONBLOCK = 0x800;
    private const int F_GETFL = 3;
    private const int F_SETFL = 4;
    private const int O_CLOEXEC = 0x80000;
    private const int LOCK_EX = 2;
    private const int LOCK_NB = 4;
    private const int RLIMIT_NOFILE = 7;
    private const int W_OK = 2;
    private const int AT_FDCWD = -100;
    private const int AT_SYMLINK_NOFOLLOW = 0x100;
    private const uint STATX_TYPE = 1;
    private const int S_IFMT = 0xF000;
    private const int S_IFSOCK = 0xC000;
    private const int StatxBytes = 256;
    private const int StatxModeOffset = 28;

    /// <summary>close(2). Never retried: on Linux the descriptor is gone even when the call reports EINTR.</summary>
    public static SysResult Close(int fd) => SysResult.From(Imports.close(fd));

    /// <summary>open(2), close-on-exec.</summary>
    public static SysResult Open(string path, int flags, int mode) => SysResult.From(Imports.open(path, flags | O_CLOEXEC, mode));

    /// <summary>Whether a path is a socket; statx(2), whose mode is a 16-bit number at byte 28.</summary>
    public static bool IsSocket(string path)
    {
        byte* status = stackalloc byte[StatxBytes];
        bool found = SysResult.From(Imports.statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, status)).Ok;
        return found && (*(ushort*)(status + StatxModeOffset) & S_IFMT) == S_IFSOCK;
    }

    /// <summary>Whether this user may make files in a directory; access(2).</summary>
    public static bool IsWritable(string path) => Imports.access(path, W_OK) == 0;

    /// <summary>read(2).</summary>
    public static SysResult Read(int fd, byte* bytes, int count) => SysResult.From(Imports.read(fd, bytes, (nuint)count));

    /// <summary>write(2).</summary>
    public static SysResult Write(int fd, byte* bytes, int count) => SysResult.From(Imports.write(fd, bytes, (nuint)count));

    /// <summary>Has calls on an open file return EAGAIN instead of waiting; fcntl(2), F_SETFL.</summary>
    public static SysResult SetNonBlocking(int fd)
    {
        int flags = Imports.fcntl(fd, F_GETFL, 0);
        return SysResult.From(flags < 0 ? -1 : Imports.fcntl(fd, F_SETFL, flags | O_NONBLOCK));
    }

    /// <summary>Makes one descriptor another name of an open file; dup2(2).</summary>
    public static SysResult Duplicate(int fd, int target) => SysResult.From(Imports.dup2(fd, target));

    /// <summary>ftruncate(2).</summary>
    public static SysResult Truncate(int fd, long bytes) => SysResult.From(Imports.ftruncate(fd, bytes));

    /// <summary>An exclusive lock on an open file, without waiting (EAGAIN: somebody holds it); flock(2).</summary>
    public static SysResult TryLock(int fd) => SysResult.From(Imports.flock(fd, LOCK_EX | LOCK_NB));

    /// <summary>kill(2); signal 0 only asks whether the process is there.</summary>
    public static SysResult Kill(int pid, int signal) => SysResult.From(Imports.kill(pid, signal));

    /// <summary>The effective user; geteuid(2).</summary>
    public static uint EffectiveUserId() => Imports.geteuid();

    /// <summary>How many descriptors this process may open, and how many it may allow itself; getrlimit(2).</summary>
    public static SysResult GetDescriptorLimit(out long soft, out long hard)
    {
        ulong* limits = stackalloc ulong[2];
        var result = SysResult.From(Imports.getrlimit(RLIMIT_NOFILE, limits));
        soft = (long)Math.Min(limits[0], long.MaxValue);
        hard = (long)Math.Min(limits[1], long.MaxValue);
        return result;
    }

    /// <summary>setrlimit(2) for the number of descriptors.</summary>
    public static SysResult SetDescriptorLimit(long soft, long hard)
    {
        ulong* limits = stackalloc ulong[2];
        limits[0] = (ulong)soft;
        limits[1] = (ulong)hard;
        return SysResult.From(Imports.setrlimit(RLIMIT_NOFILE, limits));
    }

    private static partial class Imports
    {
        [LibraryImport("libc")]
        internal static partial int close(int fd);

        [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int open(string path, int flags, int mode);

        [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int statx(int directory, string path, int flags, uint mask, byte* status);

        [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int access(string path, int mode);

        [LibraryImport("libc")]
        internal static partial nint read(int fd, byte* bytes, nuint count);

        [LibraryImport("libc")]
        internal static partial nint write(int fd, byte* bytes, nuint count);

        [LibraryImport("libc")]
        internal static partial int fcntl(int fd, int command, int argument);

        [LibraryImport("libc")]
        internal static partial int dup2(int fd, int target);

        [LibraryImport("libc")]
        internal static partial int ftruncate(int fd, long bytes);

        [LibraryImport("libc")]
        internal static partial int flock(int fd, int operation);

        [LibraryImport("libc")]
        internal static partial int kill(int pid, int signal);

        [LibraryImport("libc")]
        internal static partial uint geteuid();

        [LibraryImport("libc")]
        internal static partial int getrlimit(int resource, ulong* limits);

        [LibraryImport("libc")]
        internal static partial int setrlimit(int resource, ulong* limits);
    }
}
