using System.Runtime.InteropServices;
using Appliance.Native;

namespace Appliance.Cli;

/// <summary>
/// Has SIGINT, SIGTERM and SIGHUP wait while a command does what must not be broken off: hand on a message that is out of its queue, change
/// memory that others read. The first signal is noted and interrupts a call that waits, and with Dispose the process ends by it, so what
/// is to be put in order before then is disposed first; the second one ends it at once. A signal that whoever started the process has had ignored stays ignored.
/// </summary>
internal sealed class Interruption : IDisposable
{
    private static readonly int[] Signals = [Syscall.SIGINT, Syscall.SIGTERM, Syscall.SIGHUP];

    private PosixSignalRegistration[] _registrations = [];
    private int _signal;

    /// <summary>From now on signals wait.</summary>
    public void Begin()
    {
        Deadline.TakeAlarms();
        _registrations = [.. Signals.Where(signal => !Syscall.IsIgnored(signal)).Select(signal => PosixSignalRegistration.Create((PosixSignal)signal, Note))];
    }

    /// <summary>Whether one came.</summary>
    public bool Came => Volatile.Read(ref _signal) != 0;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var registration in _registrations)
        {
            registration.Dispose();
        }

        if (Came)
        {
            Syscall.EndBy(_signal);
        }
    }

    private void Note(PosixSignalContext context)
    {
        context.Cancel = Interlocked.CompareExchange(ref _signal, (int)context.Signal, 0) == 0;
        Deadline.InterruptNow();
    }
}
