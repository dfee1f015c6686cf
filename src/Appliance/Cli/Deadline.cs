using System.Runtime.InteropServices;
using Appliance.Native;

namespace Appliance.Cli;

/// <summary>
/// An end for system calls that know no time limit themselves, msgrcv(2) for example: a signal that comes when the time is over, and
/// then again and again, has them return EINTR. Signals of a process go to its first thread, the one that a command runs on.
/// </summary>
internal sealed class Deadline : IDisposable
{
    /// <summary>A signal that comes just before the call begins is lost on it: the next one is not.</summary>
    private const int RepeatMs = 50;

    /// <summary>Kept to the end of the process: a signal that was sent before the timer stopped, and finds nobody any more, would end it.</summary>
    private static PosixSignalRegistration? _registration;

    private readonly long _endMs;

    private readonly Interruption? _interruption;

    /// <summary>A limit from now on; none at all when it is null.</summary>
    /// <param name="limit">The time.</param>
    /// <param name="interruption">What ends the time as well.</param>
    public Deadline(TimeSpan? limit, Interruption? interruption = null)
    {
        _interruption = interruption;
        _endMs = limit is { } time ? Environment.TickCount64 + (long)time.TotalMilliseconds : long.MaxValue;
        if (limit is not null)
        {
            TakeAlarms();
            _ = Syscall.SetAlarm(Math.Max(1, (long)limit.Value.TotalMilliseconds), RepeatMs).OrThrow("setitimer");
        }
    }

    /// <summary>Whether the time is over.</summary>
    public bool IsOver => Environment.TickCount64 >= _endMs || IsInterrupted;

    private bool IsInterrupted => _interruption is { Came: true };

    /// <summary>From now on an alarm interrupts the call that is under way, and nothing more.</summary>
    public static void TakeAlarms() =>
        _registration ??= PosixSignalRegistration.Create((PosixSignal)Syscall.SIGALRM, context => context.Cancel = true);

    /// <summary>Has the call that is under way, or comes next, return EINTR.</summary>
    public static void InterruptNow() => _ = Syscall.SetAlarm(1, RepeatMs);

    /// <summary>Makes a call again as long as a signal interrupts it and the time is not over; not at all when an interruption came before.</summary>
    public SysResult Repeat(Func<SysResult> call)
    {
        SysResult result;
        do
        {
            result = IsInterrupted ? SysResult.Interrupted : call();
        }
        while (result.Error == Errno.EINTR && !IsOver);
        return result;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_endMs != long.MaxValue)
        {
            _ = Syscall.SetAlarm(0, 0);
        }
    }
}
