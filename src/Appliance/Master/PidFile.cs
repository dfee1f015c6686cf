using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Appliance.Native;

namespace Appliance.Master;

/// <summary>
/// The pid file, and the lock by which everybody knows whether a server runs: the kernel gives it up with the process, however that
/// ends, so a number that is left over means nothing. A server that starts holds the first byte alone; one that serves, the whole file:
/// only then is the number in it its own. A second lock guards the state directory, whose shared memory it is.
/// </summary>
public sealed unsafe class PidFile : IDisposable
{
    private const string FileName = "appliance.pid";
    private const string LockName = "appliance.lock";
    private const int Readable = 0x1A4; // 0644
    private const int DigitsMax = 16;
    private const int StartingBytes = 1;
    private const int AllBytes = 0;

    private readonly string _path;
    private readonly int _pidFile;
    private readonly int _stateLock;
    private bool _isAbandoned;

    private PidFile(string path, IReadOnlyList<string> made, int pidFile, int stateLock)
    {
        _path = path;
        MadeDirectories = made;
        _pidFile = pidFile;
        _stateLock = stateLock;
    }

    /// <summary>The open files, which hold the locks: of the pid file and of the state directory.</summary>
    public IReadOnlyList<int> Descriptors => [_pidFile, _stateLock];

    /// <summary>The directories that were made for them.</summary>
    public IReadOnlyList<string> MadeDirectories { get; }

    /// <summary>Takes both locks, making the directories where they are missing.</summary>
    /// <exception cref="IOException">A directory cannot be made or written to, or another server holds a lock.</exception>
    public static PidFile Acquire(string runDirectory, string stateDirectory)
    {
        string path = Path.Combine(runDirectory, FileName);
        string lockPath = Path.Combine(stateDirectory, LockName);
        string[] made = [.. new[] { runDirectory, stateDirectory }.Where(directory => !Directory.Exists(directory))];
        int pidFile = Lock(path, "--run-dir", runDirectory);
        try
        {
            return new PidFile(path, made, pidFile, Lock(lockPath, "--state-dir", stateDirectory));
        }
        catch
        {
            File.Delete(path);
            _ = Syscall.Close(pidFile);
            throw;
        }
    }

    /// <summary>Takes over both locks of another process, which live as long as anybody has the files open.</summary>
    public static PidFile Adopt(string runDirectory, int pidFile, int stateLock) =>
        new(Path.Combine(runDirectory, FileName), [], pidFile, stateLock);

    /// <summary>The pid file is another process's: it stays when this one ends.</summary>
    public void Abandon() => _isAbandoned = true;

    /// <summary>The pid file is this process's, and goes with it.</summary>
    public void Own() => _isAbandoned = false;

    /// <summary>Whether a pid file is there, of whatever age.</summary>
    public static bool Exists(string runDirectory) => File.Exists(Path.Combine(runDirectory, FileName));

    /// <summary>
    /// The pid of the server that runs from these directories; null when none does. Either of its files tells, so that a pid file that
    /// somebody removed hides no server.
    /// </summary>
    /// <exception cref="IOException">This user may not look.</exception>
    public static int? RunningPid(string runDirectory, string stateDirectory) =>
        HolderOf(Path.Combine(runDirectory, FileName)) ?? HolderOf(Path.Combine(stateDirectory, LockName));

    /// <summary>Whether a server is about to run from these directories: it has no pid yet that anybody could name.</summary>
    /// <exception cref="IOException">This user may not look.</exception>
    public static bool IsStarting(string runDirectory, string stateDirectory) =>
        StateOf(Path.Combine(runDirectory, FileName)) is (true, null) || StateOf(Path.Combine(stateDirectory, LockName)) is (true, null);

    /// <summary>Removes a pid file that a server has left that died; under its lock, so that it is not that of one that starts.</summary>
    /// <exception cref="IOException">This user may not.</exception>
    public static void RemoveStale(string runDirectory)
    {
        string path = Path.Combine(runDirectory, FileName);
        var opened = Syscall.Open(path, Syscall.O_RDWR | Syscall.O_NOFOLLOW, 0);
        if (opened.Ok)
        {
            if (Syscall.TryLock(opened.Value, StartingBytes).Ok && Syscall.IsAt(opened.Value, path))
            {
                File.Delete(path);
            }

            _ = Syscall.Close(opened.Value);
        }
        else if (opened.Error != Errno.ENOENT)
        {
            throw new IOException($"{path}: {SyscallException.Describe(opened.Error)}");
        }
    }

    private static int? HolderOf(string path) => StateOf(path).Pid;

    /// <summary>Whether somebody holds a file, and who, once he serves.</summary>
    private static (bool IsHeld, int? Pid) StateOf(string path)
    {
        var opened = Syscall.Open(path, Syscall.O_RDONLY, 0);
        if (!opened.Ok)
        {
            return opened.Error == Errno.EACCES ? throw new IOException($"{path}: {SyscallException.Describe(opened.Error)}") : (false, null);
        }

        bool held = Syscall.IsLocked(opened.Value, 0);
        byte* text = stackalloc byte[DigitsMax];
        var read = held && Syscall.IsLocked(opened.Value, StartingBytes) ? Syscall.Read(opened.Value, text, DigitsMax) : default;
        _ = Syscall.Close(opened.Value);
        return (held, read.Ok && Utf8Parser.TryParse(new ReadOnlySpan<byte>(text, read.Value), out int pid, out _) ? pid : null);
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
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        try
        {
            if (!_isAbandoned)
            {
                File.Delete(_path);
            }
        }
        catch (UnauthorizedAccessException)
        {
            // The directory is not this user's; an empty file in it tells nobody that a server runs.
            _ = Syscall.Truncate(_pidFile, 0);
        }

        _ = Syscall.Close(_pidFile);
        _ = Syscall.Close(_stateLock);
    }

    private static int Lock(string path, string option, string directory)
    {
        try
        {
            _ = Directory.CreateDirectory(directory);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"{option} {directory}: cannot be made: {failure.Message}", failure);
        }

        while (true)
        {
            var opened = Syscall.Open(path, Syscall.O_RDWR | Syscall.O_CREAT | Syscall.O_NOFOLLOW, Readable);
            if (!opened.Ok)
            {
                throw new IOException($"{option} {directory}: '{path}' cannot be written: {SyscallException.Describe(opened.Error)}");
            }

            if (!Syscall.IsPlainFile(opened.Value))
            {
                // The directory may be another user's, who would be given what the link leads to.
                _ = Syscall.Close(opened.Value);
                throw new IOException($"{option} {directory}: '{path}' is no regular file of one name; remove it");
            }

            bool locked = Syscall.TryLock(opened.Value, StartingBytes).Ok;
            if (locked && Syscall.IsAt(opened.Value, path))
            {
                // Whoever asks how the server is need not be its user.
                _ = Syscall.ChangeMode(opened.Value, Readable);
                return opened.Value;
            }

            // A lock on a file that its former owner has just removed is worth nothing: once more.
            _ = Syscall.Close(opened.Value);
            if (!locked)
            {
                throw new IOException($"{option} {directory}: another appliance uses it; stop that one, or give this one a directory of its own");
            }
        }
    }
}
