using System.Globalization;
using System.Runtime.InteropServices;

namespace Appliance.Native;

public static unsafe partial class Syscall
{
    public const int O_RDONLY = 0;
    public const int O_WRONLY = 1;
    public const int O_RDWR = 2;
    public const int O_CREAT = 0x40;
    public const int O_APPEND = 0x400;

    public const int O_NONBLOCK = 0x800;
    public const int O_NOFOLLOW = 0x20000;
    public const int O_NOCTTY = 0x100;
    public const int O_PATH = 0x200000;
    public const int SEEK_CUR = 1;
    public const int SEEK_END = 2;

    private const int ArgumentsStartField = 48 - 3;
    private const int ArgumentsEndField = 49 - 3;
    private const int F_GETFL = 3;
    private const int F_SETFL = 4;
    private const int O_CLOEXEC = 0x80000;
    private const int Stdin = 0;
    private const int Stdout = 1;
    private const int F_GETFD = 1;
    private const int F_SETFD = 2;
    private const int F_OFD_GETLK = 36;
    private const int F_OFD_SETLK = 37;
    private const short F_WRLCK = 1;
    private const short F_UNLCK = 2;
    private const int PR_SET_NAME = 15;
    private const int PR_SET_PDEATHSIG = 1;
    private const nint SIGCONT = 18;
    private const int AT_EMPTY_PATH = 0x1000;
    private const uint STATX_INO = 0x100;
    private const int StatxInodeOffset = 32;
    private const int RLIMIT_NOFILE = 7;
    private const int F_OK = 0;
    private const int W_OK = 2;
    private const int R_OK = 4;
    private const int AT_FDCWD = -100;
    private const int AT_SYMLINK_NOFOLLOW = 0x100;
    private const uint STATX_TYPE = 1;
    private const int S_IFMT = 0xF000;
    private const int S_IFREG = 0x8000;
    private const uint STATX_NLINK = 4;
    private const int StatxLinksOffset = 16;
    private const int StatxBytes = 256;
    private const int StatxModeOffset = 28;

    /// <summary>close(2). Never retried: on Linux the descriptor is gone even when the call reports EINTR.</summary>
    public static SysResult Close(int fd) => SysResult.From(Imports.close(fd));

    /// <summary>open(2), close-on-exec.</summary>
    public static SysResult Open(string path, int flags, int mode) => SysResult.From(Imports.open(path, flags | O_CLOEXEC, mode));

    /// <summary>Whether there is no such file; one in a directory that is closed to this user may be there. access(2).</summary>
    public static bool IsAbsent(string path) => SysResult.From(Imports.access(path, F_OK)).Error == Errno.ENOENT;

    /// <summary>Whether a file is there for this user to read; access(2).</summary>
    public static bool IsReadable(string path) => Imports.access(path, R_OK) == 0;

    /// <summary>Whether this user may make files in a directory; access(2).</summary>
    public static bool IsWritable(string path) => Imports.access(path, W_OK) == 0;

    /// <summary>read(2).</summary>
    public static SysResult Read(int fd, byte* bytes, int count) => SysResult.From(Imports.read(fd, bytes, (nuint)count));

    /// <summary>write(2).</summary>
    public static SysResult Write(int fd, byte* bytes, int count) => SysResult.From(Imports.write(fd, bytes, (nuint)count));

    /// <summary>write(2): how many bytes were written, which may be fewer.</summary>
    public static SysResult Write(int fd, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            return Write(fd, start, bytes.Length);
        }
    }

    /// <summary>Writes all bytes, however many calls that takes; the first failure ends it. write(2).</summary>
    public static SysResult WriteWhole(int fd, ReadOnlySpan<byte> bytes)
    {
        SysResult written = default;
        while (!bytes.IsEmpty && (written.Ok || written.Error == Errno.EINTR))
        {
            written = Write(fd, bytes);
            bytes = bytes[(written.Ok ? written.Value : 0)..];
        }

        return written;
    }

    /// <summary>Has calls on an open file return EAGAIN instead of waiting; fcntl(2), F_SETFL.</summary>
    public static SysResult SetNonBlocking(int fd)
    {
        int flags = Imports.fcntl(fd, F_GETFL, 0);
        return SysResult.From(flags < 0 ? -1 : Imports.fcntl(fd, F_SETFL, flags | O_NONBLOCK));
    }

    /// <summary>
    /// Gives this process another name for ps: writes over its own command line, whose place /proc/self/stat tells (proc(5), fields 48
    /// and 49), as far as it reaches. The runtime has long copied it. Without /proc the name stays.
    /// </summary>
    public static void SetTitle(string title)
    {
        const string Status = "/proc/self/stat";
        if (!IsReadable(Status))
        {
            return;
        }

        string stat = File.ReadAllText(Status);
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        if (fields.Length > ArgumentsEndField && nuint.TryParse(fields[ArgumentsStartField], CultureInfo.InvariantCulture, out nuint start)
            && nuint.TryParse(fields[ArgumentsEndField], CultureInfo.InvariantCulture, out nuint end) && end > start)
        {
            var area = new Span<byte>((byte*)start, (int)(end - start));
            area.Clear();
            _ = System.Text.Encoding.UTF8.TryGetBytes(title.AsSpan(0, Math.Min(title.Length, area.Length - 1)), area, out _);
        }
    }

    /// <summary>Makes one descriptor another name of an open file; dup2(2).</summary>
    public static SysResult Duplicate(int fd, int target) => SysResult.From(Imports.dup2(fd, target));

    /// <summary>The position in a file that a move leads to; lseek(2). Files longer than an int have such positions, too: compare, do not count.</summary>
    public static SysResult Seek(int fd, long offset, int whence) => SysResult.From(Imports.lseek(fd, offset, whence));

    /// <summary>ftruncate(2).</summary>
    public static SysResult Truncate(int fd, long bytes) => SysResult.From(Imports.ftruncate(fd, bytes));

    /// <summary>
    /// An exclusive lock on the first bytes (0: all) of a file that is open for writing, without waiting (EAGAIN: somebody holds it); it
    /// belongs to the open file and ends with it. fcntl(2), F_OFD_SETLK.
    /// </summary>
    public static SysResult TryLock(int fd, int bytes)
    {
        var request = new FileLock { Type = F_WRLCK, Length = bytes };
        return SysResult.From(Imports.fcntl_lock(fd, F_OFD_SETLK, &request));
    }

    /// <summary>
    /// Gives a lock on an open file back, in whatever processes the file is open: a child that is being started has it for a moment.
    /// fcntl(2), F_OFD_SETLK.
    /// </summary>
    public static SysResult Unlock(int fd)
    {
        var request = new FileLock { Type = F_UNLCK };
        return SysResult.From(Imports.fcntl_lock(fd, F_OFD_SETLK, &request));
    }

    /// <summary>Whether a path still leads to an open file: it may have been removed, and made anew, since it was opened.</summary>
    public static bool IsAt(int fd, string path) =>
        StatusOf(fd, out var open).Ok && StatusOf(path, out var found).Ok && (open.Device, open.Inode) == (found.Device, found.Inode);

    /// <summary>Sets the permissions of an open file, whatever the umask; fchmod(2).</summary>
    public static SysResult ChangeMode(int fd, int mode) => SysResult.From(Imports.fchmod(fd, mode));

    /// <summary>
    /// Opens nothing (<see cref="OpenNothing"/>) for each of stdin, stdout and stderr that is closed: otherwise the next file that is opened
    /// gets its number, and its output.
    /// </summary>
    /// <returns>Whether stdin and stdout were open.</returns>
    public static (bool HasInput, bool HasOutput) FillStandardDescriptors()
    {
        var open = (Imports.fcntl(Stdin, F_GETFD, 0) >= 0, Imports.fcntl(Stdout, F_GETFD, 0) >= 0);
        for (int fd = 0; fd < FirstOfOthers; fd++)
        {
            if (Imports.fcntl(fd, F_GETFD, 0) < 0)
            {
                KeepOverExec(OpenNothing());
            }
        }

        return open;
    }

    private static void KeepOverExec(SysResult opened) => _ = opened.Ok ? Imports.fcntl(opened.Value, F_SETFD, 0) : 0;

    /// <summary>Names this process's first thread, and so the process where ps -e shows it: at most 15 bytes. prctl(2), PR_SET_NAME.</summary>
    public static void SetName(string name) => _ = Imports.prctl(PR_SET_NAME, name);

    /// <summary>
    /// Makes the kernel continue this process when its parent ends, so that a stopped process notices that end. prctl(2), PR_SET_PDEATHSIG with
    /// SIGCONT.
    /// </summary>
    public static void WakeWithParent() => _ = Imports.prctl(PR_SET_PDEATHSIG, SIGCONT);

    /// <summary>kill(2); signal 0 only asks whether the process is there.</summary>
    public static SysResult Kill(int pid, int signal) => SysResult.From(Imports.kill(pid, signal));

    /// <summary>The calling thread, as the kernel numbers it; gettid(2).</summary>
    public static int ThreadId() => Imports.gettid();

    /// <summary>Sends a signal to one thread of this process; tgkill(2).</summary>
    public static SysResult SignalThread(int thread, int signal) => SysResult.From(Imports.tgkill(Imports.getpid(), thread, signal));

    /// <summary>Whether a process exists, of any user; kill(2) with signal 0.</summary>
    public static bool IsAlive(int pid) => Kill(pid, 0) is { Error: Errno.None or Errno.EPERM };

    /// <summary>
    /// Whether a thread is one of this process, its first one included: the kernel names the thread where it hands a message to one that
    /// waits, and the process otherwise.
    /// </summary>
    public static bool IsOwnThread(int id) => Path.Exists(string.Create(CultureInfo.InvariantCulture, $"/proc/self/task/{id}"));

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

    /// <summary><c>struct flock</c>: the whole file, from its start, when only the type is set.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct FileLock
    {
        public short Type;
        public short Whence;
        public long Start;
        public long Length;
        public int Pid;
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
        internal static partial long lseek(int fd, long offset, int whence);

        [LibraryImport("libc")]
        internal static partial int ftruncate(int fd, long bytes);

        [LibraryImport("libc", EntryPoint = "fcntl")]
        internal static partial int fcntl_lock(int fd, int command, FileLock* request);

        [LibraryImport("libc")]
        internal static partial int fchmod(int fd, int mode);

        [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int prctl(int option, string name);

        [LibraryImport("libc")]
        internal static partial int prctl(int option, nint argument);

        [LibraryImport("libc")]
        internal static partial int kill(int pid, int signal);

        [LibraryImport("libc")]
        internal static partial int tgkill(int pid, int thread, int signal);

        [LibraryImport("libc")]
        internal static partial int gettid();

        [LibraryImport("libc")]
        internal static partial int getpid();

        [LibraryImport("libc")]
        internal static partial uint geteuid();

        [LibraryImport("libc")]
        internal static partial int getrlimit(int resource, ulong* limits);

        [LibraryImport("libc")]
        internal static partial int setrlimit(int resource, ulong* limits);
    }
}
