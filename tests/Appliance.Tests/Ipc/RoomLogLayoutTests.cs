using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Appliance.Chat;
using Appliance.Config;
using Appliance.Ipc;
using Appliance.Metrics;

namespace Appliance.Tests.Ipc;

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
        Assert.All((long[])[layout.WorkersOffset, layout.DirtyOffset, layout.DirectoryOffset, layout.HeadersOffset, layout.RoomsOffset], offset => Assert.Equal(0, offset % PageBytes));
        Assert.True(layout.WorkersOffset >= sizeof(SegmentHeader));
        Assert.True(layout.DirtyOffset >= layout.WorkersOffset + (RoomLogLayout.WorkerSlots * WorkerHeader.Bytes));
        Assert.True(layout.DirectoryOffset >= layout.DirtyOffset + (RoomLogLayout.WorkerSlots * layout.DirtyStride));
        Assert.True(layout.HeadersOffset >= layout.DirectoryOffset + ((long)rooms * sizeof(ulong)));
        Assert.True(layout.RoomsOffset >= layout.HeadersOffset + ((long)rooms * RoomHeader.Bytes));
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

            Assert.Equal((layout.RingBytes, layout.IndexEntries * sizeof(long), layout.SegmentBytes), (start, indexBytes, offset));
            Assert.Equal(version == RoomLogLayout.OldestVersion, layout.Pieces.Length == 1);
        }
    }

    /// <summary>Two pages hold the beginning of a room, its part of the index included.</summary>
    [Fact]
    public void Small_rooms_lie_close_together() => Assert.Equal((7 << 10, 2L * PageBytes), (new RoomLogLayout(256, 4 << 20).Pieces[0].End, new RoomLogLayout(256, 4 << 20).Pieces[0].Stride));

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
        long[] lines = [(header.Lock - start) / 64, ((byte*)&header.Tail - start) / 64, ((byte*)&header.Head - start) / 64, ((byte*)&header.FirstId - start) / 64];
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
