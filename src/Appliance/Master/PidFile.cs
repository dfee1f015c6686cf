using System.Globalization;
using System.Text;
using Appliance.Native;
using Appliance.Rooms;

namespace Appliance.Master;

/// <summary>
/// The pid file, and the lock by which everybody knows whether a server runs: the kernel gives it up with the process, however that
/// ends, so a number that is left over means nothing. A server that starts holds the first byte alone; one that serves, the whole file:
/// only then is the number in it its own. A second lock guards the state directory, whose shared memory it is.
/// </summary>
/// <remarks>
/// Everybody may read the pid file, and so may lock it for reading: such locks say nothing (<see cref="RunningServer"/> asks for locks for
/// writing, which only its owner can take), and are in nobody's way, because each start makes the files anew (<see cref="StartGuard"/>).
/// </remarks>
public sealed class PidFile : IDisposable
{
    /// <summary>Name of the pid file.</summary>
    public const string FileName = "appliance.pid";

    /// <summary>Of a file that holds a lock, the bytes that one that starts locks.</summary>
    internal const int StartingBytes = 1;

    private const int EndingMsMax = 1000;
    private const int AllBytes = 0;
    private const int Readable = 0x1A4; // 0644
    private const int OwnerOnly = 0x180; // 0600

    private readonly string _path;
    private readonly int _pidFile;
    private readonly int _stateLock;
    private readonly List<int> _madeDirectories;
    private bool _isAbandoned;

    private PidFile(string path, List<int> made, int pidFile, int stateLock)
    {
        _path = path;
        _madeDirectories = made;
        _pidFile = pidFile;
        _stateLock = stateLock;
    }

    /// <summary>The open files, which hold the locks: of the pid file and of the state directory.</summary>
    public IReadOnlyList<int> Descriptors => [_pidFile, _stateLock];

    /// <summary>Takes both locks, making the directories where they are missing.</summary>
    /// <param name="runDirectory">Where the pid file goes.</param>
    /// <param name="stateDirectory">Where the second lock goes.</param>
    /// <param name="owners">Whose directories and files these may be.</param>
    /// <exception cref="IOException">A directory cannot be made or written to, is somebody else's, or another server holds a lock.</exception>
    public static PidFile Acquire(string runDirectory, string stateDirectory, Ownership owners)
    {
        List<int> made = [];
        int pidFile = -1;
        string path = Path.Combine(runDirectory, FileName);
        try
        {
            pidFile = Take("--run-dir", runDirectory, FileName, owners, made);
            return new PidFile(path, made, pidFile, Take("--state-dir", stateDirectory, StateObjects.LockName, owners, made));
        }
        catch
        {
            if (pidFile >= 0)
            {
                _ = Syscall.Unlink(path);
                _ = Syscall.Close(pidFile);
            }

            made.ForEach(directory => Syscall.Close(directory));
            throw;
        }
    }

    /// <summary>Takes over both locks of another process, which live as long as anybody has the files open.</summary>
    public static PidFile Adopt(string runDirectory, int pidFile, int stateLock) =>
        new(Path.Combine(runDirectory, FileName), [], pidFile, stateLock);

    /// <summary>Gives the files, the directories that were made for them, and others to the user that this process is to become.</summary>
    /// <exception cref="IOException">There is no such user, or this process may not become it.</exception>
    /// <exception cref="SyscallException">The kernel refuses.</exception>
    public void DropPrivileges(string user, params int[] others)
    {
        Privileges.Drop(user, [.. Descriptors, .. _madeDirectories, .. others]);
        CloseDirectories();
    }

    /// <summary>The pid file is another process's: it stays when this one ends.</summary>
    public void Abandon() => _isAbandoned = true;

    /// <summary>The pid file is this process's, and goes with it.</summary>
    public void Own() => _isAbandoned = false;

    /// <summary>Whether a pid file is there, of whatever age.</summary>
    public static bool Exists(string runDirectory) => File.Exists(Path.Combine(runDirectory, FileName));

    /// <summary>Removes a pid file that a server has left that died; guarded, so that it is not that of one that starts.</summary>
    /// <exception cref="IOException">This user may not.</exception>
    public static void RemoveStale(string runDirectory)
    {
        string path = Path.Combine(runDirectory, FileName);
        if (!Exists(runDirectory))
        {
            return;
        }

        using var guard = StartGuard.Take("--run-dir", runDirectory, FileName, Ownership.OfProcess.AndOwnerOf(runDirectory));
        if (!RunningServer.IsHeld(path, out _))
        {
            File.Delete(path);
        }
    }

    /// <summary>Writes the pid: the server is ready.</summary>
    public void Write(int pid)
    {
        byte[] text = Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{pid}\n"));
        foreach (int file in (int[])[_pidFile, _stateLock])
        {
            // Over the pid of a former process, so that nobody finds the file empty.
            _ = Syscall.WriteAt(file, text, 0).OrThrow($"pwrite of a pid file beside '{_path}'");
            _ = Syscall.Truncate(file, text.Length).OrThrow($"ftruncate of a pid file beside '{_path}'");
            _ = Syscall.TryLock(file, AllBytes).OrThrow($"lock of a pid file beside '{_path}'");
        }

        // Whoever asks how the server is need not be its user; nobody could lock it before it was locked as a whole.
        _ = Syscall.ChangeMode(_pidFile, Readable);
        _ = Syscall.ChangeMode(_stateLock, OwnerOnly);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_isAbandoned && Syscall.Unlink(_path).Error is not (Errno.None or Errno.ENOENT))
        {
            // The directory is not this user's; an empty file in it tells nobody that a server runs.
            _ = Syscall.Truncate(_pidFile, 0);
        }

        _ = Syscall.Close(_pidFile);
        _ = Syscall.Close(_stateLock);
        CloseDirectories();
    }

    private void CloseDirectories()
    {
        _madeDirectories.ForEach(directory => Syscall.Close(directory));
        _madeDirectories.Clear();
    }

    /// <summary>Makes a directory if need be, and in it a new file of a name that nobody but its owner may open, and locks that.</summary>
    private static int Take(string option, string directory, string name, Ownership owners, List<int> made)
    {
        if (OwnedPath.MakeDirectory(option, directory, owners) is { } descriptor)
        {
            made.Add(descriptor);
        }

        string path = Path.Combine(directory, name);
        using var guard = StartGuard.Take(option, directory, name, owners);
        while (true)
        {
            RemoveFormer(option, directory, path, owners);
            var opened = Syscall.Open(path, Syscall.O_RDWR | Syscall.O_CREAT | Syscall.O_EXCL | Syscall.O_NOFOLLOW, OwnerOnly);
            if (opened.Error == Errno.EEXIST)
            {
                // One of a release before, which knows no guard, has come in between.
                continue;
            }

            int file = opened.Ok ? opened.Value : throw PathFailure.Of($"{option} {directory}", path, "made", opened.Error);
            if (Syscall.TryLock(file, StartingBytes).Ok && Syscall.IsAt(file, path))
            {
                return file;
            }

            _ = Syscall.Close(file);
        }
    }

    /// <summary>A server that was killed a moment ago holds its files until the kernel has taken it apart.</summary>
    private static bool IsHeldForLong(string path, out RunningServer? holder)
    {
        RunningServer? last = null;
        bool isHeld = !Polling.Until(() => !RunningServer.IsHeld(path, out last), EndingMsMax);
        holder = last;
        return isHeld;
    }

    /// <summary>Removes the file of a server that runs no more.</summary>
    private static void RemoveFormer(string option, string directory, string path, Ownership owners)
    {
        if (!Syscall.StatusOf(path, out var status).Ok)
        {
            return;
        }

        if (status is not { IsRegular: true, Links: 1 })
        {
            string kind = status.IsRegular ? "a file with another name (a hard link)" : status.Kind;
            throw new IOException($"{option} {directory}: '{path}' is {kind}; remove it");
        }

        if (!owners.Covers(status.Owner))
        {
            throw new IOException($"{option} {directory}: '{path}' belongs to {Ownership.Name(status.Owner)}; remove it");
        }

        if (IsHeldForLong(path, out var running))
        {
            throw new IOException(string.Create(
                CultureInfo.InvariantCulture,
                $"{option} {directory}: another appliance uses it{(running is { } server ? $" (pid {server.Pid})" : "")}; "
                + $"stop that one, or give this one a directory of its own"));
        }

        _ = Syscall.Unlink(path) is { Ok: false, Error: not Errno.ENOENT } refused
            ? throw PathFailure.Of($"{option} {directory}", path, "removed", refused.Error)
            : 0;
    }
}
