using Appliance.Loop;

namespace Appliance.Rooms;

/// <summary>What a follower has read of a room; valid until it reads on.</summary>
/// <param name="slot">The room's slot.</param>
/// <param name="room">Its name.</param>
/// <param name="bytes">Bytes of the records: WebSocket frames.</param>
/// <param name="found">Where in them each record lies.</param>
internal readonly ref struct FollowedRecords(int slot, ReadOnlySpan<byte> room, ReadOnlySpan<byte> bytes, List<FoundRecord> found)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    /// <summary>The room's slot.</summary>
    public int Slot { get; } = slot;

    /// <summary>The room's name.</summary>
    public ReadOnlySpan<byte> Room { get; } = room;

    /// <summary>The records, oldest first; at least one.</summary>
    public List<FoundRecord> Found { get; } = found;

    /// <summary>The frame of a record.</summary>
    public ReadOnlySpan<byte> FrameOf(in FoundRecord record) => _bytes.Slice(record.Offset, record.Length);
}

/// <summary>
/// A follower's cursors, one a room. A cursor has moved only when its records are kept: until then they can be read again, when what they
/// were read for has failed.
/// </summary>
internal sealed class FollowerCursors
{
    /// <summary>Most bytes read of a room at a time: four times what a frame has with the largest settings for name and message.</summary>
    private const int BytesMax = 256 << 10;

    private readonly RoomLog _rooms;
    private readonly byte[] _copied;
    private readonly byte[] _room = new byte[RoomHeader.NameBytesMax];
    private readonly List<FoundRecord> _found = [];
    private readonly List<(int Slot, long Missing)> _read = [];
    private readonly RoomCursor[] _next;
    private int _mark = -1;

    /// <summary>Cursors at the beginning of every room.</summary>
    /// <param name="rooms">The rooms.</param>
    public FollowerCursors(RoomLog rooms)
    {
        _rooms = rooms;
        _copied = new byte[BytesMax];
        Kept = new RoomCursor[rooms.Layout.Rooms];
        for (int slot = 0; slot < Kept.Length; slot++)
        {
            Kept[slot] = rooms.NameOf(slot).IsEmpty ? default : RoomCursor.AtOldest(rooms.Ring(slot));
        }

        _next = [.. Kept];
    }

    /// <summary>Behind the last records that were kept.</summary>
    public RoomCursor[] Kept { get; }

    /// <summary>Whether records that readers still wait for, because the journal has not got them on disk, are read as well.</summary>
    public bool ReadsUnpublished { get; init; }

    /// <summary>Is told of records that were overwritten before they could be read: the slot, and how many.</summary>
    public Action<int, long> OnMissing { get; set; } = (_, _) => { };

    /// <summary>
    /// Cursors that leave marks in the segment, and begin at those of a former process: after a crash, or in the segment of another size, at
    /// records that it has had already. Rooms without a mark begin at their oldest record.
    /// </summary>
    public static FollowerCursors AtMarks(RoomLog rooms, WorkerSlot follower)
    {
        var cursors = new FollowerCursors(rooms) { _mark = follower.Index - RoomLogLayout.WorkerSlots };
        for (int slot = 0; slot < rooms.Layout.Rooms; slot++)
        {
            var mark = rooms.MarkOf(slot, cursors._mark);
            if (mark.Number > 0 && !rooms.NameOf(slot).IsEmpty)
            {
                cursors.Move(slot, RoomCursor.AtMark(rooms.Ring(slot), mark));
            }
        }

        return cursors;
    }

    /// <summary>Moves a cursor, when nothing of its room is waiting to be kept.</summary>
    public void Move(int slot, RoomCursor cursor) => Kept[slot] = _next[slot] = cursor;

    /// <summary>Reads what a room has got, as much as has place; false when there is nothing.</summary>
    public bool Read(int slot, out FollowedRecords records)
    {
        records = default;
        var name = _rooms.NameOf(slot);
        var room = _room.AsSpan(0, name.Length);
        name.CopyTo(room);
        if (room.IsEmpty)
        {
            return false;
        }

        // The slot may become another room's meanwhile: then these records are not that name's, and are read again.
        var ring = _rooms.Ring(slot);
        var cursor = _next[slot].Read(ring, _copied, _found, out long missing, ReadsUnpublished ? long.MaxValue : ring.Published);
        if (_found.Count == 0)
        {
            _next[slot].HoldBelowHead(_rooms, slot);
        }

        if (_found.Count == 0 || !room.SequenceEqual(_rooms.NameOf(slot)))
        {
            return false;
        }

        _next[slot] = cursor;
        _read.Add((slot, missing));
        records = new FollowedRecords(slot, room, _copied, _found);
        return true;
    }

    /// <summary>All that was read is kept; adds the slots of its rooms to a list, if there is one.</summary>
    public void Keep(List<int>? kept = null)
    {
        foreach (var (slot, missing) in _read)
        {
            Kept[slot] = _next[slot];
            kept?.Add(slot);
            if (_mark >= 0)
            {
                _rooms.MarkOf(slot, _mark) = Kept[slot].Mark;
            }

            if (missing > 0)
            {
                OnMissing(slot, missing);
            }
        }

        _read.Clear();
    }

    /// <summary>What was read since the last <see cref="Keep"/> is not kept, and is read again.</summary>
    public void ReadAgain()
    {
        foreach (var (slot, _) in _read)
        {
            _next[slot] = Kept[slot];
        }

        _read.Clear();
    }
}
