using System.Globalization;

namespace Appliance.Config;

/// <summary>How much memory this process may count on: the host's, or its control group's if that is less.</summary>
public static class HostMemory
{
    private const long BytesPerKilobyte = 1024;
    private const string Groups = "/sys/fs/cgroup";

    /// <summary>Where nothing can be read: a small machine of today.</summary>
    private const long Unknown = 1L << 30;

    /// <summary>Control groups of the first version have no word for no limit, but the largest number of pages.</summary>
    private const long LimitMax = 1L << 62;

    /// <summary>What a container without /proc may still see: the files at the top.</summary>
    private static readonly string[] TopGroups = ["0::/", "1:memory:/"];

    /// <summary>What the host tells, in bytes; null where it tells nothing. Looked up once.</summary>
    public static long? Known { get; } = Read();

    /// <summary>The bytes to count on.</summary>
    public static long Bytes => Known ?? Unknown;

    private static long? Read()
    {
        string[] groups = Lines("/proc/self/cgroup");
        string[] memory = Lines("/proc/meminfo");
        long least = memory.Length > 0 ? HostBytes(memory) : long.MaxValue;
        foreach (string line in groups.Length > 0 ? groups : TopGroups)
        {
            least = Math.Min(least, GroupBytes(line));
        }

        return least < LimitMax ? least : null;
    }

    /// <summary>The line <c>MemTotal:  1234 kB</c> of proc_meminfo(5).</summary>
    internal static long HostBytes(IEnumerable<string> lines)
    {
        foreach (string line in lines)
        {
            if (line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is ["MemTotal:", var kilobytes, "kB"])
            {
                return Number(kilobytes) is var number and < long.MaxValue ? number * BytesPerKilobyte : Unknown;
            }
        }

        return Unknown;
    }

    /// <summary>
    /// The least limit of a group and those above it, by a line of /proc/self/cgroup: <c>0::/path</c>, or <c>4:memory:/path</c> where groups
    /// are of the first version; cgroups(7). In a container the path may be the host's, and the files are at the top.
    /// </summary>
    private static long GroupBytes(string line)
    {
        string[] parts = line.Split(':', 3);
        bool isUnified = parts is ["0", "", _];
        if (!isUnified && !(parts.Length == 3 && parts[1].Split(',').Contains("memory", StringComparer.Ordinal)))
        {
            return long.MaxValue;
        }

        string top = isUnified ? Groups : $"{Groups}/memory";
        string file = isUnified ? "memory.max" : "memory.limit_in_bytes";
        long least = long.MaxValue;
        for (string path = parts[2].TrimEnd('/'); ; path = path[..path.LastIndexOf('/')])
        {
            least = Math.Min(least, Lines($"{top}{path}/{file}") is [var limit, ..] ? Number(limit) : long.MaxValue);
            if (path.Length == 0)
            {
                return least;
            }
        }
    }

    /// <summary><c>max</c>, and whatever else is no number, is no limit.</summary>
    private static long Number(string text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number) && number > 0 ? number : long.MaxValue;

    private static string[] Lines(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllLines(path) : [];
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
