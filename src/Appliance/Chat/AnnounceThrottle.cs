namespace Appliance.Chat;

/// <summary>
/// Keeps joins and leaves from drowning a room: up to <see cref="PerSecondMax"/> a second are announced one by one, the others are
/// counted and summed up when the second is over.
/// </summary>
public struct AnnounceThrottle
{
    /// <summary>Announcements of one room in one second.</summary>
    public const int PerSecondMax = 50;

    private const int WindowMs = 1000;

    private long _windowStartMs;
    private int _told;

    /// <summary>Joins that wait to be summed up.</summary>
    public int Joins { get; private set; }

    /// <summary>Leaves that wait to be summed up.</summary>
    public int Leaves { get; private set; }

    /// <summary>Whether there is something to sum up.</summary>
    public readonly bool HasSum => Joins + Leaves > 0;

    /// <summary>When the sum is due.</summary>
    public readonly long DueMs => _windowStartMs + WindowMs;

    /// <summary>Notes a join or leave; true when it is to be told by itself now.</summary>
    public bool Note(bool join, long nowMs, int perSecondMax = PerSecondMax)
    {
        if (nowMs - _windowStartMs >= WindowMs && !HasSum)
        {
            _windowStartMs = nowMs;
            _told = 0;
        }

        if (_told < perSecondMax && !HasSum)
        {
            _told++;
            return true;
        }

        Joins += join ? 1 : 0;
        Leaves += join ? 0 : 1;
        return false;
    }

    /// <summary>Forgets the sum, which has been told, and begins a new second with it.</summary>
    public void Told(long nowMs)
    {
        Joins = Leaves = 0;
        _windowStartMs = nowMs;
        _told = 1;
    }
}
