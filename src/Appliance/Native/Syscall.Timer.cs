using System.Runtime.InteropServices;

namespace Appliance.Native;

public static unsafe partial class Syscall
{
    public const int SIGALRM = 14;

    private const int ITIMER_REAL = 0;
    private const int MicrosecondsPerMillisecond = 1000;
    private const int MillisecondsPerSecond = 1000;

    /// <summary>
    /// Makes the kernel send SIGALRM after one time and then at intervals of another; 0 and 0 stops it. setitimer(2): <c>struct itimerval</c>
    /// is the interval, then the first time, each in seconds and microseconds.
    /// </summary>
    public static SysResult SetAlarm(long firstMs, long everyMs)
    {
        long* value = stackalloc long[4];
        (value[0], value[1]) = (everyMs / MillisecondsPerSecond, everyMs % MillisecondsPerSecond * MicrosecondsPerMillisecond);
        (value[2], value[3]) = (firstMs / MillisecondsPerSecond, firstMs % MillisecondsPerSecond * MicrosecondsPerMillisecond);
        return SysResult.From(Imports.setitimer(ITIMER_REAL, value, null));
    }

    private static partial class Imports
    {
        [LibraryImport("libc")]
        internal static partial int setitimer(int which, long* value, long* former);
    }
}
