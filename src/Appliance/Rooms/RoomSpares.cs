namespace Appliance.Rooms;

/// <summary>
/// Rooms that may give their places up, those that were left first in front. One search through all rooms, without a lock, finds several; each
/// is looked at again before it is given up, because it may be in use by then.
/// </summary>
internal sealed unsafe class RoomSpares(RoomLog log)
{
    /// <summary>How long a search that finds nothing holds, at most: rooms grow old without anybody telling.</summary>
    public const long RetryMs = 1000;

    /// <summary>Kept of one search: so many rooms are made for its price.</summary>
    private const int KeptMax = 64;

    private readonly PriorityQueue<(int Slot, ulong Hash), long> _oldest = new();
    private readonly Stack<(int Slot, ulong Hash)> _found = new();

    /// <summary>How many are known.</summary>
    public int Count => _found.Count;

    /// <summary>
    /// When the next one may be there, by what the last search saw, in milliseconds of the monotonic clock; long.MaxValue when no room is empty.
    /// </summary>
    public long NextMs { get; private set; }

    /// <summary>Looks through all rooms; returns how many are known now.</summary>
    public int Search(long nowMs)
    {
        _found.Clear();
        NextMs = long.MaxValue;
        for (int slot = 0; slot < log.Layout.Rooms; slot++)
        {
            // A time ahead is of a server that noted milliseconds since 1970, or of another boot: idle since now, not for years to come.
            ref long used = ref log.HeaderOf(slot)->UsedMs;
            if (used > nowMs)
            {
                used = nowMs;
            }

            long usedMs = used;
            if (log.IsSpare(slot, nowMs - RoomLog.IdleRoomKeptMs))
            {
                Note(slot, usedMs);
            }
            else if (usedMs < NextMs && log.IsSpare(slot, long.MaxValue))
            {
                NextMs = usedMs;
            }
        }

        NextMs += NextMs < long.MaxValue ? RoomLog.IdleRoomKeptMs + 1 : 0;
        while (_oldest.TryDequeue(out var spare, out _))
        {
            _found.Push(spare);
        }

        return _found.Count;
    }

    /// <summary>Takes the one that was left first; false when none is known any more.</summary>
    public bool TryTake(out int slot, out ulong hash)
    {
        bool taken = _found.TryPop(out var spare);
        (slot, hash) = spare;
        return taken;
    }

    private void Note(int slot, long usedMs)
    {
        if (_oldest.Count < KeptMax)
        {
            _oldest.Enqueue((slot, log.HashAt(slot)), -usedMs);
        }
        else
        {
            _ = _oldest.EnqueueDequeue((slot, log.HashAt(slot)), -usedMs);
        }
    }
}
