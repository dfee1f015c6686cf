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

    /// <summary>An interruption that comes just before the call begins is lost on it as well, and noticed so much later.</summary>
    private const int CheckMs = 1000;

    private readonly long _endMs;

    private readonly Interruption? _interruption;

    /// <summary>A limit from now on; none at all when it is null.</summary>
    /// <param name="limit">The time.</param>
    /// <param name="interruption">What ends the time as well.</param>
    public Deadline(TimeSpan? limit, Interruption? interruption = null)
    {
        _interruption = interruption;
        _endMs = limit is { } time ? MonotonicClock.ReadMs() + (long)time.TotalMilliseconds : long.MaxValue;
        if (HasEnd)
        {
            TakeAlarms();
        }
    }

    /// <summary>Whether the time is over.</summary>
    public bool IsOver => MonotonicClock.ReadMs() >= _endMs || IsInterrupted;

    private bool IsInterrupted => _interruption is { Came: true };

    private bool HasEnd => _interruption is not null || _endMs != long.MaxValue;

    /// <summary>
    /// From now on an alarm interrupts the call that is under way, and nothing more; up to the end of the process, because one that was sent
    /// before the timer stopped would end it.
    /// </summary>
    public static void TakeAlarms()
    {
        Syscall.InterruptCalls(Syscall.SIGALRM);
        Syscall.Unblock(Syscall.SIGALRM);
    }

    /// <summary>Makes a call again as long as a signal interrupts it and the time is not over; not at all when an interruption came before.</summary>
    public SysResult Repeat(Func<SysResult> call)
    {
        SysResult result;
        do
        {
            if (HasEnd)
            {
                _ = Syscall.SetAlarm(Math.Clamp(_endMs - MonotonicClock.ReadMs(), 1, CheckMs), RepeatMs).OrThrow("setitimer");
            }

            result = IsInterrupted ? SysResult.Interrupted : call();
        }
        while (result.Error == Errno.EINTR && !IsOver);
        return result;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (HasEnd)
        {
            _ = Syscall.SetAlarm(0, 0);
        }
    }
}
