using System.Runtime.InteropServices;
using Appliance.Native;

namespace Appliance.Connections;

/// <summary>Objects that connections borrow while they need them, known by a number from 1 on; 0 is none.</summary>
public sealed class Pool<T>
    where T : class, new()
{
    private const int NoHolder = -1;

    private readonly List<T> _items = [];
    private readonly List<int> _holders = [];
    private readonly Stack<int> _free = new();

    /// <summary>The object of a number.</summary>
    public T this[int number] => _items[number - 1];

    /// <summary>Lends an object to a descriptor and returns its number.</summary>
    public int Borrow(int holder)
    {
        if (!_free.TryPop(out int number))
        {
            _items.Add(new T());
            _holders.Add(NoHolder);
            number = _items.Count;
        }

        ref int place = ref CollectionsMarshal.AsSpan(_holders)[number - 1];
        Invariant.Hold(place == NoHolder, "free object against holder", "number {0} is lent to {1}", number, place);
        place = holder;
        return number;
    }

    /// <summary>Takes an object back from the descriptor that has it; it must be as a new one.</summary>
    public void Return(int number, int holder)
    {
        Invariant.Hold(IsLentTo(number, holder), "returned object against holder", "number {0}, holder {1}", number, holder);
        _holders[number - 1] = NoHolder;
        _free.Push(number);
    }

    /// <summary>Whether a descriptor has the object of a number: no two connections share one.</summary>
    public bool IsLentTo(int number, int holder) => (uint)(number - 1) < (uint)_holders.Count && _holders[number - 1] == holder;
}
