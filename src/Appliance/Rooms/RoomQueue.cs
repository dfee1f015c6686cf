using System.Runtime.InteropServices;

namespace Appliance.Rooms;

/// <summary>Slots of rooms that may have got something, each once, in the order in which they came.</summary>
/// <param name="rooms">How many slots there are.</param>
internal sealed class RoomQueue(int rooms)
{
    private readonly List<int> _slots = [];
    private readonly bool[] _isIn = new bool[rooms];

    /// <summary>The slots.</summary>
    public IReadOnlyList<int> Slots => _slots;

    /// <summary>How many there are.</summary>
    public int Count => _slots.Count;

    /// <summary>Adds a slot; one that is no room's is ignored.</summary>
    public void Add(int slot)
    {
        if (slot < _isIn.Length && !_isIn[slot])
        {
            _isIn[slot] = true;
            _slots.Add(slot);
        }
    }

    /// <summary>Adds all.</summary>
    public void AddAll()
    {
        for (int slot = 0; slot < _isIn.Length; slot++)
        {
            Add(slot);
        }
    }

    /// <summary>Takes the first ones out.</summary>
    public void RemoveFirst(int count)
    {
        foreach (int slot in CollectionsMarshal.AsSpan(_slots)[..count])
        {
            _isIn[slot] = false;
        }

        _slots.RemoveRange(0, count);
    }
}
