using Appliance.Native;
using Appliance.Rooms;

namespace Appliance.Journal;

/// <summary>
/// The journal's cursors, one a room, and what they have read that is not in a file yet. A cursor has moved only when its records are
/// written: when that fails, they are read again.
/// </summary>
internal sealed class JournalBatch(RoomLog rooms)
{
    private const int Capacity = 1 << 20;

    private readonly byte[] _entries = new byte[Capacity];
    private int _length;

    /// <summary>The cursors; what they have kept is in the file.</summary>
    public FollowerCursors Cursors { get; } = new(rooms) { ReadsUnpublished = true };

    /// <summary>Whether it must be written before more is read.</summary>
    public bool IsFull => _length > Capacity / 3;

    /// <summary>Adds what was read of a room.</summary>
    public void Add(in FollowedRecords records)
    {
        foreach (var record in records.Found)
        {
            _length += JournalFormat.WriteEntry(_entries.AsSpan(_length), record.Id, record.IsMessage, records.Room, records.FrameOf(record));
        }
    }

    /// <summary>Appends what was read to a file, and adds the rooms it is of to a list.</summary>
    public SysResult Write(JournalFile file, List<int> written)
    {
        var result = _length == 0 ? default : file.Append(_entries.AsSpan(0, _length));
        if (result.Ok)
        {
            Cursors.Keep(written);
        }
        else
        {
            Cursors.ReadAgain();
        }

        _length = 0;
        return result;
    }

    /// <summary>Reads and writes a room to its end; why, when it cannot be written.</summary>
    public SysResult Drain(int slot, JournalFile file, List<int> written)
    {
        SysResult result = default;
        while (result.Ok && Cursors.Read(slot, out var records))
        {
            Add(records);
            result = IsFull ? Write(file, written) : result;
        }

        return result;
    }
}
