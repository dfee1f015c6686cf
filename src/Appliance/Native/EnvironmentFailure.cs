using System.ComponentModel;

namespace Appliance.Native;

/// <summary>Tells failures that a host or its administrator can cause from faults of this program.</summary>
public static class EnvironmentFailure
{
    private const string Exhausted =
        "the host gives this process no more memory or threads: see ulimit -v and -u, MemoryMax= and TasksMax= of the unit, and the cgroup's limits";

    /// <summary>What to tell people of a failure, in words; null when it is a fault of this program, whose place in the code matters.</summary>
    public static string? Explain(Exception failure) => failure switch
    {
        SyscallException or IOException or UnauthorizedAccessException or Win32Exception => failure.Message,

        // The runtime reports a thread that the kernel refuses as a lack of memory, too.
        OutOfMemoryException or ThreadStartException => TaskLimit.IsAddressSpaceShort ? TaskLimit.WayOut() : Exhausted,
        // Whose thread the runtime starts for a task says it in its own way.
        TypeInitializationException { InnerException: { } cause } => Explain(cause),
        TaskSchedulerException { InnerException: { } cause } => Explain(cause),
        _ => null,
    };
}
