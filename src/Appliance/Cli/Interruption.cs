using Appliance.Native;

namespace Appliance.Cli;

/// <summary>
/// Has SIGINT, SIGTERM and SIGHUP wait while a command does what must not be broken off: hand on a message that is out of its queue, change
/// memory that others read. The first signal is noted and interrupts a call that waits, and with Dispose the process ends by it, so what
/// is to be put in order before then is disposed first; the second one ends it at once. A signal that
/// whoever started the process has had ignored stays ignored.
/// </summary>
internal sealed class Interruption : IDisposable
{
    private static readonly int[] Signals = [Syscall.SIGINT, Syscall.SIGTERM, Syscall.SIGHUP];

    private int[] _taken = [];

    /// <summary>From now on signals wait.</summary>
    public void Begin()
    {
        Deadline.TakeAlarms();
        _taken = Array.FindAll(Signals, signal => !Syscall.IsIgnored(signal));
        Array.ForEach(_taken, Syscall.InterruptCallsOnce);
        Syscall.Unblock(_taken);
    }

    /// <summary>Whether one came.</summary>
    public bool Came => Array.Exists(_taken, Syscall.IsDefault);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Array.Find(_taken, Syscall.IsDefault) is var signal and not 0)
        {
            Syscall.EndBy(signal);
        }

        Array.ForEach(_taken, Syscall.SetDefaultAction);
    }
}
