using Appliance.Rooms;

namespace Appliance.Tests.Rooms;

/// <summary>Memory that survives restarts preserves damage, too: whatever it is, rooms go on and ids do not repeat.</summary>
public sealed unsafe class RoomLogCheckTests
{
    private const int Seeds = 60;
    private const int PageBytes = 4096;
    private const int RecordBytes = 200;

    private static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(20);

    /// <summary>What is damaged: where it starts in the segment, and how long it is.</summary>
    private static readonly Dictionary<string, Func<RoomLogLayout, (long Start, int Length)>> Areas = new(StringComparer.Ordinal)
    {
        ["first page"] = _ => (0, PageBytes),
        ["directory"] = layout => (layout.DirectoryOffset, layout.Rooms * sizeof(ulong)),
        ["room header"] = layout => (layout.HeadersOffset, RoomHeader.Bytes),
        ["positions and ids"] = layout => (layout.HeadersOffset + 64, 192),
        ["beginning of the index"] = layout => (layout.RoomsOffset, layout.Pieces[0].IndexBytes),
        ["beginning of the bytes"] = layout => (layout.RoomsOffset + layout.Pieces[0].IndexBytes, 2000),
        ["second piece"] = layout => (layout.Pieces[1].Offset, (int)layout.Pieces[1].Stride),
        ["everything"] = layout => (0, (int)layout.SegmentBytes),
    };

    public static TheoryData<string> AreaNames => [.. Areas.Keys];

    [Theory]
    [MemberData(nameof(AreaNames))]
    public void Damage_never_harms_and_ids_go_on(string area) => WithinTime(() =>
    {
        for (int seed = 0; seed < Seeds; seed++)
        {
            var random = new Random(seed);
            using var memory = new MemoryRoomLog(rooms: 3);
            _ = RingModel.Fill(memory.Log, "other", 100, 10);
            var model = new RingModel(memory.Ring);
            for (int i = random.Next(500); i >= 0; i--)
            {
                model.Append(random, random.Next(RoomLogLayout.RecordBytesMin, 400));
            }

            var (start, length) = Areas[area](memory.Log.Layout);
            Spoil(new Span<byte>(StateDirectory.BaseOf(memory.Log) + start, length), random);
            int damaged = RoomLogCheck.Mend(memory.Log, StateDirectory.UnixMs + 1000);
            Assert.InRange(damaged, 0, 3);
            Assert.Equal(0, RoomLogCheck.Mend(memory.Log, StateDirectory.UnixMs + 1000));

            var ring = RingModel.Join(memory.Log, "lobby", unixMs: StateDirectory.UnixMs + 1000);
            Assert.True(ring.Header->NextId >= model.NextId, $"seed {seed}: ids repeat");
            AssertUsable(ring, random);
        }
    });

    /// <summary>Bytes of the second of three records, counted from its start, that make the room begin anew; one in its payload does not.</summary>
    [Theory]
    [InlineData(0, 0x82, 1)]
    [InlineData(0, 0x01, 1)]
    [InlineData(0, 0xC1, 1)]
    [InlineData(1, 127, 1)]
    [InlineData(1, 10, 1)]
    [InlineData(3, RecordBytes - 5, 1)]
    [InlineData(3, RecordBytes - 3, 1)]
    [InlineData(4, 0xFF, 1)]
    [InlineData(RecordBytes - 1, 0xC3, 1)]
    [InlineData(RecordBytes - 1, 0x80, 1)]
    [InlineData(RecordBytes - 1, (byte)'x', 0)]
    public void One_wrong_byte_of_a_frame_is_found(int at, byte value, int damaged)
    {
        using var memory = new MemoryRoomLog();
        var model = RingModel.Fill(memory.Log, "lobby", RecordBytes, 3);
        *memory.Ring.Read(RecordBytes + at, memory.Ring.Head, out _) = value;
        Assert.Equal(damaged, RoomLogCheck.Mend(memory.Log, StateDirectory.UnixMs));
        Assert.Equal(damaged == 0, memory.Ring.HasMessages);
        Assert.True(memory.Ring.Header->NextId >= model.NextId);
    }

    /// <summary>Positions and ids that no byte turned over would make, but a page of another's would.</summary>
    [Theory]
    [InlineData(-1, 1, long.MaxValue)]
    [InlineData(long.MinValue, long.MinValue, long.MaxValue)]
    [InlineData(long.MaxValue, 1, long.MaxValue)]
    [InlineData(0, 1, long.MaxValue)]
    [InlineData(1, 1, 1L << 60)]
    public void Mending_takes_no_longer_for_absurd_positions(long position, long firstId, long nextId) => WithinTime(() =>
    {
        foreach (bool asTail in (bool[])[true, false])
        {
            using var memory = new MemoryRoomLog();
            var header = memory.Log.HeaderOf(0);
            (header->FirstId, header->NextId) = (firstId, nextId);
            (header->Tail, header->Head) = asTail ? (position, 0L) : (0L, position);
            Assert.Equal(1, RoomLogCheck.Mend(memory.Log, StateDirectory.UnixMs));
            AssertUsable(RingModel.Join(memory.Log, "lobby"), new Random(1));
        }
    });

    [Fact]
    public void Damaged_segment_is_opened_or_passed_over()
    {
        for (int seed = 0; seed < 16; seed++)
        {
            using var state = new StateDirectory();
            var log = state.Open();
            _ = RingModel.Fill(log, "lobby", RecordBytes, 100);
            Spoil(new Span<byte>(StateDirectory.BaseOf(log), seed % 2 == 0 ? PageBytes : (int)log.Layout.SegmentBytes), new Random(seed));
            state.Close();
            AssertUsable(RingModel.Join(state.Open(), "lobby"), new Random(seed));
        }
    }

    /// <summary>The ring takes more than one revolution, and its positions are those of records.</summary>
    private static void AssertUsable(RoomRing ring, Random random)
    {
        long head = ring.Head;
        for (int i = 0; i < 200; i++)
        {
            ring.Append(RingModel.Frame(1000, random), [new LogRecord(1000, IdOffset: 4, RecordKind.Chat)]);
        }

        Assert.Equal(head + 200_000, ring.Head);
        Assert.Equal(ring.Head - 5000, ring.StartOfHistory(5).Position);
        Assert.Equal(ring.Head - 1000, ring.BoundaryFrom(ring.Head - 1999));
    }

    /// <summary>Turns a few bytes over, or fills a stretch with one value or with noise.</summary>
    private static void Spoil(Span<byte> area, Random random)
    {
        int start = random.Next(area.Length);
        int length = Math.Min(area.Length - start, random.Next(1, 100));
        switch (random.Next(4))
        {
            case 0:
                random.NextBytes(area.Slice(start, length));
                break;
            case 1:
                area.Slice(start, length).Fill((byte)random.Next(256));
                break;
            default:
                for (int count = random.Next(1, 17); count > 0; count--)
                {
                    area[random.Next(area.Length)] ^= (byte)random.Next(1, 256);
                }

                break;
        }
    }

    /// <summary>Runs what might never end on a thread of its own.</summary>
    private static void WithinTime(Action action)
    {
        Exception? failure = null;
        var thread = new Thread(() => failure = Record.Exception(action)) { IsBackground = true };
        thread.Start();
        Assert.True(thread.Join(TimeLimit), "does not end");
        Assert.Null(failure);
    }
}
