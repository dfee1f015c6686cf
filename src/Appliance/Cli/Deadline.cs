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

    /// <summary>A limit of so many seconds from now; none at all when it is null.</summary>
    public Deadline(double? seconds)
    {
        long milliseconds = seconds is { } limit ? (long)(Math.Min(limit, int.MaxValue) * 1000) : -1;
        _endMs = milliseconds < 0 ? long.MaxValue : Environment.TickCount64 + milliseconds;
        if (milliseconds >= 0)
        {
            _registration ??= PosixSignalRegistration.Create((PosixSignal)Syscall.SIGALRM, context => context.Cancel = true);
            _ = Syscall.SetAlarm(Math.Max(1, milliseconds), RepeatMs).OrThrow("setitimer");
        }
    }

    /// <summary>Whether the time is over.</summary>
    public bool IsOver => Environment.TickCount64 >= _endMs;

    /// <summary>Makes a call again as long as a signal interrupts it and the time is not over.</summary>
    public SysResult Repeat(Func<SysResult> call)
    {
        SysResult result;
        do
        {
            result = call();
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
