using System.Runtime.InteropServices;

namespace Appliance.Native;

/// <summary>What a host may lack: a limit that is low, a file system that is not mounted, a family of addresses.</summary>
public static unsafe partial class Syscall
{
    /// <summary>A limit that is none; setrlimit(2), RLIM_INFINITY, which is larger than any number here.</summary>
    public const long Unlimited = long.MaxValue;

    private const string NullDevice = "/dev/null";
    private const string BinaryLink = "/proc/self/exe";
    private const nuint AT_EXECFN = 31;
    private const int RLIMIT_FSIZE = 1;
    private const int RLIMIT_NPROC = 6;
    private const int RLIMIT_AS = 9;
    private const int SysinfoBytes = 112;
    private const int TotalMemoryOffset = 32;
    private const int MemoryUnitOffset = 104;
    private const int F_DUPFD_CLOEXEC = 1030;
    private const int F_ADD_SEALS = 1033;
    private const int SealsAgainstWriting = 1 | 2 | 4 | 8; // F_SEAL_SEAL, SHRINK, GROW, WRITE
    private const uint MFD_ALLOW_SEALING = 2;

    private static string? _ownPath;
    private static bool? _hasIpv6;

    /// <summary>Largest file that this process may write, in bytes; getrlimit(2), RLIMIT_FSIZE.</summary>
    public static long FileSizeLimit => SoftLimit(RLIMIT_FSIZE);

    /// <summary>Largest address space of this process, in bytes; getrlimit(2), RLIMIT_AS.</summary>
    public static long AddressSpaceLimit => SoftLimit(RLIMIT_AS);

    /// <summary>Processes and threads that this process's user may have; getrlimit(2), RLIMIT_NPROC.</summary>
    public static long ProcessLimit => SoftLimit(RLIMIT_NPROC);

    /// <summary>Memory of this host, in bytes; null when the kernel does not tell. sysinfo(2): totalram in units of mem_unit.</summary>
    public static long? HostMemory()
    {
        byte* info = stackalloc byte[SysinfoBytes];
        return Imports.sysinfo(info) == 0 ? *(long*)(info + TotalMemoryOffset) * *(uint*)(info + MemoryUnitOffset) : null;
    }

    /// <summary>Whether this kernel speaks IPv6, at any address; asked once. socket(2), EAFNOSUPPORT.</summary>
    public static bool HasIpv6 => _hasIpv6 ??= AskForIpv6();

    /// <summary>
    /// What to start for another process of this very binary, whatever lies at its path by now: the kernel's link to it. Where /proc is not
    /// mounted, its path.
    /// </summary>
    public static string OwnBinary => IsReadable(BinaryLink) ? BinaryLink : OwnPath;

    /// <summary>
    /// Absolute path of this process's binary; one that was replaced ends in " (deleted)". Where /proc is not mounted, the path by which it was
    /// started; getauxval(3), AT_EXECFN.
    /// </summary>
    public static string OwnPath => _ownPath ??= IsReadable(BinaryLink)
        ? File.ResolveLinkTarget(BinaryLink, returnFinalTarget: false)!.FullName
        : Path.GetFullPath(Marshal.PtrToStringUTF8(Imports.getauxval(AT_EXECFN)) ?? "");

    /// <summary>The lowest descriptor that is not in use; all below it are. fcntl(2), F_DUPFD_CLOEXEC.</summary>
    public static int LowestFreeDescriptor()
    {
        var copy = SysResult.From(Imports.fcntl(0, F_DUPFD_CLOEXEC, 0));
        _ = copy.Ok && Close(copy.Value).Ok;
        return copy.Ok ? copy.Value : 0;
    }

    /// <summary>
    /// Something that reads as empty: /dev/null, or where that is missing a file in memory that nobody can write to. It closes on exec; dup2
    /// takes that away.
    /// </summary>
    public static SysResult OpenNothing()
    {
        var opened = Open(NullDevice, O_RDWR, 0);
        if (opened.Ok || opened.Error is Errno.EMFILE or Errno.ENFILE)
        {
            return opened;
        }

        opened = SysResult.From(Imports.memfd_create("null", MFD_CLOEXEC | MFD_ALLOW_SEALING));
        if (opened.Ok)
        {
            _ = Imports.fcntl(opened.Value, F_ADD_SEALS, SealsAgainstWriting);
        }

        return opened;
    }

    private static bool AskForIpv6()
    {
        var opened = Socket(AF_INET6);
        _ = opened.Ok && Close(opened.Value).Ok;
        return opened.Error != Errno.EAFNOSUPPORT;
    }

    private static long SoftLimit(int resource)
    {
        ulong* limits = stackalloc ulong[2];
        return Imports.getrlimit(resource, limits) == 0 ? (long)Math.Min(limits[0], Unlimited) : Unlimited;
    }

    private static partial class Imports
    {
        [LibraryImport("libc")]
        internal static partial int sysinfo(byte* info);

        [LibraryImport("libc")]
        internal static partial nint getauxval(nuint type);
    }
}
