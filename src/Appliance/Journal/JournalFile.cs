using Appliance.Native;
using Appliance.Rooms;
using Microsoft.Win32.SafeHandles;

namespace Appliance.Journal;

/// <summary>
/// A journal's open file. Who has it open has it locked, whatever its name is by now. It only grows, at <see cref="Length"/>; what a write
/// that failed has left behind that is cut off.
/// </summary>
public sealed class JournalFile : IDisposable
{
    private const int OwnerOnly = 0x180; // 0600
    private const string NewSuffix = ".new";
    private const string DamagedSuffix = ".damaged";
    private const int CopyBytes = 1 << 20;
    private const int AllBytes = 0;

    private readonly int _fd;

    private JournalFile(string path, int fd, long length)
    {
        Path = path;
        _fd = fd;
        Length = length;
    }

    /// <summary>An id that no room has given out yet: the time in microseconds, at which rooms begin.</summary>
    public static long IdOfNow => RoomLog.StartId(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());

    /// <summary>Where it lies.</summary>
    public string Path { get; }

    /// <summary>Bytes up to which it consists of whole entries.</summary>
    public long Length { get; private set; }

    /// <summary>What its header says.</summary>
    public JournalHeader Header { get; private set; }

    /// <summary>Whether it has not even a header.</summary>
    public bool IsEmpty => Length == 0;

    /// <summary>Whether a sync has failed: then nobody knows what of it is on disk, and only another file helps.</summary>
    public bool IsSuspect { get; private set; }

    /// <summary>Whether it still has its name: nobody has removed it, or put another one in its place.</summary>
    public bool IsInPlace => Syscall.IsAt(_fd, Path);

    /// <summary>Opens a journal, or makes an empty file.</summary>
    /// <exception cref="IOException">It cannot be written, is somebody else's, or no journal.</exception>
    public static JournalFile Open(string path)
    {
        // An administrator's link leads to a file whose successors lie beside it.
        string given = path;
        path = OwnedPath.Resolve(Option(path), path, Ownership.OfProcess);
        if (OwnedPath.IsOpenFile(path))
        {
            throw new IOException($"{Option(given)}: no other file can be put in the place of '{path}', as a journal needs it; name a regular file elsewhere");
        }

        while (true)
        {
            int fd = OpenLocked(path);
            if (!Syscall.IsAt(fd, path))
            {
                // Its former owner has just put another one in its place: once more.
                Close(fd);
                continue;
            }

            try
            {
                // A successor that was being written when the former owner died.
                File.Delete(path + NewSuffix);
                return new JournalFile(path, fd, LengthOf(fd, path)) { Header = ReadHeader(fd, path) };
            }
            catch
            {
                Close(fd);
                throw;
            }
        }
    }

    /// <summary>Makes a file beside a journal that is to take its place: with a header, and no entry.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static JournalFile MakeSuccessor(string path, long leastId)
    {
        int fd = OpenLocked(path + NewSuffix);

        // Not when it is opened: by now it is known to be ours.
        _ = Syscall.Truncate(fd, 0);
        var file = new JournalFile(path, fd, 0)
        {
            Header = new JournalHeader((ulong)Random.Shared.NextInt64(1, long.MaxValue), IsComplete: false, leastId),
        };
        Span<byte> header = stackalloc byte[JournalFormat.HeaderBytes];
        JournalFormat.WriteHeader(header, file.Header);
        var written = file.Append(header);
        if (!written.Ok)
        {
            file.Abandon();
            throw PathFailure.Of($"--journal {path}", $"{path}{NewSuffix}", "written", written.Error);
        }

        return file;
    }

    /// <summary>Puts a successor in the place of the journal, on disk as well. The former one's owner closes it then.</summary>
    public SysResult TakePlace()
    {
        var result = Syscall.Sync(_fd);
        result = result.Ok ? Syscall.Rename(Path + NewSuffix, Path) : result;
        IsSuspect = result.Ok && !SyncDirectory().Ok;
        return result;
    }

    /// <summary>Gives a successor up.</summary>
    public void Abandon()
    {
        Dispose();
        File.Delete(Path + NewSuffix);
    }

    /// <summary>Appends whole entries: all or nothing.</summary>
    public SysResult Append(ReadOnlySpan<byte> bytes)
    {
        long position = Length;
        while (!bytes.IsEmpty)
        {
            var written = Syscall.WriteAt(_fd, bytes, position);
            if (written.Error == Errno.EINTR)
            {
                continue;
            }

            if (!written.Ok)
            {
                _ = Syscall.Truncate(_fd, Length);
                return written;
            }

            bytes = bytes[written.Value..];
            position += written.Value;
        }

        Length = position;
        return default;
    }

    /// <summary>Everything appended so far is on disk.</summary>
    public SysResult Sync()
    {
        var result = Syscall.SyncData(_fd);
        IsSuspect |= !result.Ok;
        return result;
    }

    /// <summary>Notes whether rooms go on where the file ends, on disk too.</summary>
    public SysResult SetComplete(bool isComplete) => SetHeader(Header with { IsComplete = isComplete });

    /// <summary>Changes the header, on disk too. Written over what is there, it needs no space.</summary>
    public SysResult SetHeader(JournalHeader header)
    {
        if (header == Header)
        {
            return default;
        }

        Span<byte> bytes = stackalloc byte[JournalFormat.HeaderBytes];
        JournalFormat.WriteHeader(bytes, header);
        var result = Syscall.WriteAt(_fd, bytes, 0);
        result = result.Ok ? Sync() : result;
        Header = result.Ok ? header : Header;
        return result;
    }

    /// <summary>Reads at a place; 0 bytes at the end.</summary>
    /// <exception cref="IOException">The disk cannot read it.</exception>
    public int Read(Span<byte> bytes, long position)
    {
        var read = Syscall.ReadAt(_fd, bytes, position);
        return read.Ok ? read.Value : throw new IOException($"--journal {Path}: cannot be read at {position}: {SyscallException.Describe(read.Error)}");
    }

    /// <summary>Cuts its end off.</summary>
    /// <exception cref="IOException">That fails.</exception>
    public void Cut(long length)
    {
        var result = Syscall.Truncate(_fd, length);
        result = result.Ok ? Sync() : result;
        Length = result.Ok ? length : throw new IOException($"--journal {Path}: cannot be cut to {length} bytes: {SyscallException.Describe(result.Error)}");
    }

    /// <summary>Copies a damaged part to the end of a file beside it, for people to look at; returns that file's path.</summary>
    /// <exception cref="IOException">That fails.</exception>
    public string SetAside(long from, long to)
    {
        string path = Path + DamagedSuffix;
        int fd = OpenOwned(path, Syscall.O_WRONLY | Syscall.O_APPEND);
        using var aside = new FileStream(new SafeFileHandle(fd, ownsHandle: true), FileAccess.Write);
        byte[] bytes = new byte[CopyBytes];
        while (from < to)
        {
            int count = Read(bytes.AsSpan(0, (int)Math.Min(bytes.Length, to - from)), from);
            aside.Write(bytes, 0, count);
            from = count > 0 ? from + count : to;
        }

        aside.Flush(flushToDisk: true);
        return path;
    }

    /// <inheritdoc/>
    public void Dispose() => Close(_fd);

    private static void Close(int fd)
    {
        _ = Syscall.Unlock(fd);
        _ = Syscall.Close(fd);
    }

    private static int OpenLocked(string path)
    {
        int fd = OpenOwned(path, Syscall.O_RDWR);
        if (!Syscall.TryLock(fd, AllBytes).Ok)
        {
            _ = Syscall.Close(fd);
            throw new IOException($"--journal {path}: another appliance uses it; stop that one, or give this one a file of its own");
        }

        return fd;
    }

    /// <summary>Opens or makes a file that nobody else has made, may write, or can exchange.</summary>
    private static int OpenOwned(string path, int flags)
    {
        var opened = OwnedPath.Open(Option(path), path, flags | Syscall.O_CREAT | Syscall.O_NONBLOCK, OwnerOnly, Ownership.OfProcess);
        if (!opened.Ok)
        {
            throw PathFailure.Of(Option(path), path, "written", opened.Error);
        }

        _ = Syscall.StatusOf(opened.Value, out var status).OrThrow($"statx '{path}'");
        if (status is { IsRegular: true, MoreThanOwnerMayWrite: false })
        {
            return opened.Value;
        }

        _ = Syscall.Close(opened.Value);
        throw new IOException(
            status.IsRegular
            ? $"{Option(path)}: other users than its owner may write to it: check its content and chmod go-w it, or name another file"
            : $"{Option(path)}: it is {status.Kind}; name a regular file, or one that is to be made");
    }

    private static string Option(string path) => $"--journal {path}";

    private static long LengthOf(int fd, string path)
    {
        _ = Syscall.Status(fd, out long length, out _).OrThrow($"statx '{path}'");
        return length;
    }

    private static JournalHeader ReadHeader(int fd, string path)
    {
        Span<byte> bytes = stackalloc byte[JournalFormat.HeaderBytes];
        var read = Syscall.ReadAt(fd, bytes, 0);
        int count = read.Ok ? read.Value : throw PathFailure.Of(Option(path), path, "read", read.Error);
        return JournalFormat.TryReadHeader(bytes[..count], out var header) || count == 0
            ? header
            : throw new IOException($"--journal {path}: is not a journal of this version of appliance; move it away, or name another file");
    }

    private SysResult SyncDirectory()
    {
        var opened = Syscall.Open(System.IO.Path.GetDirectoryName(Path) ?? "/", Syscall.O_RDONLY, 0);
        if (!opened.Ok)
        {
            return opened;
        }

        var result = Syscall.Sync(opened.Value);
        _ = Syscall.Close(opened.Value);

        // Some file systems have no such thing: fsync(2).
        return result.Error == Errno.EINVAL ? default : result;
    }
}
