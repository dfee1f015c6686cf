using Appliance.Native;

namespace Appliance.Config;

/// <summary>How much memory this process may count on: the host's, or its control group's if that is less.</summary>
public static class HostMemory
{
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
        long host = Syscall.HostMemory() ?? long.MaxValue;
        long group = ControlGroup.LeastLimit("memory", "memory.max", "memory.limit_in_bytes") is { Limit: > 0 and var limit } ? limit : long.MaxValue;
        return Math.Min(host, group) is var least and < LimitMax ? least : null;
    }
}
