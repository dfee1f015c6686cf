using Appliance.Native;

namespace Appliance.Loop;

/// <summary>
/// Signals as facts: blocked in every thread, they wait in a signalfd(2), which a loop watches as any other descriptor; it takes them
/// once a turn, in its own fixed order. No handler runs, so no thread is needed for one, however few the system has to give.
/// </summary>
public sealed class SignalSet : IDisposable
{
    /// <summary>What a server's process takes; a worker, too, for whom some of them mean nothing.</summary>
    public static readonly IReadOnlyList<int> All = SignalTable.Numbers;

    private ulong _pending;

    /// <summary>Takes signals from now on; those that have come since <see cref="Begin"/> wait already.</summary>
    /// <exception cref="SyscallException">No descriptor is left.</exception>
    public SignalSet() => Descriptor = Syscall.SignalDescriptor(All).OrThrow("signalfd");

    /// <summary>What the loop watches for reading.</summary>
    public int Descriptor { get; }

    /// <summary>
    /// Makes the signals wait in this process, whatever its parent has done to them: it no longer ignores ignored ones (nohup, a shell's
    /// background job). The runtime has already made threads, and only execve(2) can block signals in those: a process whose parent has not
    /// blocked them executes itself again.
    /// </summary>
    /// <exception cref="SyscallException">It cannot execute itself again.</exception>
    public static void Begin()
    {
        if (!Syscall.AreBlocked(All))
        {
            Syscall.Block(All);
            _ = Syscall.ExecuteAgain().OrThrow($"execve {Syscall.OwnBinary}");
        }

        foreach (int signal in All)
        {
            Syscall.SetDefaultAction(signal);
        }
    }

    /// <summary>Looks what has come; <see cref="Take"/> tells.</summary>
    public void Collect() => _pending |= Syscall.TakeSignals(Descriptor);

    /// <summary>Whether the signal came since it was last taken.</summary>
    public bool Take(int signal)
    {
        bool came = (_pending & Syscall.SignalBit(signal)) != 0;
        _pending &= ~Syscall.SignalBit(signal);
        return came;
    }

    /// <inheritdoc/>
    public void Dispose() => _ = Syscall.Close(Descriptor);
}
