namespace Appliance.Ipc;

/// <summary>Fills rooms of a segment with records that have ids already. Nobody else uses the segment.</summary>
public static unsafe class RoomFilling
{
    /// <summary>Makes a room in a free slot, used just now: time is <paramref name="unixMs"/> since 1970 and <paramref name="nowMs"/> of the monotonic clock.</summary>
    public static void Create(RoomLog log, int slot, ReadOnlySpan<byte> name, long unixMs, long nowMs)
    {
        log.Create(slot, name, RoomLog.HashOf(name), unixMs);
        log.Ring(slot).Touch(nowMs);
    }

    /// <summary>Appends a record behind those that are there; false when its id is not behind theirs or it is too large.</summary>
    public static bool TryAppend(RoomRing ring, long id, bool isMessage, Span<byte> frame)
    {
        bool isEmpty = ring.Header->FirstId == ring.Header->NextId;
        if (frame.Length > ring.BatchBytesMax || (!isEmpty && id < ring.NextId))
        {
            return false;
        }

        new RoomEpochs(ring.Header).Begin(ring, id);
        ring.Append(frame, [new LogRecord(frame.Length, IdOffset: -1, isMessage)]);
        return true;
    }

    /// <summary>No record gets an id below this one.</summary>
    public static void RaiseNextId(RoomRing ring, long nextId)
    {
        if (nextId > ring.NextId)
        {
            new RoomEpochs(ring.Header).Begin(ring, nextId);
        }
    }
}
