using Appliance.Native;

namespace Appliance.Loop;

/// <summary>
/// The wake-ups by which processes that share room logs wake each other, by slot. One is made when somebody is to have the slot: each costs a
/// descriptor in every process.
/// </summary>
public sealed class WakeupTable : IDisposable
{
    private readonly Wakeup?[] _bySlot;

    /// <summary>No wake-up yet for any of so many slots.</summary>
    public WakeupTable(int slots) => _bySlot = new Wakeup?[slots];

    /// <summary>Of so many slots the first ones have wake-ups that were inherited.</summary>
    public WakeupTable(int slots, ReadOnlySpan<int> descriptors)
        : this(slots)
    {
        for (int slot = 0; slot < descriptors.Length; slot++)
        {
            _bySlot[slot] = new Wakeup(descriptors[slot]);
        }
    }

    /// <summary>The slots that have one, in growing order.</summary>
    public WorkerSlot[] Slots
    {
        get
        {
            List<WorkerSlot> slots = [];
            for (int slot = 0; slot < _bySlot.Length; slot++)
            {
                if (_bySlot[slot] is not null)
                {
                    slots.Add(new WorkerSlot(slot));
                }
            }

            return [.. slots];
        }
    }

    /// <summary>Descriptor of a slot's wake-up; -1 when it has none.</summary>
    public int this[WorkerSlot slot] => _bySlot[slot.Index]?.Descriptor ?? -1;

    /// <summary>The wake-up of a slot, made if it has none.</summary>
    /// <exception cref="SyscallException">No descriptor is left.</exception>
    public Wakeup Ensure(WorkerSlot slot)
    {
        ref var wakeup = ref _bySlot[slot.Index];
        if (wakeup is null)
        {
            Volatile.Write(ref wakeup, new Wakeup());
        }

        return wakeup;
    }

    /// <summary>Descriptors of the wake-ups of the first slots, made where there are none.</summary>
    /// <exception cref="SyscallException">No descriptor is left.</exception>
    public int[] EnsureFirst(int slots)
    {
        int[] descriptors = new int[slots];
        for (int slot = 0; slot < descriptors.Length; slot++)
        {
            descriptors[slot] = Ensure(new WorkerSlot(slot)).Descriptor;
        }

        return descriptors;
    }

    /// <summary>Takes the descriptor of a slot's wake-up, which another process has sent, in the place of the former one.</summary>
    public void Put(WorkerSlot slot, int descriptor)
    {
        ref var wakeup = ref _bySlot[slot.Index];
        var former = wakeup;
        Volatile.Write(ref wakeup, new Wakeup(descriptor));
        former?.Dispose();
    }

    /// <summary>Wakes the process that has a slot, if it has a wake-up; from any thread.</summary>
    public void Set(WorkerSlot slot) => Volatile.Read(ref _bySlot[slot.Index])?.Set();

    /// <summary>Wakes all.</summary>
    public void SetAll()
    {
        for (int slot = 0; slot < _bySlot.Length; slot++)
        {
            Set(new WorkerSlot(slot));
        }
    }

    /// <summary>Closes those of some slots.</summary>
    public void CloseWhere(Predicate<WorkerSlot> isUnused)
    {
        for (int slot = 0; slot < _bySlot.Length; slot++)
        {
            if (isUnused(new WorkerSlot(slot)))
            {
                _bySlot[slot]?.Dispose();
                _bySlot[slot] = null;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var wakeup in _bySlot)
        {
            wakeup?.Dispose();
        }
    }
}
