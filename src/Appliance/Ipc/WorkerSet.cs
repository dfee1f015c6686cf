using System.Numerics;

namespace Appliance.Ipc;

/// <summary>A set of workers' slots, 0 to 127: those that must be woken.</summary>
public struct WorkerSet
{
    private const int HalfBits = 64;

    private ulong _low;
    private ulong _high;

    /// <summary>Adds a worker.</summary>
    public void Add(int worker)
    {
        if (worker < HalfBits)
        {
            _low |= 1UL << worker;
        }
        else
        {
            _high |= 1UL << (worker - HalfBits);
        }
    }

    /// <summary>Takes the lowest worker out; false when there is none.</summary>
    public bool TryTake(out int worker)
    {
        worker = _low != 0 ? BitOperations.TrailingZeroCount(_low) : HalfBits + BitOperations.TrailingZeroCount(_high);
        bool any = (_low | _high) != 0;
        if (_low != 0)
        {
            _low &= _low - 1;
        }
        else
        {
            _high &= _high - 1;
        }

        return any;
    }
}
