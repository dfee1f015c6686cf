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
    public int[] Slots
    {
        get
        {
            List<int> slots = [];
            for (int slot = 0; slot < _bySlot.Length; slot++)
            {
                if (_bySlot[slot] is not null)
                {
                    slots.Add(slot);
                }
            }

            return [.. slots];
        }
    }

    /// <summary>Descriptor of a slot's wake-up; -1 when it has none.</summary>
    public int this[int slot] => _bySlot[slot]?.Descriptor ?? -1;

    /// <summary>The wake-up of a slot, made if it has none.</summary>
    /// <exception cref="SyscallException">No descriptor is left.</exception>
    public Wakeup Ensure(int slot)
    {
        if (_bySlot[slot] is null)
        {
            Volatile.Write(ref _bySlot[slot], new Wakeup());
        }

        return _bySlot[slot]!;
    }

    /// <summary>Descriptors of the wake-ups of the first slots, made where there are none.</summary>
    /// <exception cref="SyscallException">No descriptor is left.</exception>
    public int[] EnsureFirst(int slots)
    {
        int[] descriptors = new int[slots];
        for (int slot = 0; slot < descriptors.Length; slot++)
        {
            descriptors[slot] = Ensure(slot).Descriptor;
        }

        return descriptors;
    }

    /// <summary>Takes the descriptor of a slot's wake-up, which another process has sent, in the place of the former one.</summary>
    public void Put(int slot, int descriptor)
    {
        var former = _bySlot[slot];
        Volatile.Write(ref _bySlot[slot], new Wakeup(descriptor));
        former?.Dispose();
    }

    /// <summary>Wakes the process that has a slot, if it has a wake-up; from any thread.</summary>
    public void Set(int slot) => Volatile.Read(ref _bySlot[slot])?.Set();

    /// <summary>Wakes all.</summary>
    public void SetAll()
    {
        for (int slot = 0; slot < _bySlot.Length; slot++)
        {
            Set(slot);
        }
    }

    /// <summary>Closes those of some slots.</summary>
    public void CloseWhere(Predicate<int> isUnused)
    {
        for (int slot = 0; slot < _bySlot.Length; slot++)
        {
            if (isUnused(slot))
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
