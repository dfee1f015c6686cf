using System.Globalization;

namespace Appliance.Bench.Servers;

/// <summary>What /proc tells about a process and its children.</summary>
public sealed class ProcessFigures
{
    private readonly int[] _pids;

    /// <summary>Of a process and all processes it has started so far.</summary>
    public ProcessFigures(int pid)
    {
        var parents = Directory.EnumerateDirectories("/proc")
            .Select(Path.GetFileName)
            .Where(name => char.IsAsciiDigit(name![0]))
            .Select(name => int.Parse(name!, CultureInfo.InvariantCulture))
            .Select(candidate => (Pid: candidate, Parent: ParentOf(candidate)))
            .ToLookup(process => process.Parent, process => process.Pid);
        List<int> family = [pid];
        for (int i = 0; i < family.Count; i++)
        {
            family.AddRange(parents[family[i]]);
        }

        _pids = [.. family];
    }

    /// <summary>
    /// Time that all their threads have spent on a processor, in microseconds: the scheduler's own count, of which utime and stime in
    /// /proc/PID/stat are the sum, rounded to 10 ms.
    /// </summary>
    public double CpuUs() => _pids
        .SelectMany(pid => Directory.EnumerateDirectories($"/proc/{pid}/task"))
        .Sum(task => long.Parse(Read($"{task}/schedstat").Split(' ')[0], CultureInfo.InvariantCulture)) / 1000.0;

    /// <summary>Memory in user space, each shared page divided by those who share it, in bytes.</summary>
    public long PssBytes() => _pids
        .SelectMany(pid => File.ReadLines($"/proc/{pid}/smaps_rollup"))
        .Where(line => line.StartsWith("Pss:", StringComparison.Ordinal))
        .Sum(line => long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024);

    /// <summary>Fields of /proc/PID/stat behind the name, which may hold anything and ends with the last bracket: state, parent, ...</summary>
    private static int ParentOf(int pid)
    {
        string status = Read($"/proc/{pid}/stat");
        return status.Length == 0 ? 0 : int.Parse(status[(status.LastIndexOf(')') + 2)..].Split(' ')[1], CultureInfo.InvariantCulture);
    }

    /// <summary>A process or thread that has ended meanwhile counts as nothing.</summary>
    private static string Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (IOException)
        {
            return path.EndsWith("schedstat", StringComparison.Ordinal) ? "0" : "";
        }
    }
}
