namespace Appliance.Rooms;

/// <summary>
/// Keeps the memory of all rooms together within a limit. The sum is made anew each time, from positions that stay true after
/// a process was killed: when a worker has appended a certain amount, or makes a room. Above the limit, empty rooms are given up, the longest
/// unused first; if that is not enough, rooms in use shrink to an equal share, which does not affect small ones, and no room is made for a while.
/// </summary>
public sealed class RoomMemory(RoomLog log)
{
    /// <summary>Memory of a room without a message: its header, and the first page of its ring and index.</summary>
    public const int RoomBytesMin = 8 << 10;

    /// <summary>Rooms in use are cut no further: the newest messages stay, whatever the limit.</summary>
    private const int ShareBytesMin = 16 << 10;

    /// <summary>Cut down to this part of the limit, so that it is not done for every message.</summary>
    private const double CutTo = 7 / 8.0;

    /// <summary>Rooms are made again below this part of it.</summary>
    private const double EnoughBelow = 3 / 4.0;

    /// <summary>Adding up takes a worker some 50 ns a room, so it rests in between: a twentieth of its time at most.</summary>
    private const int RestMsMin = 10;

    private const int RoomsPerRestMs = 1000;

    private const int StepBytesMin = 64 << 10;
    private const int StepBytesMax = 16 << 20;

    /// <summary>Workers grow side by side, and none of them knows of the others' growth.</summary>
    private const int StepsOfLimit = 128;

    private readonly long _restMs = Math.Max(RestMsMin, log.Layout.Rooms / RoomsPerRestMs);
    private long _grownBytes;
    private long _restUntilMs = long.MinValue;

    /// <summary>The most that all rooms may take together.</summary>
    public long LimitBytes { get; private set; } = long.MaxValue;

    /// <summary>Whether rooms in use had to be cut, so that no new one is made but in the place of one that was given up.</summary>
    public bool IsShort => Volatile.Read(ref log.Header.MemoryIsShort) != 0;

    /// <summary>Sets the limit, and brings the rooms within it.</summary>
    public void SetLimit(long bytes, long nowMs)
    {
        if (bytes != LimitBytes)
        {
            LimitBytes = bytes;
            Hold(nowMs);
        }
    }

    /// <summary>Takes note of what this worker has appended, or has made a room for.</summary>
    public void NoteGrowth(int bytes) => _grownBytes += bytes;

    /// <summary>Looks after the limit if much was appended since the last time.</summary>
    public void Check(long nowMs)
    {
        if (_grownBytes >= Math.Clamp(LimitBytes / StepsOfLimit, StepBytesMin, StepBytesMax) && IsDue(nowMs))
        {
            Hold(nowMs);
        }
    }

    /// <summary>
    /// Whether a room may be made now. While memory is short, it takes the place of one that was given up, whoever did that and when: only a
    /// look for the limit's sake may have found it.
    /// </summary>
    public bool MayMakeRoom(long nowMs)
    {
        if (!IsShort || TryTakePlace())
        {
            return true;
        }

        if (!IsDue(nowMs))
        {
            return false;
        }

        Hold(nowMs);
        return !IsShort || TryTakePlace();
    }

    /// <summary>What all rooms take together now.</summary>
    public static long Measure(RoomLog log)
    {
        long bytes = 0;
        for (int slot = 0; slot < log.Layout.Rooms; slot++)
        {
            bytes += log.HashAt(slot) != 0 ? log.Ring(slot).MemoryBytes : 0;
        }

        return bytes;
    }

    private bool IsDue(long nowMs) => nowMs >= _restUntilMs || _restUntilMs - nowMs > _restMs;

    private bool TryTakePlace()
    {
        ref int shared = ref log.Header.MemoryIsShort;
        int seen = Volatile.Read(ref shared);
        while (seen > 1)
        {
            int before = Interlocked.CompareExchange(ref shared, seen - 1, seen);
            if (before == seen)
            {
                return true;
            }

            seen = before;
        }

        return false;
    }

    /// <summary>Brings the rooms within the limit. While memory is short before and after, each room that is given up is a place.</summary>
    private void Hold(long nowMs)
    {
        (_grownBytes, _restUntilMs) = (0, nowMs + _restMs);
        long bytes = Measure(log);
        bool wasShort = IsShort;
        bool isShort = wasShort;
        int givenUp = 0;
        if (wasShort || bytes > LimitBytes)
        {
            givenUp = GiveUpEmpty(ref bytes, (long)(LimitBytes * (wasShort ? EnoughBelow : CutTo)));
        }

        if (bytes > LimitBytes)
        {
            bytes = CutToShare((long)(LimitBytes * CutTo));
            isShort = true;
        }

        ref int shared = ref log.Header.MemoryIsShort;
        if (!isShort || bytes <= LimitBytes * EnoughBelow)
        {
            Volatile.Write(ref shared, 0);
        }
        else if (wasShort)
        {
            _ = Interlocked.Add(ref shared, givenUp);
        }
        else
        {
            _ = Interlocked.CompareExchange(ref shared, 1, 0);
        }
    }

    /// <summary>Gives up empty rooms until all take no more than so much.</summary>
    private int GiveUpEmpty(ref long bytes, long target)
    {
        var empty = new PriorityQueue<(int Slot, ulong Hash), long>();
        for (int slot = 0; slot < log.Layout.Rooms; slot++)
        {
            if (log.IsSpare(slot, long.MaxValue))
            {
                empty.Enqueue((slot, log.HashAt(slot)), log.LastUsedMs(slot));
            }
        }

        int givenUp = 0;
        while (bytes > target && empty.TryDequeue(out var room, out _))
        {
            long freed = log.Ring(room.Slot).MemoryBytes;
            if (log.TryGiveUp(room.Slot, room.Hash, long.MaxValue))
            {
                bytes -= freed;
                givenUp++;
            }
        }

        return givenUp;
    }

    /// <summary>Cuts all rooms to the share with which they take no more than so much; returns what they take then.</summary>
    private long CutToShare(long target)
    {
        int low = ShareBytesMin;
        int high = log.Layout.RingBytes;
        while (high - low > ShareBytesMin / 4)
        {
            int middle = low + ((high - low) / 2);
            (low, high) = Sum(middle) > target ? (low, middle) : (middle, high);
        }

        long bytes = 0;
        for (int slot = 0; slot < log.Layout.Rooms; slot++)
        {
            if (log.HashAt(slot) != 0)
            {
                var ring = log.Ring(slot);
                bytes += ring.TouchedBytes > low ? ring.Cut(low) : ring.MemoryBytes;
            }
        }

        return bytes;
    }

    private long Sum(int share)
    {
        long bytes = 0;
        for (int slot = 0; slot < log.Layout.Rooms; slot++)
        {
            bytes += log.HashAt(slot) != 0 ? RoomRing.MemoryOf(Math.Min(share, log.Ring(slot).TouchedBytes)) : 0;
        }

        return bytes;
    }
}
