namespace Appliance.Connections;

/// <summary>Objects that connections borrow while they need them, known by a number from 1 on; 0 is none.</summary>
public sealed class Pool<T>
    where T : class, new()
{
    private readonly List<T> _items = [];
    private readonly Stack<int> _free = new();

    /// <summary>The object of a number.</summary>
    public T this[int number] => _items[number - 1];

    /// <summary>Lends an object and returns its number.</summary>
    public int Borrow()
    {
        if (_free.TryPop(out int number))
        {
            return number;
        }

        _items.Add(new T());
        return _items.Count;
    }

    /// <summary>Takes an object back; it must be as a new one.</summary>
    public void Return(int number) => _free.Push(number);
}
