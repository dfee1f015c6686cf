using System.Runtime.InteropServices;

namespace Appliance.Native;

/// <summary>What a process gives up for good.</summary>
public static unsafe partial class Syscall
{
    private const int PR_CAPBSET_DROP = 24;
    private const int PR_SET_NO_NEW_PRIVS = 38;
    private const int RLIMIT_CORE = 4;

    /// <summary>Capabilities that there can ever be; capabilities(7).</summary>
    private const int CapabilitiesMax = 64;

    private static readonly nint SYS_prctl = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 167 : 157;

    /// <summary>Neither this thread nor what it executes gets more rights than it has, whatever the file's mode says; prctl(2), PR_SET_NO_NEW_PRIVS.</summary>
    public static SysResult ForbidNewPrivileges() => SysResult.From(Imports.syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0));

    /// <summary>
    /// This thread, and what it executes, never has a capability again once it has given those up that it has; prctl(2), PR_CAPBSET_DROP. Of root
    /// alone.
    /// </summary>
    public static void DropCapabilityBounds()
    {
        for (int capability = 0; capability < CapabilitiesMax; capability++)
        {
            _ = Imports.syscall(SYS_prctl, PR_CAPBSET_DROP, capability, 0, 0, 0, 0);
        }
    }

    /// <summary>Whether a file is left of the memory of a process that crashes: the soft limit, as far as the hard one allows. setrlimit(2), core(5).</summary>
    public static void SetCoreDumps(bool allowed)
    {
        ulong* limits = stackalloc ulong[2];
        if (Imports.getrlimit(RLIMIT_CORE, limits) == 0)
        {
            limits[0] = allowed ? limits[1] : 0;
            _ = Imports.setrlimit(RLIMIT_CORE, limits);
        }
    }

    /// <summary>A system call that libc has no function for; syscall(2).</summary>
    internal static SysResult Call(int number, nint one, nint two, nint three) =>
        SysResult.From(Imports.syscall(number, one, two, three, 0, 0, 0));
}
