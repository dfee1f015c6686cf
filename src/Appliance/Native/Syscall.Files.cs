using System.Runtime.InteropServices;

namespace Appliance.Native;

public static unsafe partial class Syscall
{
    private const uint STATX_SIZE = 0x200;
    private const int StatxSizeOffset = 40;

    /// <summary>What has been written to a file is on the disk, and so is its length; fdatasync(2).</summary>
    public static SysResult SyncData(int fd) => SysResult.From(Imports.fdatasync(fd));

    /// <summary>Everything of a file or directory is on the disk; fsync(2).</summary>
    public static SysResult Sync(int fd) => SysResult.From(Imports.fsync(fd));

    /// <summary>Gives a file another name in one step, in the place of what had that name; rename(2).</summary>
    public static SysResult Rename(string from, string to) => SysResult.From(Imports.rename(from, to));

    /// <summary>Length of an open file, and whether it is a regular one; statx(2): the length is a 64-bit number at byte 40.</summary>
    public static SysResult Status(int fd, out long bytes, out bool isRegular)
    {
        byte* status = stackalloc byte[StatxBytes];
        var result = SysResult.From(Imports.statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_SIZE, status));
        bytes = result.Ok ? *(long*)(status + StatxSizeOffset) : 0;
        isRegular = result.Ok && (*(ushort*)(status + StatxModeOffset) & S_IFMT) == S_IFREG;
        return result;
    }

    /// <summary>Waits until a pipe, socket or terminal has room for a line; false when it has none in so many milliseconds. poll(2).</summary>
    public static bool AwaitWritable(int fd, int timeoutMs) => Await(fd, POLLOUT, timeoutMs);

    /// <summary>Waits until a pipe, socket or terminal has something to read, or its end. poll(2).</summary>
    public static bool AwaitReadable(int fd) => Await(fd, POLLIN, -1);

    /// <summary>Whether a person sits at the other end. isatty(3).</summary>
    public static bool IsTerminal(int fd) => Imports.isatty(fd) == 1;

    private static bool Await(int fd, short events, int timeoutMs)
    {
        var request = new PollRequest { Descriptor = fd, Events = events };
        int found;
        do
        {
            found = Imports.poll(&request, 1, timeoutMs);
        }
        while (SysResult.From(found).Error == Errno.EINTR);

        // An error or a hang-up counts as well: the write tells which.
        return found != 0;
    }

    /// <summary>Does nothing for so many milliseconds, fewer when a signal comes; poll(2).</summary>
    public static void Rest(int ms) => _ = Imports.poll(null, 0, ms);

    private const short POLLIN = 1;
    private const short POLLOUT = 4;

    /// <summary><c>struct pollfd</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct PollRequest
    {
        public int Descriptor;
        public short Events;
        public short Happened;
    }

    private static partial class Imports
    {
        [LibraryImport("libc")]
        internal static partial int poll(PollRequest* requests, nuint count, int timeoutMs);

        [LibraryImport("libc")]
        internal static partial int isatty(int fd);

        [LibraryImport("libc")]
        internal static partial int fdatasync(int fd);

        [LibraryImport("libc")]
        internal static partial int fsync(int fd);

        [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int rename(string from, string to);
    }
}
