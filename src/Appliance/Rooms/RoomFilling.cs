namespace Appliance.Rooms;

/// <summary>Fills rooms of a segment with records that have ids already. Nobody else uses the segment.</summary>
public static unsafe class RoomFilling
{
    /// <summary>
    /// The slot of a room, which is made if it is not there, used just now: time is <paramref name="unixMs"/> since 1970 and
    /// <paramref name="nowMs"/> of the monotonic clock. -1 when no slot is free for it.
    /// </summary>
    public static int FindOrCreate(RoomLog log, ReadOnlySpan<byte> name, long unixMs, long nowMs)
    {
        int slot = log.Find(name);
        if (slot < 0 && (slot = log.FreeSlot(name)) >= 0)
        {
            log.Create(slot, name, RoomLog.HashOf(name), unixMs);
            log.Ring(slot).Touch(nowMs);
        }

        return slot;
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
        ring.Append(frame, [new LogRecord(frame.Length, IdOffset: -1, Erasure.KindOf(isMessage, frame))
        {
            Details = new RecordDetails { About = Erasure.DeletedBy(isMessage, frame) },
        }]);
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
