using Appliance.Native;

namespace Appliance.Loop;

/// <summary>Wakes a loop from another thread or process: an eventfd(2) that the loop watches.</summary>
public sealed unsafe class Wakeup : IDisposable
{
    /// <summary>A wake-up of its own descriptor.</summary>
    /// <exception cref="SyscallException">No descriptor is left.</exception>
    public Wakeup()
        : this(Syscall.EventFd().OrThrow("eventfd"))
    {
    }

    /// <summary>A wake-up whose descriptor was inherited.</summary>
    public Wakeup(int descriptor) => Descriptor = descriptor;

    /// <summary>What the loop watches for reading.</summary>
    public int Descriptor { get; }

    /// <summary>Makes the descriptor readable; many calls before one <see cref="Clear"/> count once.</summary>
    public void Set()
    {
        ulong one = 1;
        _ = Syscall.Write(Descriptor, (byte*)&one, sizeof(ulong));
    }

    /// <summary>Makes the descriptor unreadable again.</summary>
    public void Clear()
    {
        ulong count;
        _ = Syscall.Read(Descriptor, (byte*)&count, sizeof(ulong));
    }

    /// <inheritdoc/>
    public void Dispose() => _ = Syscall.Close(Descriptor);
}
