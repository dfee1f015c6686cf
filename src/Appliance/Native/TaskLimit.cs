using System.Globalization;

namespace Appliance.Native;

/// <summary>Which limit of the host stands against another process or thread. Both need address space, and both count as a task.</summary>
public static class TaskLimit
{
    /// <summary>Less than a thread may take: its stack, and memory that libc sets aside for it.</summary>
    private const long ThreadBytes = 80L << 20;

    private const string Sizes = "/proc/self/statm";

    /// <summary>Whether the address space that this process may have is used up; where /proc does not tell, whether it is limited.</summary>
    public static bool IsAddressSpaceShort =>
        Syscall.AddressSpaceLimit is var limit and not Syscall.Unlimited && limit - AddressBytes() < ThreadBytes;

    /// <summary>What to raise, for the reader of an error of pthread_create(3), posix_spawn(3) or the runtime.</summary>
    /// <param name="error">The errno; EAGAIN and ENOMEM stand for limits.</param>
    public static string WayOut(Errno error = Errno.EAGAIN) =>
        error is not (Errno.EAGAIN or Errno.ENOMEM) ? ""
        : IsAddressSpaceShort ? string.Create(
            CultureInfo.InvariantCulture,
            $"the address space of this process is limited to {Syscall.AddressSpaceLimit} bytes, too few: ulimit -v unlimited, LimitAS=infinity")
        : error == Errno.EAGAIN ? $"raise the limit of processes and threads: {TaskLimits()}"
        : "the host has no memory for it: raise MemoryMax= of the unit or memory.max of the control group, or end what needs it";

    /// <summary>The limits that count tasks, each with its number where it has one.</summary>
    private static string TaskLimits()
    {
        long user = Syscall.ProcessLimit;
        string ofUser = user == Syscall.Unlimited ? "ulimit -u" : string.Create(CultureInfo.InvariantCulture, $"ulimit -u ({user})");
        return ControlGroup.LeastLimit("pids", "pids.max", "pids.max") is not (var limit, var directory)
            ? $"{ofUser}, TasksMax= of the unit, pids.max of the control group"
            : $"{ofUser}, TasksMax= of the unit, pids.max of the control group ({Used(limit, directory)})";
    }

    private static string Used(long limit, string directory)
    {
        string used = ControlGroup.Number($"{directory}/pids.current") is { } count ? string.Create(CultureInfo.InvariantCulture, $", {count} in use") : "";
        return string.Create(CultureInfo.InvariantCulture, $"{limit}{used}, in {directory}");
    }

    private static long AddressBytes()
    {
        string pages = Syscall.IsReadable(Sizes) ? File.ReadAllText(Sizes).Split(' ')[0] : "";
        return long.TryParse(pages, NumberStyles.None, CultureInfo.InvariantCulture, out long count)
            ? count * Environment.SystemPageSize
            : Syscall.AddressSpaceLimit;
    }
}
