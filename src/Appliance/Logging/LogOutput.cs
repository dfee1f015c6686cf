using Appliance.Native;

namespace Appliance.Logging;

/// <summary>
/// The open file, pipe or terminal that lines go to. Its calls may wait for a disk or a network that does not answer, so one thread alone
/// makes them, which nobody waits for.
/// </summary>
internal sealed class LogOutput : IDisposable
{
    private const int Stderr = 2;
    private const int GroupReadable = 0x1A0; // 0640

    private readonly int _fd;
    private readonly bool _isFile;
    private SysResult? _tornAt;

    private LogOutput(int fd)
    {
        _fd = fd;
        _isFile = Syscall.Status(fd, out _, out bool isRegular).Ok && isRegular;
    }

    /// <summary>What this process was started with: nobody may ever read the pipe, and others may write to it.</summary>
    public static LogOutput ToStderr() => new(Stderr);

    /// <summary>
    /// Opens a file to append to, made if it is not there, without ever waiting for the reader of a pipe. A FIFO that nobody reads yet is
    /// opened for both ends, so that it keeps the first lines for whoever comes; fifo(7).
    /// </summary>
    /// <param name="path">Absolute path.</param>
    /// <param name="takesStderr">Whether what the runtime writes to stderr goes there, too.</param>
    /// <exception cref="IOException">It cannot be written, or somebody else could exchange it.</exception>
    public static LogOutput Open(string path, bool takesStderr)
    {
        const int Flags = Syscall.O_CREAT | Syscall.O_APPEND | Syscall.O_NONBLOCK | Syscall.O_NOCTTY;
        var opened = OwnedPath.Open($"--log {path}", path, Syscall.O_WRONLY | Flags, GroupReadable, Ownership.OfProcess);
        if (opened.Error == Errno.ENXIO)
        {
            opened = OwnedPath.Open($"--log {path}", path, Syscall.O_RDWR | Flags, GroupReadable, Ownership.OfProcess);
        }

        if (!opened.Ok)
        {
            throw opened.Error == Errno.ENXIO
                ? new IOException($"--log {path}: it is a socket or a device that is not there; without --log the log goes to stderr")
                : PathFailure.Of($"--log {path}", path, "written", opened.Error);
        }

        if (Syscall.Status(opened.Value, out long bytes, out bool isFile).Ok && isFile && bytes == 0 && GivesItsGroup(path))
        {
            _ = Syscall.ChangeMode(opened.Value, GroupReadable);
        }

        if (takesStderr)
        {
            _ = Syscall.Duplicate(opened.Value, Stderr);
        }

        return new LogOutput(opened.Value);
    }

    /// <summary>Whether new files of a directory get its group, for those who read logs (adm): then that group reads this one, whatever the umask.</summary>
    private static bool GivesItsGroup(string path) => Syscall.StatusOf(Path.GetDirectoryName(path) ?? "/", out var directory).Ok && directory.GivesItsGroup;

    /// <summary>Whether the beginning of the last line is still there, and the last thing in the file.</summary>
    public bool EndsTorn => _tornAt is { } end && end == Syscall.Seek(_fd, 0, Syscall.SEEK_END);

    /// <summary>Waits until there is room for a line; false when a pipe or a terminal makes none for so many milliseconds.</summary>
    public bool AwaitRoom(int timeoutMs) => _isFile || Syscall.AwaitWritable(_fd, timeoutMs);

    /// <summary>Writes a line in one piece; false when not all of it could be written: a disk that fills up may take its beginning.</summary>
    public unsafe bool Write(byte[] line)
    {
        fixed (byte* bytes = line)
        {
            var written = Syscall.Write(_fd, bytes, line.Length);
            bool whole = written.Ok && written.Value == line.Length;
            _tornAt = whole ? null : written is { Ok: true, Value: > 0 } ? Syscall.Seek(_fd, 0, Syscall.SEEK_CUR) : _tornAt;
            return whole;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_fd != Stderr)
        {
            _ = Syscall.Close(_fd);
        }
    }
}
