using System.Globalization;
using Appliance.Native;

namespace Appliance.Config;

/// <summary>How much memory this process may count on: the host's, or its control group's if that is less.</summary>
public static class HostMemory
{
    private const long BytesPerKilobyte = 1024;

    /// <summary>Where nothing can be read: a small machine of today.</summary>
    private const long Unknown = 1L << 30;

    /// <summary>Control groups of the first version have no word for no limit, but the largest number of pages.</summary>
    private const long LimitMax = 1L << 62;

    /// <summary>What the host tells, in bytes; null where it tells nothing. Looked up once.</summary>
    public static long? Known { get; } = Read();

    /// <summary>The bytes to count on.</summary>
    public static long Bytes => Known ?? Unknown;

    private static long? Read()
    {
        string[] memory = Lines("/proc/meminfo");
        long host = memory.Length > 0 ? HostBytes(memory) : long.MaxValue;
        long group = ControlGroup.LeastLimit("memory", "memory.max", "memory.limit_in_bytes") is { Limit: > 0 and var limit } ? limit : long.MaxValue;
        return Math.Min(host, group) is var least and < LimitMax ? least : null;
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

    /// <summary>Whatever is no number is no limit.</summary>
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
