using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Appliance.Chat;
using Appliance.Config;
using Appliance.Metrics;
using Appliance.Rooms;

namespace Appliance.Tests.Rooms;

/// <summary>Parts of the segment lie behind each other and do not overlap.</summary>
public sealed unsafe class RoomLogLayoutTests
{
    private const int PageBytes = 4096;

    public static TheoryData<int, int> Sizes => new()
    {
        { 1, 64 << 10 },
        { 2, 64 << 10 },
        { 63, 1 << 20 },
        { 256, 4 << 20 },
        { 513, 3_000_000 },
        { 100_000, 64 << 10 },
        { 1, 1 << 30 },
        { 100_000, 1 << 30 },
    };

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Parts_lie_in_order_on_pages(int rooms, int ringBytes)
    {
        var layout = new RoomLogLayout(rooms, ringBytes);
        Assert.All(
            (long[])[layout.WorkersOffset, layout.DirtyOffset, layout.DirectoryOffset, layout.HeadersOffset, layout.RoomsOffset],
            offset => Assert.Equal(0, offset % PageBytes));
        Assert.True(layout.WorkersOffset >= sizeof(SegmentHeader));
        Assert.True(layout.WorkerStride >= WorkerHeader.Bytes + (3 * WorkerFigures.Bytes) + (2 * WorkerSnapshot.BytesBeforeFigures));
        Assert.True(layout.DirtyOffset >= layout.WorkersOffset + (RoomLogLayout.Slots * layout.WorkerStride));
        Assert.True(layout.DirectoryOffset >= layout.DirtyOffset + (RoomLogLayout.Slots * layout.DirtyStride));
        Assert.True(layout.HeadersOffset >= layout.DirectoryOffset + ((long)rooms * sizeof(ulong)));
        Assert.True(layout.FollowersOffset >= layout.HeadersOffset + ((long)rooms * RoomHeader.Bytes));
        Assert.True(layout.RoomsOffset >= layout.FollowersOffset + ((long)rooms * RoomLogLayout.FollowersMax * FollowerMark.Bytes));
    }

    /// <summary>As releases have frozen them: each is where it was, whatever comes to a later one.</summary>
    [Theory]
    [InlineData(4, 129, 2048, 512, 1, 1)]
    [InlineData(5, 129, 2048, 512, 1, 2)]
    [InlineData(6, 136, 4096, 1024, 8, 2)]
    public void Versions_stay_as_they_are(uint version, int slots, int workerStride, int figuresBytes, int positionShift, int pieces)
    {
        var layout = new RoomLogLayout(2, RoomLogLayout.RingBytesMin, version);
        Assert.Equal(
            (slots, workerStride, figuresBytes, positionShift, pieces),
            (layout.SlotCount, layout.WorkerStride, layout.FiguresBytes, layout.PositionShift, layout.Pieces.Length));
        Assert.Equal(version >= 6, layout.HasDetails);
    }

    /// <summary>Details and areas lie behind the rooms; each place is a page's.</summary>
    [Theory]
    [MemberData(nameof(Sizes))]
    public void Details_and_areas_lie_behind_the_rooms(int rooms, int ringBytes)
    {
        var layout = new RoomLogLayout(rooms, ringBytes);
        long end = layout.Pieces[^1].OffsetOf(rooms);
        foreach (var piece in layout.Pieces)
        {
            Assert.Equal((end, 0), (piece.Details, piece.DetailsStride % PageBytes));
            Assert.True(piece.DetailsStride >= piece.Entries * (long)sizeof(RecordDetails));
            end = piece.DetailsOf(rooms);
        }

        for (int kind = 0; kind < SegmentArea.Kinds; kind++)
        {
            Assert.Equal((end, 0), (layout.AreaOffset((SegmentAreaKind)kind), end % PageBytes));
            end += SegmentArea.BytesOf((SegmentAreaKind)kind);
        }

        Assert.Equal(SegmentArea.Kinds, Enum.GetValues<SegmentAreaKind>().Length);
        Assert.Equal(end, layout.SegmentBytes);
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Pieces_lie_in_order_on_pages_and_are_the_whole_ring_and_index(int rooms, int ringBytes)
    {
        foreach (uint version in (uint[])[RoomLogLayout.OldestVersion, RoomLogLayout.NewestVersion])
        {
            var layout = new RoomLogLayout(rooms, ringBytes, version);
            long offset = layout.RoomsOffset;
            int start = 0;
            int indexBytes = 0;
            foreach (var piece in layout.Pieces)
            {
                Assert.Equal((start, offset), (piece.Start, piece.Offset));
                Assert.Equal((0, 0), (piece.Offset % PageBytes, piece.Stride % PageBytes));
                Assert.True(piece.Stride >= piece.IndexBytes + piece.End - piece.Start);
                Assert.Equal(piece, layout.PieceAt(piece.Start));
                Assert.Equal(piece, layout.PieceAt(piece.End - 1));
                start = piece.End;
                indexBytes += piece.IndexBytes;
                offset = piece.OffsetOf(rooms);
            }

            Assert.Equal((layout.RingBytes, layout.IndexEntries * sizeof(long)), (start, indexBytes));
            Assert.True(offset <= layout.SegmentBytes);
            Assert.Equal(version == RoomLogLayout.OldestVersion, layout.Pieces.Length == 1);
        }
    }

    /// <summary>Two pages hold the beginning of a room, its part of the index included.</summary>
    [Fact]
    public void Small_rooms_lie_close_together() =>
        Assert.Equal((7 << 10, 2L * PageBytes), (new RoomLogLayout(256, 4 << 20).Pieces[0].End, new RoomLogLayout(256, 4 << 20).Pieces[0].Stride));

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Every_room_has_a_bit_of_every_worker(int rooms, int ringBytes)
    {
        var layout = new RoomLogLayout(rooms, ringBytes);
        Assert.InRange(layout.DirtyWords, (rooms + 63) / 64, (rooms + 64) / 64);
        Assert.True(layout.DirtyStride >= layout.DirtyWords * sizeof(ulong) && layout.DirtyStride % 64 == 0);
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Ring_is_a_power_of_two_that_its_index_covers(int rooms, int ringBytes)
    {
        var layout = new RoomLogLayout(rooms, ringBytes);
        Assert.True(int.IsPow2(layout.RingBytes) && layout.RingBytes >= ringBytes && layout.RingBytes / 2 < ringBytes);
        Assert.Equal(layout.RingBytes, layout.IndexEntries * RoomLogLayout.RecordBytesMin);
        Assert.Equal(layout.RingBytes / 8, layout.GuardBytes);
    }

    [Theory]
    [InlineData(0, RoomLogLayout.RingBytesMin)]
    [InlineData(-1, RoomLogLayout.RingBytesMin)]
    [InlineData(1, RoomLogLayout.RingBytesMin)]
    [InlineData(RoomLogLayout.RingBytesMin + 1, 2 * RoomLogLayout.RingBytesMin)]
    [InlineData(int.MaxValue, RoomLogLayout.RingBytesMax)]
    public void Ring_keeps_within_its_limits(int asked, int expected) => Assert.Equal(expected, new RoomLogLayout(1, asked).RingBytes);

    [Fact]
    public void Headers_have_their_size()
    {
        Assert.Equal(PageBytes, sizeof(SegmentHeader));
        Assert.Equal(RoomHeader.Bytes, sizeof(RoomHeader));
        Assert.Equal(WorkerHeader.Bytes, sizeof(WorkerHeader));
        Assert.Equal((RecordDetails.Bytes, FollowerMark.Bytes, SegmentArea.Bytes), (sizeof(RecordDetails), sizeof(FollowerMark), sizeof(SegmentArea)));
    }

    /// <summary>Each field's own bytes; a later one that is put into a gap does not reach into the next.</summary>
    [Theory]
    [InlineData(typeof(SegmentHeader))]
    [InlineData(typeof(WorkerHeader))]
    [InlineData(typeof(RoomHeader))]
    [InlineData(typeof(WorkerSnapshot))]
    [InlineData(typeof(ServerSnapshot))]
    [InlineData(typeof(WorkerFigures))]
    public void Fields_do_not_overlap(Type type)
    {
        var fields = type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
            .Select(field => (field.Name, Offset: field.GetCustomAttribute<FieldOffsetAttribute>()!.Value, Bytes: SizeOf(field)))
            .OrderBy(field => field.Offset)
            .ToArray();
        Assert.All(fields.Zip(fields.Skip(1)), pair => Assert.True(pair.First.Offset + pair.First.Bytes <= pair.Second.Offset, $"{pair.First} {pair.Second}"));
        Assert.InRange(fields[^1].Offset + fields[^1].Bytes, 0, type.StructLayoutAttribute!.Size);
    }

    private static int SizeOf(FieldInfo field) => field.GetCustomAttribute<FixedBufferAttribute>() is { } buffer
        ? buffer.Length * Marshal.SizeOf(buffer.ElementType)
        : field.FieldType.IsEnum ? sizeof(int)
        : field.FieldType.StructLayoutAttribute is { Value: LayoutKind.Explicit } layout ? layout.Size
        : Marshal.SizeOf(field.FieldType);

    [Fact]
    public void What_readers_watch_lies_on_cache_lines_of_its_own()
    {
        var header = default(RoomHeader);
        byte* start = (byte*)&header;
        long[] lines =
            [(header.Lock - start) / 64, ((byte*)&header.Tail - start) / 64, ((byte*)&header.Head - start) / 64, ((byte*)&header.FirstId - start) / 64];
        Assert.Equal(lines.Length, lines.Distinct().Count());
    }

    [Fact]
    public void Numbers_written_in_two_layers_agree()
    {
        Assert.Equal(RoomName.BytesMax, RoomHeader.NameBytesMax);
        Assert.Equal(Settings.WorkersMax, RoomLogLayout.WorkersMax);
        Assert.Equal(2 * RoomLogLayout.WorkersMax, RoomLogLayout.WorkerSlots);
        Assert.Equal(ChatEncoder.IdDigits, RoomRing.IdDigits);
        Assert.Equal(RoomRing.IdDigits, MemoryRoomLog.FirstId.ToString(CultureInfo.InvariantCulture).Length);
    }
}
