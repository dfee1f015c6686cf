using System.Runtime.InteropServices;

namespace Appliance.Loop;

/// <summary>
/// Signals as facts: a handler only notes that one came and wakes the loop, which takes the notes once a turn in its own fixed
/// order. (A signalfd would not do: its mask does not reach the runtime's own threads.)
/// </summary>
public sealed class SignalSet : IDisposable
{
    private readonly List<PosixSignalRegistration> _registrations = [];
    private readonly Wakeup _wakeup;
    private int _pending;

    /// <summary>Notes for a loop that watches the given wake-up.</summary>
    public SignalSet(Wakeup wakeup)
    {
        _wakeup = wakeup;

        // Handlers run on a thread of the pool, which the project file keeps alive: it is started while the system still has one.
        _ = ThreadPool.UnsafeQueueUserWorkItem(_ => { }, null);
    }

    /// <summary>From now on this signal is noted instead of doing what it does by default.</summary>
    public void Watch(PosixSignal signal)
    {
        int bit = Bit(signal);
        _registrations.Add(PosixSignalRegistration.Create(signal, context =>
        {
            context.Cancel = true;
            _ = Interlocked.Or(ref _pending, bit);
            _wakeup.Set();
        }));
    }

    /// <summary>Whether the signal came since it was last taken.</summary>
    public bool Take(PosixSignal signal)
    {
        int bit = Bit(signal);
        return (Volatile.Read(ref _pending) & bit) != 0 && (Interlocked.And(ref _pending, ~bit) & bit) != 0;
    }

    /// <inheritdoc/>
    public void Dispose() => _registrations.ForEach(registration => registration.Dispose());

    /// <summary>The runtime's names are small negative numbers, raw signals positive ones below 32: both fit one word.</summary>
    private static int Bit(PosixSignal signal) => 1 << ((int)signal & 31);
}
