using Appliance.Native;

namespace Appliance.Rooms;

/// <summary>A record that a cursor has found, in the bytes that it copied.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Offset">Where it begins.</param>
/// <param name="Length">Its bytes.</param>
/// <param name="IsMessage">True for what a person said, and for what stands in its place.</param>
public readonly record struct FoundRecord(long Id, int Offset, int Length, bool IsMessage);

/// <summary>
/// A reader of one room that gets every record with its id, for followers and views. It takes no lock, so it holds nobody up. As a connection
/// does, it compares its position with the tail before it copies and after; the room may become another one meanwhile.
/// </summary>
/// <param name="Epoch">The life of the room that the rest belongs to: <see cref="RoomHeader.EpochId"/>.</param>
/// <param name="Number">Number of the next record, without a gap from the oldest record on.</param>
/// <param name="Position">Its position.</param>
public readonly unsafe record struct RoomCursor(long Epoch, long Number, long Position)
{
    /// <summary>One is enough unless records are overwritten meanwhile.</summary>
    private const int TriesMax = 8;

    /// <summary>At the oldest record of a room.</summary>
    public static RoomCursor AtOldest(in RoomRing ring)
    {
        var header = ring.Header;
        long epoch = Volatile.Read(ref header->EpochId);
        long tail = ring.Tail;
        return new RoomCursor(epoch, NumberAt(ring, tail), tail);
    }

    /// <summary>Behind the record of an id: at the first one that has a higher id.</summary>
    public static RoomCursor Behind(in RoomRing ring, long id)
    {
        var oldest = AtOldest(ring);
        long number = Math.Min(new RoomEpochs(ring.Header).NumberOf(id, out _), ring.NextId - 1);
        long position = ring.PositionIn(ring.IndexOf(number));
        return number < oldest.Number ? oldest : new RoomCursor(oldest.Epoch, number + 1, position + RoomLogCheck.FrameBytes(ring, position));
    }

    /// <summary>What a follower other than the journal leaves of it in the segment.</summary>
    public FollowerMark Mark => new() { Position = Position, Number = Number };

    /// <summary>
    /// Where the former process of a follower stood. Numbers of records grow from one life of a room to the next, so a mark of a former life
    /// tells itself: then the cursor stands at the beginning of this one.
    /// </summary>
    public static RoomCursor AtMark(in RoomRing ring, in FollowerMark mark)
    {
        long epoch = Volatile.Read(ref ring.Header->EpochId);
        return mark.Number >= epoch ? new RoomCursor(epoch, mark.Number, mark.Position) : new RoomCursor(epoch, epoch, 0);
    }

    /// <summary>Where the former process of the journal stood.</summary>
    public static RoomCursor AtSynced(in RoomRing ring)
    {
        var header = ring.Header;
        long epoch = Volatile.Read(ref header->EpochId);
        return new RoomCursor(epoch, header->SyncedId, Volatile.Read(ref header->Synced));
    }

    /// <summary>Leaves word of how far the journal is, unless the slot has become another room's; under the directory's lock no slot does.</summary>
    public void LeaveSynced(RoomLog log, int slot)
    {
        _ = log.DirectoryLock.Enter();
        var header = log.HeaderOf(slot);
        if (header->EpochId == Epoch)
        {
            header->SyncedId = Number;
            Volatile.Write(ref header->Synced, Position);
        }

        log.DirectoryLock.Exit();
    }

    /// <summary>
    /// Holds that the room has what this cursor has read, unless the slot has become another room's: under the directory's lock no slot does.
    /// </summary>
    public void HoldBelowHead(RoomLog log, int slot)
    {
        var header = log.HeaderOf(slot);
        if (Position <= Volatile.Read(ref header->Head))
        {
            return;
        }

        _ = log.DirectoryLock.Enter();
        long head = Volatile.Read(ref header->Head);
        bool holds = header->EpochId != Epoch || Position <= head;
        log.DirectoryLock.Exit();
        Invariant.Hold(holds, "follower cursor against head", "room {0}: {1}, head {2}", slot, Position, head);
    }

    /// <summary>Copies whole records from here on and returns the cursor behind them; itself when there is none.</summary>
    /// <param name="ring">The room's log.</param>
    /// <param name="bytes">Takes the records; large enough for the largest.</param>
    /// <param name="found">Says where they are.</param>
    /// <param name="missing">How many records before them were overwritten before they could be read.</param>
    /// <param name="end">A position up to which records may be read: the head, unless that is before it.</param>
    public RoomCursor Read(in RoomRing ring, Span<byte> bytes, List<FoundRecord> found, out long missing, long end = long.MaxValue)
    {
        for (int tries = 0; tries < TriesMax; tries++)
        {
            long epoch = Volatile.Read(ref ring.Header->EpochId);
            var first = epoch == Epoch ? this : new RoomCursor(epoch, epoch, 0);
            long erasures = ring.Erasures;
            long head = Math.Min(ring.Head, end);
            long tail = ring.Tail;

            // Number and position that do not go together for long mean damage. Better a record twice than none any more.
            bool isLost = tries >= TriesMax / 2;
            var start = first.Position < tail || isLost ? new RoomCursor(epoch, NumberAt(ring, tail), tail) : first;
            head = (erasures & 1) == 0 ? head : ring.EndBeforeErased(start.Position, head);
            var behind = start.Copy(ring, head, bytes, found);
            bool isWhole = start.Position >= ring.SafeFrom && Volatile.Read(ref ring.Header->EpochId) == epoch && ring.Erasures == erasures;
            if (isWhole && (found.Count > 0 || head <= start.Position))
            {
                missing = Math.Max(0, start.Number - first.Number);
                return behind;
            }
        }

        missing = 0;
        found.Clear();
        return this;
    }

    /// <summary>The number of the record at a tail; the one that is noted lags behind while the tail moves.</summary>
    private static long NumberAt(in RoomRing ring, long tail)
    {
        long number = Volatile.Read(ref ring.Header->FirstId);
        long next = ring.NextId;
        while (number < next && ring.PositionIn(ring.IndexOf(number)) < tail)
        {
            number++;
        }

        return number;
    }

    private RoomCursor Copy(in RoomRing ring, long head, Span<byte> bytes, List<FoundRecord> found)
    {
        found.Clear();
        var epochs = new RoomEpochs(ring.Header);
        int length = (int)Math.Clamp(head - Position, 0, bytes.Length);
        ring.Read(Position, bytes[..length]);

        int offset = 0;
        for (long number = Number; offset < length; number++)
        {
            long entry = ring.IndexOf(number);
            long size = RoomLogCheck.FrameBytes(ring, Position + offset);
            if (ring.PositionIn(entry) != Position + offset || size > length - offset)
            {
                break;
            }

            found.Add(new FoundRecord(epochs.IdOf(number), offset, (int)size, RoomRing.IsMessage(ring.KindIn(entry))));
            offset += (int)size;
        }

        return this with { Number = Number + found.Count, Position = Position + offset };
    }
}
