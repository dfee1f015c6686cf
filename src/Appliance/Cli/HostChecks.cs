using Appliance.Config;
using Appliance.Native;
using Appliance.Rooms;
using Appliance.SystemV;

namespace Appliance.Cli;

/// <summary>What <c>--check</c> looks at of the host besides the kernel's limits for objects: memory, files, families of addresses, file systems.</summary>
internal static class HostChecks
{
    /// <summary>A log and a journal that are worth having; a log of debug lines comes to this in an hour.</summary>
    private const long FileBytesEnough = 1L << 30;

    /// <summary>A finding each: what was looked at, whether it is needed and missing (fails), or only worth a word (warns), and what to tell.</summary>
    public static IEnumerable<(string What, bool Fails, bool Warns, string Finding)> All(Settings settings)
    {
        long rooms = new RoomLogLayout(settings.MaxRooms, settings.RoomSize).SegmentBytes;
        if (SystemVSupport.Missing() is { } missing)
        {
            yield return ("System V IPC", true, false, missing);
        }

        long address = Syscall.AddressSpaceLimit;
        long addressNeeded = SystemVSupport.AddressBytesOf(rooms);
        yield return address == Syscall.Unlimited
            ? ("address space", false, false, "unlimited")
            : ("address space", address < addressNeeded, false, Text($"{address} bytes, of which about {addressNeeded} are needed: ulimit -v, LimitAS="));
        yield return Memory(rooms);
        long file = Syscall.FileSizeLimit;
        yield return file == Syscall.Unlimited
            ? ("file size", false, false, "unlimited")
            : ("file size", false, file < FileBytesEnough, Text($"{file} bytes: log and journal are full then, as on a full disk; ulimit -f, LimitFSIZE="));
        bool wantsIpv6 = settings.Addresses.Append(settings.Metrics).Any(one => one is { IsAnyFamily: true });
        if (wantsIpv6)
        {
            bool has = Syscall.HasIpv6;
            yield return ("IPv6", false, !has, has ? "there" : "this kernel has none: '*' means all IPv4 addresses");
        }

        bool hasProc = Syscall.IsReadable("/proc/self/exe");
        yield return (
            "/proc", false, !hasProc,
            hasProc ? "mounted" : "not mounted: no figures of memory, and the binary may not be replaced while a server runs");
        bool hasNull = Syscall.IsWritable("/dev/null");
        yield return ("/dev/null", false, !hasNull, hasNull ? "there" : "missing: an empty file in memory stands for it");
    }

    /// <summary>Pages of rooms count once something was said in them, so a host may have less than all rooms could take.</summary>
    private static (string, bool, bool, string) Memory(long rooms)
    {
        if (HostMemory.Known is not { } limit)
        {
            return ("memory", false, false, Text($"all rooms full take {rooms} bytes; this host does not tell how much it has"));
        }

        return ("memory", false, rooms > limit, rooms <= limit
            ? Text($"{limit} bytes; all rooms full take {rooms}")
            : Text($"{limit} bytes, but all rooms full take {rooms}: lower --max-rooms or --room-size, or raise MemoryMax= or the container's limit"));
    }

    private static string Text(FormattableString text) => FormattableString.Invariant(text);
}
