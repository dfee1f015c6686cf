using System.Numerics;
using System.Runtime.CompilerServices;
using Appliance.Loop;

namespace Appliance.Rooms;

/// <summary>A set of slots, 0 to 191: those of workers and followers that must be woken.</summary>
public struct WorkerSet
{
    private const int WordBits = 64;
    private const int WordCount = 3;

    private Words _words;

    /// <summary>Adds a slot.</summary>
    public void Add(WorkerSlot slot) => _words[slot.Index / WordBits] |= 1UL << (slot.Index % WordBits);

    /// <summary>Takes the lowest slot out; false when there is none.</summary>
    public bool TryTake(out WorkerSlot slot)
    {
        for (int word = 0; word < WordCount; word++)
        {
            ulong bits = _words[word];
            if (bits != 0)
            {
                slot = new WorkerSlot((word * WordBits) + BitOperations.TrailingZeroCount(bits));
                _words[word] = bits & (bits - 1);
                return true;
            }
        }

        slot = default;
        return false;
    }

    [InlineArray(WordCount)]
    private struct Words
    {
        private ulong _first;
    }
}
