using Appliance.Native;
using Appliance.Rooms;

namespace Appliance.Journal;

/// <summary>
/// The journal's cursors, one a room, and what they have read that is not in a file yet. A cursor has moved only when its records are
/// written: when that fails, they are read again.
/// </summary>
internal sealed class JournalBatch
{
    private const int Capacity = 1 << 20;

    private readonly RoomLog _rooms;
    private readonly byte[] _copied = new byte[JournalFormat.FrameBytesMax];
    private readonly byte[] _entries = new byte[Capacity];
    private readonly List<FoundRecord> _found = [];
    private readonly List<(int Slot, long Missing)> _read = [];
    private readonly RoomCursor[] _next;
    private int _length;

    /// <summary>Cursors at the beginning of every room.</summary>
    public JournalBatch(RoomLog rooms)
    {
        _rooms = rooms;
        Cursors = new RoomCursor[rooms.Layout.Rooms];
        for (int slot = 0; slot < Cursors.Length; slot++)
        {
            Cursors[slot] = rooms.NameOf(slot).IsEmpty ? default : RoomCursor.AtOldest(rooms.Ring(slot));
        }

        _next = [.. Cursors];
    }

    /// <summary>What is in the file.</summary>
    public RoomCursor[] Cursors { get; }

    /// <summary>Is told of records that were overwritten before they could be read: the slot, and how many.</summary>
    public Action<int, long> OnMissing { get; set; } = (_, _) => { };

    /// <summary>Whether it must be written before more is read.</summary>
    public bool IsFull => _length > Capacity / 3;

    /// <summary>Moves a cursor, when nothing of its room is waiting to be written.</summary>
    public void Move(int slot, RoomCursor cursor) => Cursors[slot] = _next[slot] = cursor;

    /// <summary>Reads new records of a room, as many as fit; false when there are none.</summary>
    public bool Read(int slot)
    {
        var name = _rooms.NameOf(slot);
        Span<byte> room = stackalloc byte[RoomHeader.NameBytesMax];
        name.CopyTo(room);
        room = room[..name.Length];
        if (room.IsEmpty)
        {
            return false;
        }

        // The slot may become another room's meanwhile: then these records are not that name's, and are read again.
        var cursor = _next[slot].Read(_rooms.Ring(slot), _copied, _found, out long missing);
        if (_found.Count == 0)
        {
            _next[slot].HoldBelowHead(_rooms, slot);
        }

        if (_found.Count == 0 || !room.SequenceEqual(_rooms.NameOf(slot)))
        {
            return false;
        }

        foreach (var record in _found)
        {
            var frame = _copied.AsSpan(record.Offset, record.Length);
            _length += JournalFormat.WriteEntry(_entries.AsSpan(_length), record.Id, record.IsMessage, room, frame);
        }

        _next[slot] = cursor;
        _read.Add((slot, missing));
        return true;
    }

    /// <summary>Appends what was read to a file, and adds the rooms it is of to a list.</summary>
    public SysResult Write(JournalFile file, List<int> written)
    {
        var result = _length == 0 ? default : file.Append(_entries.AsSpan(0, _length));
        foreach (var (slot, missing) in _read)
        {
            if (!result.Ok)
            {
                _next[slot] = Cursors[slot];
                continue;
            }

            Cursors[slot] = _next[slot];
            written.Add(slot);
            if (missing > 0)
            {
                OnMissing(slot, missing);
            }
        }

        _read.Clear();
        _length = 0;
        return result;
    }

    /// <summary>Reads and writes a room to its end; false and why when it cannot be written.</summary>
    public SysResult Drain(int slot, JournalFile file, List<int> written)
    {
        SysResult result = default;
        while (result.Ok && Read(slot))
        {
            result = IsFull ? Write(file, written) : result;
        }

        return result;
    }
}
