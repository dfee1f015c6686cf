using System.Globalization;
using Appliance.Native;

namespace Appliance.SystemV;

/// <summary>Whether this host has shared memory for the rooms, and which of its limits stands against it.</summary>
public static class SystemVSupport
{
    /// <summary>Address space of a process beside the rooms and the heap: code, stacks, the kernel's buffers.</summary>
    private const long OwnAddressBytes = 512L << 20;

    /// <summary>Why there is no System V shared memory at all; null when there is. Asks for a segment of no bytes, which is never made.</summary>
    public static string? Missing()
    {
        var asked = Syscall.ShmGet(key: 0, bytes: 0, flags: 0);
        string? why = asked.Error == Errno.ENOSYS ? "this kernel, or the sandbox around it, has none (CONFIG_SYSVIPC)"
            : asked.Error is Errno.EPERM or Errno.EACCES
                ? "a filter forbids it: allow shmget, shmat, shmctl and shmdt in the seccomp profile of the container or service"
            : null;
        return why is null ? null : $"System V shared memory, which holds the rooms, is not available: shmget: {SyscallException.Describe(asked.Error)}: {why}";
    }

    /// <summary>
    /// Address space that a process with a segment of so many bytes needs, measured: of a limited one the runtime sets half aside for its heap,
    /// so the other half must hold the rooms.
    /// </summary>
    public static long AddressBytesOf(long segmentBytes) => (2 * segmentBytes) + OwnAddressBytes;

    /// <summary>What stands against a segment of so many bytes, and how to raise it.</summary>
    /// <param name="error">Errno of shmget(2) or shmat(2).</param>
    /// <param name="bytes">Size of the segment.</param>
    public static string WayOut(Errno error, long bytes)
    {
        const string Lower = "or lower --max-rooms or --room-size";
        long pages = (bytes + Environment.SystemPageSize - 1) / Environment.SystemPageSize;
        if (error == Errno.EINVAL)
        {
            return Text($"kernel.shmmax is {KernelLimit("shmmax")}: sysctl -w kernel.shmmax={bytes}, {Lower}");
        }

        if (error == Errno.ENOSPC)
        {
            return KernelLimit("shmall") < (ulong)pages
                ? Text($"kernel.shmall is {KernelLimit("shmall")} pages of {Environment.SystemPageSize} bytes: sysctl -w kernel.shmall={pages}, {Lower}")
                : Text($"all segments of kernel.shmmni ({KernelLimit("shmmni")}), or all pages of kernel.shmall, are in use: ")
                    + Text($"remove unused ones that 'ipcs -m' shows, or raise the limits with sysctl -w");
        }

        return error == Errno.ENOMEM && Syscall.AddressSpaceLimit < AddressBytesOf(bytes)
            ? Text($"the address space of this process is limited to {Syscall.AddressSpaceLimit} bytes and needs about {AddressBytesOf(bytes)}: ")
                + Text($"ulimit -v unlimited, LimitAS=infinity, {Lower}")
            : Text($"raise the kernel's limits, which 'appliance --check' looks at, {Lower}");
    }

    /// <summary>A limit of the kernel's; the largest number where /proc does not tell. proc_sys_kernel(5).</summary>
    private static ulong KernelLimit(string name)
    {
        string path = $"/proc/sys/kernel/{name}";
        return Syscall.IsReadable(path) && ulong.TryParse(File.ReadAllText(path).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out ulong value)
            ? value
            : ulong.MaxValue;
    }

    private static string Text(FormattableString text) => FormattableString.Invariant(text);
}
