using System.Globalization;
using System.Text;
using Appliance.Native;
using Appliance.Rooms;

namespace Appliance.Master;

/// <summary>A server that runs, as its pid file or the lock of its state directory tells, and the way to signal it.</summary>
/// <param name="Pid">Its number.</param>
/// <param name="Owner">Owner of the file that tells: the server's user.</param>
/// <param name="File">That file.</param>
public sealed unsafe record RunningServer(int Pid, uint Owner, string File)
{
    private const int DigitsMax = 16;
    private const int PidMax = 1 << 22; // of the kernel, proc(5)
    private const uint Root = 0;
    private const int NameBytesMax = 15; // of a process, prctl(2)
    private const string Name = "appliance";
    private const string Deleted = " (deleted)";

    /// <summary>
    /// The server that runs from these directories; null when none does. Either of its files tells, so that a pid file that somebody
    /// removed hides no server.
    /// </summary>
    /// <exception cref="IOException">This user may look at neither.</exception>
    public static RunningServer? Find(string runDirectory, string stateDirectory) => Probe(runDirectory, stateDirectory).Server;

    /// <summary>Its pid.</summary>
    /// <exception cref="IOException">This user may not look.</exception>
    public static int? PidOf(string runDirectory, string stateDirectory) => Find(runDirectory, stateDirectory)?.Pid;

    /// <summary>Whether a server is about to run from these directories: it has no pid yet that anybody could name.</summary>
    /// <exception cref="IOException">This user may not look.</exception>
    public static bool IsStarting(string runDirectory, string stateDirectory) => Probe(runDirectory, stateDirectory) is (true, null);

    /// <summary>Whether a server holds a file, and which, once it serves. A file that is not there, or that this user may not read, is held by none.</summary>
    internal static bool IsHeld(string path, out RunningServer? server)
    {
        (bool isHeld, server, _) = ReadPidFile(path);
        return isHeld;
    }

    /// <summary>
    /// Signals the server, and nobody else: whatever the file says, the process must be its owner's and run our program. The descriptor
    /// stands for that process even when its number is given to another one meanwhile.
    /// </summary>
    /// <exception cref="IOException">It is not such a process.</exception>
    /// <exception cref="SyscallException">This user may not.</exception>
    public void Signal(int signal)
    {
        var opened = Syscall.OpenProcess(Pid);
        if (opened.Error == Errno.ESRCH)
        {
            throw new IOException(Text($"process {Pid} of '{File}' is not there: the server has just ended, or runs in another container"));
        }

        // Kernels before 5.3, and filters, have no such descriptors.
        if (WhyNotOurs() is { } why)
        {
            _ = opened.Ok ? Syscall.Close(opened.Value) : default;
            throw new IOException(
                Text($"process {Pid} of '{File}' {why}: it is not signalled; if that is the server, call its binary, ")
                + Text($"otherwise a user who may write that file has written another number"));
        }

        var done = opened.Ok ? Syscall.SignalProcess(opened.Value, signal) : Syscall.Kill(Pid, signal);
        _ = opened.Ok ? Syscall.Close(opened.Value) : default;
        _ = done.OrThrow(Text($"kill {Pid}"));
    }

    private static (bool IsHeld, RunningServer? Server) Probe(string runDirectory, string stateDirectory)
    {
        var (isHeld, server, refused) = ReadPidFile(Path.Combine(runDirectory, PidFile.FileName));
        if (server is not null)
        {
            return (true, server);
        }

        var (isStateHeld, stateServer, stateRefused) = ReadPidFile(Path.Combine(stateDirectory, StateObjects.LockName));
        return refused && stateRefused
            ? throw PathFailure.Of($"--run-dir {runDirectory}", Path.Combine(runDirectory, PidFile.FileName), "read", Errno.EACCES)
            : (isHeld || isStateHeld, stateServer);
    }

    /// <summary>Whether a lock for writing lies on a file, what the file says if all of it is locked, and whether this user may not look.</summary>
    private static (bool IsHeld, RunningServer? Server, bool IsRefused) ReadPidFile(string path)
    {
        var opened = Syscall.Open(path, Syscall.O_RDONLY | Syscall.O_NOFOLLOW | Syscall.O_NONBLOCK, 0);
        if (!opened.Ok)
        {
            return (false, null, opened.Error == Errno.EACCES);
        }

        byte* bytes = stackalloc byte[DigitsMax];
        bool isFile = Syscall.StatusOf(opened.Value, out var status).Ok && status.IsRegular && !IsPlanted(path, status);
        bool isHeld = isFile && Syscall.IsWriteLocked(opened.Value, 0);
        var read = isHeld && Syscall.IsWriteLocked(opened.Value, PidFile.StartingBytes) ? Syscall.Read(opened.Value, bytes, DigitsMax) : default;
        _ = Syscall.Close(opened.Value);
        string text = read.Ok ? Encoding.ASCII.GetString(bytes, read.Value).TrimEnd('\n') : "";
        bool isPid = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int pid) && pid is > 0 and <= PidMax;
        return (isHeld, isPid ? new RunningServer(pid, status.Owner, path) : null, false);
    }

    /// <summary>Whether a file lies where anybody may put one, and is neither ours nor the directory's owner's.</summary>
    private static bool IsPlanted(string path, FileStatus status)
    {
        string directory = Path.GetDirectoryName(path) ?? "/";
        return Syscall.StatusOf(directory, out var above).Ok && above.OthersMayWrite && !Ownership.OfProcess.AndOwnerOf(directory).Covers(status.Owner);
    }

    /// <summary>Why the process is not the server of the file; null when nothing speaks against it.</summary>
    private string? WhyNotOurs()
    {
        // The file of root is root's word; anybody else's holds for his own processes alone.
        if (Owner != Root && UserOf(Pid) is var user && user != Owner && (user is not null || Syscall.EffectiveUserId() == Root))
        {
            return user is { } other ? $"belongs to {Ownership.Name(other)}, and the file to {Ownership.Name(Owner)}" : "cannot be looked at (/proc)";
        }

        return ProgramOf(Pid) is { } program && !IsOurs(program) ? $"runs {program}" : null;
    }

    /// <summary>The effective user of a process; null when /proc does not tell.</summary>
    private static uint? UserOf(int pid)
    {
        string? line = ReadProcess(pid, "status").Split('\n').FirstOrDefault(one => one.StartsWith("Uid:", StringComparison.Ordinal));
        string[] fields = line?.Split('\t', StringSplitOptions.RemoveEmptyEntries) ?? [];
        return fields.Length > 2 && uint.TryParse(fields[2], NumberStyles.None, CultureInfo.InvariantCulture, out uint user) ? user : null;
    }

    /// <summary>The program's file, or the process's name where this user may not see the file; null when /proc does not tell.</summary>
    private static string? ProgramOf(int pid)
    {
        try
        {
            return new FileInfo(Text($"/proc/{pid}/exe")).LinkTarget ?? NameOf(pid);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            return NameOf(pid);
        }
    }

    private static string? NameOf(int pid) => ReadProcess(pid, "comm").TrimEnd('\n') is { Length: > 0 } name ? name : null;

    /// <summary>An upgrade may have replaced the file, or a package manager have renamed it, while the process runs on.</summary>
    private static bool IsOurs(string program)
    {
        string file = Path.GetFileName(program.EndsWith(Deleted, StringComparison.Ordinal) ? program[..^Deleted.Length] : program);
        string own = Path.GetFileName(Environment.ProcessPath ?? Name);
        return file.StartsWith(Name, StringComparison.Ordinal) || file == own
            || (file.Length == NameBytesMax && own.StartsWith(file, StringComparison.Ordinal));
    }

    private static string ReadProcess(int pid, string file)
    {
        try
        {
            return System.IO.File.ReadAllText(Text($"/proc/{pid}/{file}"));
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private static string Text(FormattableString text) => FormattableString.Invariant(text);
}
