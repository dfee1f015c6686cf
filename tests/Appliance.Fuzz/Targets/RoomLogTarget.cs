using System.Buffers;
using System.Text;
using Appliance.Fuzz.Driver;
using Appliance.Operators;
using Appliance.Rooms;
using static Appliance.Fuzz.Driver.FuzzException;

namespace Appliance.Fuzz.Targets;

/// <summary>
/// Room logs with damage: the input changes stretches of a segment that two rooms were used in. Readers without a lock look at it as it is;
/// then it is mended, and rooms are used as if nothing had happened. There is a fence on either side.
/// </summary>
internal sealed unsafe class RoomLogTarget : IFuzzTarget
{
    private const int Rooms = 3;
    private const int RecordBytes = 200;
    private const int BatchRecords = 40;
    private const int BatchesOfUse = 13;
    private const int PageBytesMax = 4000;
    private const int PagesMax = 100;
    private const int CursorReadsMax = 10;
    private const int LockBytes = 64;
    private const long UnixMs = 1_700_000_000_000;
    private const long NowMs = 1_000_000;

    private readonly Segment[] _segments = [new(RoomLogLayout.NewestVersion), new(RoomLogLayout.OldestVersion)];
    private readonly Segment _other = new(RoomLogLayout.NewestVersion, rooms: 2, ringBytes: 2 * RoomLogLayout.RingBytesMin);
    private readonly ArrayBufferWriter<byte> _lines = new();
    private readonly byte[] _copied = new byte[64 << 10];
    private readonly List<FoundRecord> _found = [];

    public static FuzzTarget Row { get; } = new(
        "room-log",
        "room logs with damage: readers stay inside and end; mended, rooms are used and ids go on",
        () => new RoomLogTarget())
    {
        BytesMax = 600,
        Words = ["\0\0\0\0\0\0\0\0", "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F", "\x01\0\0\0\0\0\0\0", "\x81\x7E", "\x81\x7F", "\0\0\x01\0"],
    };

    public void Run(ReadOnlySpan<byte> input)
    {
        var bytes = new InputBytes(input);
        byte choice = bytes.Byte();
        var segment = _segments[choice & 1];
        segment.Restore();
        while (!bytes.Rest.IsEmpty)
        {
            Damage(segment, ref bytes);
        }

        var log = segment.Log;
        Look(log);
        int damaged = RoomLogCheck.Mend(log, UnixMs + 1000);
        Require(damaged is >= 0 and <= Rooms && RoomLogCheck.Mend(log, UnixMs + 1000) == 0, "mended once, all is whole");
        Look(log);
        if ((choice & 2) != 0)
        {
            _other.Clear();
            _other.Log.CopyFrom(log, UnixMs + 1000);
            Require(RoomLogCheck.Mend(_other.Log, UnixMs + 1000) == 0, "a copy is whole");
            log = _other.Log;
            Look(log);
        }

        Use(log);
    }

    public void Dispose()
    {
        Array.ForEach(_segments, segment => segment.Dispose());
        _other.Dispose();
    }

    /// <summary>
    /// Changes one stretch: which area, where in it, how much, and what. Locks are left as they are, because who waits for one that is
    /// damaged waits for three seconds.
    /// </summary>
    private static void Damage(Segment segment, ref InputBytes bytes)
    {
        var layout = segment.Log.Layout;
        byte area = bytes.Byte();
        int at = bytes.UInt16();
        var (start, length) = (area % 9) switch
        {
            0 => (layout.HeadersOffset + LockBytes, RoomHeader.Bytes - LockBytes),
            1 => (layout.HeadersOffset + RoomHeader.Bytes + LockBytes, RoomHeader.Bytes - LockBytes),
            2 => (layout.DirectoryOffset, Rooms * sizeof(ulong)),
            3 => (layout.RoomsOffset, layout.Pieces[0].IndexBytes),
            4 => (layout.RoomsOffset + layout.Pieces[0].IndexBytes, layout.Pieces[0].End),
            5 => (layout.Pieces[^1].OffsetOf(0), (int)layout.Pieces[^1].Stride),
            6 => (layout.HeadersOffset + (2 * RoomHeader.Bytes) + LockBytes, RoomHeader.Bytes - LockBytes),
            7 => (layout.WorkersOffset, WorkerHeader.Bytes * 2),
            _ => (LockBytes * 3L, 4096 - (LockBytes * 3)),
        };
        at %= length;
        var stretch = bytes.Take(1 + (bytes.Byte() % 16));
        stretch[..Math.Min(stretch.Length, length - at)].CopyTo(new Span<byte>(segment.Start + start + at, length - at));
    }

    /// <summary>Whoever reads without a lock: nothing it finds is its own to judge.</summary>
    private void Look(RoomLog log)
    {
        _ = RoomReport.Status(log, 1, UnixMs);
        _ = RoomReport.Rooms(log, "", PageBytesMax);
        _ = log.Measure();
        for (int slot = 0; slot < log.Layout.Rooms; slot++)
        {
            var ring = log.Ring(slot);
            _ = (ring.MemberCount, ring.RecordCount, ring.LastId, ring.HasMessages);
            Page(ring, RoomReader.IdBeforeLast(ring, 10));
            Page(ring, 0);
            Follow(ring, RoomCursor.AtOldest(ring));
            Follow(ring, RoomCursor.Behind(ring, ring.LastId - 3));
            Follow(ring, RoomCursor.AtSynced(ring));
        }
    }

    private void Page(RoomRing ring, long after)
    {
        for (int pages = 0; pages < PagesMax; pages++)
        {
            _lines.Clear();
            var page = RoomReader.Read(ring, after, PageBytesMax, _lines);
            Require(_lines.WrittenCount <= PageBytesMax, "a page has its limit");
            if (!page.HasMore)
            {
                return;
            }

            after = page.LastId;
        }
    }

    private void Follow(RoomRing ring, RoomCursor cursor)
    {
        for (int reads = 0; reads < CursorReadsMax; reads++)
        {
            cursor = cursor.Read(ring, _copied, _found, out long missing);
            Require(missing >= 0, "what is missing is counted");
            foreach (var record in _found)
            {
                Require(
                    record.Offset >= 0 && record.Length > 0 && record.Offset + record.Length <= _copied.Length,
                    "a record lies in what was copied");
            }

            if (_found.Count == 0)
            {
                return;
            }
        }
    }

    /// <summary>As clients use a log that is whole: it takes more than a revolution of the ring.</summary>
    private static void Use(RoomLog log)
    {
        byte[] batch = new byte[BatchRecords * RecordBytes];
        LogRecord[] records = [.. Enumerable.Repeat(new LogRecord(RecordBytes, RecordBytes - 40, RecordKind.Chat), BatchRecords)];
        foreach (string name in (string[])["lobby", "other"])
        {
            var opening = log.Join(Encoding.ASCII.GetBytes(name), worker: default, UnixMs + 1000, NowMs, out int slot);
            Require(opening != RoomOpening.TooMany, "there is place for both rooms");
            var ring = log.Ring(slot);
            long head = ring.Head;
            for (int i = 0; i < BatchesOfUse; i++)
            {
                FillFrames(batch);
                ring.Append(batch, records);
            }

            Require(ring.Head == head + (BatchesOfUse * batch.Length), "what is appended is there");
            Require(ring.StartOfHistory(BatchRecords).Position == ring.Head - batch.Length, "history begins where it is asked to");
            long last = ring.LastId;
            Require(ring.StartAfter(last, 5) == new LogStart(ring.Head, Gap: false), "who has the last id has all");
            Require(ring.StartAfter(last - 1, 5) == new LogStart(ring.Head - RecordBytes, Gap: false), "who lacks one gets one");
            Require(ring.BoundaryFrom(ring.Head - RecordBytes - 1) == ring.Head - RecordBytes, "records are found by their positions");
            _ = ring.StartAfter(0, 5);
        }

        Require(RoomLogCheck.Mend(log, UnixMs + 2000) == 0, "what was used is whole");
    }

    private static void FillFrames(Span<byte> batch)
    {
        batch.Fill((byte)'x');
        for (int at = 0; at < batch.Length; at += RecordBytes)
        {
            (batch[at], batch[at + 1], batch[at + 2], batch[at + 3]) = (0x81, 126, 0, RecordBytes - 4);
        }
    }

    /// <summary>A segment in which "lobby" has seen a revolution of its ring and "other" a few records, and how it was then.</summary>
    private sealed class Segment : IDisposable
    {
        private readonly GuardedMemory _memory;
        private readonly byte[] _image;

        public Segment(uint version, int rooms = Rooms, int ringBytes = RoomLogLayout.RingBytesMin)
        {
            var layout = new RoomLogLayout(rooms, ringBytes, version);
            _memory = new GuardedMemory(layout.SegmentBytes);
            _image = new byte[layout.SegmentBytes];
            Log = new RoomLog(_memory.Start, layout);
            Log.WriteHeader();
            Fill("lobby", 400);
            Fill("other", 20);
            _memory.Span(_image.Length).CopyTo(_image);
        }

        public RoomLog Log { get; }

        public byte* Start => _memory.Start;

        public void Restore() => _image.CopyTo(_memory.Span(_image.Length));

        public void Clear()
        {
            _memory.Span(_image.Length).Clear();
            Log.WriteHeader();
        }

        public void Dispose() => _memory.Dispose();

        private void Fill(string name, int records)
        {
            _ = Log.Join(Encoding.ASCII.GetBytes(name), worker: default, UnixMs, NowMs, out int slot);
            byte[] frame = new byte[RecordBytes];
            for (int i = 0; i < records; i++)
            {
                FillFrames(frame);
                Log.Ring(slot).Append(frame, [new LogRecord(RecordBytes, RecordBytes - 40, i % 3 > 0 ? RecordKind.Chat : RecordKind.System)]);
            }
        }
    }
}
