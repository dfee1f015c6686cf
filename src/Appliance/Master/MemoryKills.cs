using Appliance.Native;

namespace Appliance.Master;

/// <summary>
/// Tells whether a SIGKILL was the kernel's, for lack of memory: it counts those of the whole host, of groups with a limit included. proc(5),
/// /proc/vmstat, <c>oom_kill</c>. A service that does not see that file counts those of its own group.
/// </summary>
internal sealed class MemoryKills
{
    private const string Counters = "/proc/vmstat";
    private const string Name = "oom_kill ";

    /// <summary>
    /// Workers that the kernel kills together end one behind the other: a worker whose end is reported this soon after a kill was part of it.
    /// </summary>
    private const long TogetherMs = 1000;

    private long _seen = Count();
    private long? _seenMs;

    /// <summary>How a process has ended that nobody had asked to.</summary>
    /// <param name="how">What wait(2) tells.</param>
    /// <param name="nowMs">Milliseconds of the monotonic clock.</param>
    public ProcessEnd Judge(ExitStatus how, long nowMs) =>
        how.Signal == Syscall.SIGKILL ? (HaveHappened(nowMs) ? ProcessEnd.KilledForMemory : ProcessEnd.Killed)
        : how.IsFailure ? ProcessEnd.Failed : ProcessEnd.Expected;

    /// <summary>Whether the kernel has killed anybody for memory just now: since this was asked last, or a moment before.</summary>
    /// <param name="nowMs">Milliseconds of the monotonic clock.</param>
    private bool HaveHappened(long nowMs)
    {
        long before = _seen;
        _seen = Count();
        _seenMs = _seen > before ? nowMs : _seenMs;
        return nowMs - _seenMs <= TogetherMs;
    }

    private static long Count() => ControlGroup.Field(Counters, Name) ?? ControlGroup.MemoryKills() ?? 0;
}
