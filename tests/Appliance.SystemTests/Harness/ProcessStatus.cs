using System.Globalization;

namespace Appliance.SystemTests.Harness;

/// <summary>What <c>/proc</c> tells of a process at the moment of asking; see proc(5).</summary>
public sealed record ProcessStatus(int Pid)
{
    /// <summary>
    /// <c>SigBlk</c> of a server's process: HUP, INT, QUIT, USR1, USR2, TERM and CHLD wait until its loop takes them from a descriptor, and nothing
    /// else is blocked, whatever whoever started it had blocked.
    /// </summary>
    public const string TakenSignals = "0000000000014a07";

    /// <summary>Place of <c>num_threads</c> behind the name.</summary>
    private const int ThreadCount = 17;

    /// <summary>
    /// Whether it is there and has not ended: a zombie that its parent has not waited for is no process any more, unless another of its
    /// threads is still about to end, and has its files open.
    /// </summary>
    public bool IsAlive
    {
        get
        {
            try
            {
                return Stat[0] is not ("Z" or "X") || Stat[ThreadCount] is not ("0" or "1");
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return false;
            }
        }
    }

    /// <summary>Its pid as it knows it itself, and tells it: another one in a PID namespace.</summary>
    public int OwnPid => int.Parse(Field("NSpid").Split('\t')[^1], CultureInfo.InvariantCulture);

    /// <summary>The process that another one of a PID namespace knows by a pid.</summary>
    public ProcessStatus Neighbour(int ownPid)
    {
        var space = NamespaceOf(Pid);
        return All.First(process => NamespaceOf(process.Pid) == space && process.TryReadOwnPid() == ownPid);
    }

    /// <summary>The parent's pid.</summary>
    public int Parent => int.Parse(Stat[1], CultureInfo.InvariantCulture);

    /// <summary>The session: pid of the process that began it.</summary>
    public int Session => int.Parse(Stat[3], CultureInfo.InvariantCulture);

    /// <summary>Device number of the controlling terminal; 0 for none.</summary>
    public int Terminal => int.Parse(Stat[4], CultureInfo.InvariantCulture);

    /// <summary>The name that <c>ps -e</c> and <c>top</c> show, 15 characters at most.</summary>
    public string Name => File.ReadAllText($"/proc/{Pid}/comm").TrimEnd('\n');

    /// <summary>The arguments, the name for <c>ps -f</c> first.</summary>
    public string[] Arguments => File.ReadAllText($"/proc/{Pid}/cmdline").TrimEnd('\0').Split('\0');

    /// <summary>The current directory.</summary>
    public string? WorkingDirectory => new FileInfo($"/proc/{Pid}/cwd").LinkTarget;

    /// <summary>Every open descriptor and what it is open to.</summary>
    public IReadOnlyDictionary<int, string> Descriptors => new DirectoryInfo($"/proc/{Pid}/fd").GetFileSystemInfos()
        .Select(link => (Number: int.Parse(link.Name, CultureInfo.InvariantCulture), Target: link.LinkTarget))
        .Where(one => one.Target is not null)
        .ToDictionary(one => one.Number, one => one.Target!);

    /// <summary>Every process there is.</summary>
    public static IEnumerable<ProcessStatus> All => Directory.GetDirectories("/proc")
        .Select(path => int.TryParse(Path.GetFileName(path), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) ? pid : 0)
        .Where(pid => pid > 0)
        .Select(pid => new ProcessStatus(pid))
        .Where(process => process.IsAlive);

    /// <summary>A field of <c>/proc/PID/status</c>: <c>Umask</c>, <c>SigBlk</c>, <c>Groups</c>, ...</summary>
    public string Field(string name) => File.ReadLines($"/proc/{Pid}/status")
        .First(line => line.StartsWith(name + ":", StringComparison.Ordinal))[(name.Length + 1)..]
        .Trim();

    /// <summary>Processes that have something below a directory open.</summary>
    public static IReadOnlyList<ProcessStatus> Using(string directory) => [.. All.Where(process => process.Uses(directory + "/"))];

    /// <summary>Those of its children that live.</summary>
    public IReadOnlyList<ProcessStatus> Children() =>
    [
        .. Threads()
            .SelectMany(thread => ReadIfThere($"{thread}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Select(pid => new ProcessStatus(int.Parse(pid, CultureInfo.InvariantCulture)))
            .Where(process => process.IsAlive),
    ];

    /// <summary>How many children it has, those included that have ended and that it has not waited for.</summary>
    public int ChildCount => Threads().Sum(thread => ReadIfThere($"{thread}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries).Length);

    // Everything from the third field on, "state ppid pgrp session tty_nr ...": the second, in parentheses, may hold anything.
    private string[] Stat
    {
        get
        {
            var text = File.ReadAllText($"/proc/{Pid}/stat");
            return text[(text.LastIndexOf(')') + 2)..].Split(' ');
        }
    }

    private static string? NamespaceOf(int pid)
    {
        try
        {
            return new FileInfo($"/proc/{pid}/ns/pid").LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Ended meanwhile.
            return null;
        }
    }

    private int TryReadOwnPid()
    {
        try
        {
            return OwnPid;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            // Ended meanwhile.
            return 0;
        }
    }

    private string[] Threads()
    {
        try
        {
            return Directory.GetDirectories($"/proc/{Pid}/task");
        }
        catch (DirectoryNotFoundException)
        {
            // Ended meanwhile.
            return [];
        }
    }

    private static string ReadIfThere(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (IOException)
        {
            // The thread has ended meanwhile.
            return "";
        }
    }

    private bool Uses(string prefix)
    {
        try
        {
            return Descriptors.Values.Any(target => target.StartsWith(prefix, StringComparison.Ordinal));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Ended meanwhile, or of another user and so not ours.
            return false;
        }
    }
}
