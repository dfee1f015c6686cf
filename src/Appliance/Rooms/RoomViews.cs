using System.Runtime.InteropServices;
using Appliance.Native;

namespace Appliance.Rooms;

/// <summary>Writes a record in another shape, which depends on nothing but the record.</summary>
/// <param name="record">Its id and kind.</param>
/// <param name="frame">Its bytes in the room's log: a WebSocket frame.</param>
/// <param name="shaped">Takes it: <see cref="RoomViews.ShapedBytesMax"/> bytes.</param>
/// <returns>How many bytes it takes: <see cref="RoomLogLayout.RecordBytesMin"/> at least, which is the granularity of the index.</returns>
public delegate int RecordShape(in FoundRecord record, ReadOnlySpan<byte> frame, Span<byte> shaped);

/// <summary>
/// The rooms in another shape, those that some client of this worker reads so: laid out as the log of all rooms is, in memory of this process
/// alone, with rings of twice the size. Made when the first room is opened, and kept: an unused page costs nothing. Of one thread.
/// </summary>
public sealed unsafe class RoomViews(RoomLogLayout layout, RecordShape shape)
{
    /// <summary>A shape may need twice the bytes of the frame and so many more.</summary>
    private const int ShapeBytesMore = 256;

    /// <summary>Any hash but that of a free slot.</summary>
    private const ulong AnyHash = 1;

    private readonly RoomLogLayout _layout = new(layout.Rooms, (int)Math.Min(2L * layout.RingBytes, RoomLogLayout.RingBytesMax));
    private readonly List<FoundRecord> _found = [];
    private readonly List<LogRecord> _records = [];
    private byte[] _read = [];
    private byte[] _shaped = [];
    private RoomLog? _rings;

    /// <summary>How many records were read last.</summary>
    internal int ReadCount => _found.Count;

    /// <summary>How many bytes a frame may take in this shape.</summary>
    public static int ShapedBytesMax(int frameBytes) => (2 * frameBytes) + ShapeBytesMore;

    /// <summary>Begins a view of a room, with all that its log has; null when there is no memory for it.</summary>
    /// <param name="slot">The room's slot, which no open view has.</param>
    /// <param name="log">The room's log.</param>
    public RoomView? TryOpen(int slot, RoomRing log)
    {
        if (_rings is null)
        {
            if (!Syscall.MapAnonymous((nuint)_layout.SegmentBytes, out byte* memory).Ok)
            {
                return null;
            }

            _rings = new RoomLog(memory, _layout);
            _read = new byte[log.BatchBytesMax];
            _shaped = new byte[_layout.GuardBytes];
        }

        _rings.Create(slot, [], AnyHash, unixMs: 0);
        return new RoomView(this, slot, log, _rings.Ring(slot));
    }

    /// <summary>Gives a room's memory back.</summary>
    internal void Release(int slot) => _rings!.Release(slot);

    /// <summary>Reads whole records of a log from a cursor on, up to a position.</summary>
    internal RoomCursor Read(RoomRing log, long end, RoomCursor from) => from.Read(log, _read, _found, out _, end);

    /// <summary>Appends what was read to a ring, in this shape.</summary>
    internal void Append(RoomRing ring)
    {
        int length = 0;
        foreach (var record in _found)
        {
            int mayTake = Math.Min(ShapedBytesMax(record.Length), _shaped.Length);
            if (length + mayTake > _shaped.Length)
            {
                AppendShaped(ring, ref length);
            }

            int bytes = shape(record, _read.AsSpan(record.Offset, record.Length), _shaped.AsSpan(length, mayTake));
            _records.Add(new LogRecord(bytes, IdOffset: -1, record.IsMessage ? RecordKind.Chat : RecordKind.System));
            length += bytes;
        }

        AppendShaped(ring, ref length);
    }

    private void AppendShaped(RoomRing ring, ref int length)
    {
        ring.Append(_shaped.AsSpan(0, length), CollectionsMarshal.AsSpan(_records));
        _records.Clear();
        length = 0;
    }
}
