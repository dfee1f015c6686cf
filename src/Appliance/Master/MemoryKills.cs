using System.Globalization;

namespace Appliance.Master;

/// <summary>
/// Tells whether a SIGKILL was the kernel's, for lack of memory: it counts those of the whole host, of groups with a limit included. proc(5),
/// /proc/vmstat, <c>oom_kill</c>.
/// </summary>
internal sealed class MemoryKills
{
    private const string Counters = "/proc/vmstat";
    private const string Name = "oom_kill ";

    private long _seen = Count();

    /// <summary>Whether the kernel has killed anybody for memory since the last time that this was asked.</summary>
    public bool HaveHappened()
    {
        long before = _seen;
        _seen = Count();
        return _seen > before;
    }

    private static long Count()
    {
        try
        {
            string? line = File.ReadLines(Counters).FirstOrDefault(line => line.StartsWith(Name, StringComparison.Ordinal));
            return line is not null && long.TryParse(line.AsSpan(Name.Length), NumberStyles.None, CultureInfo.InvariantCulture, out long count) ? count : 0;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }
}
