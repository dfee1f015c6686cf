using System.Runtime.InteropServices;
using Appliance.Rooms;

namespace Appliance.Tests.Rooms;

/// <summary>Kind and details stay with their record, whatever becomes of the ring around it.</summary>
public sealed unsafe class RecordDetailsTests
{
    private const int RecordBytes = 100;
    private const int Appended = 5000;

    /// <summary>A ring that has been filled many times; records without details lie where others had some.</summary>
    [Fact]
    public void Details_are_those_of_the_record_and_not_of_the_one_before_it()
    {
        using var memory = new MemoryRoomLog();
        Fill(memory.Ring);
        AssertAll(memory.Ring, shift: 0);
    }

    [Fact]
    public void Details_go_along_into_a_larger_ring()
    {
        using var memory = new MemoryRoomLog();
        using var larger = new MemoryRoomLog(2 * RoomLogLayout.RingBytesMin);
        Fill(memory.Ring);
        larger.Ring.CopyFrom(memory.Ring);
        AssertAll(larger.Ring, shift: 0);
    }

    /// <summary>After a power cut ids jump, and all records get other numbers.</summary>
    [Fact]
    public void Details_stay_when_records_get_other_numbers()
    {
        using var memory = new MemoryRoomLog();
        Fill(memory.Ring);
        RoomFilling.RaiseNextId(memory.Ring, memory.Ring.NextId + 1_000_003);
        AssertAll(memory.Ring, shift: 1_000_003);
        Fill(memory.Ring);
    }

    /// <summary>In the segment of an older server a record is a message or an announcement, and nobody has written where details would lie.</summary>
    [Theory]
    [InlineData(4)]
    [InlineData(5)]
    public void Older_layout_keeps_what_it_can(uint version)
    {
        var layout = new RoomLogLayout(1, RoomLogLayout.RingBytesMin, version);
        byte* start = (byte*)NativeMemory.AllocZeroed((nuint)layout.SegmentBytes);
        var log = new RoomLog(start, layout);
        log.Create(0, "lobby"u8, RoomLog.HashOf("lobby"u8), MemoryRoomLog.UnixMs);
        var ring = log.Ring(0);
        Fill(ring);
        for (long id = ring.Header->FirstId; id < ring.NextId; id++)
        {
            Assert.Equal(KindOf(id) == RecordKind.Chat ? RecordKind.Chat : RecordKind.System, ring.KindIn(ring.IndexOf(id)));
            Assert.Equal(default, ring.DetailsOf(id));
        }

        NativeMemory.Free(start);
    }

    private static void Fill(RoomRing ring)
    {
        byte[] record = RingModel.Frame(RecordBytes, new Random(1));
        for (int i = 0; i < Appended; i++)
        {
            ring.Append(record, [new LogRecord(RecordBytes, IdOffset: -1, KindOf(ring.NextId)) { Details = DetailsOf(ring.NextId) }]);
        }
    }

    private static void AssertAll(RoomRing ring, long shift)
    {
        Assert.True(ring.RecordCount > 400);
        for (long id = ring.Header->FirstId; id < ring.NextId; id++)
        {
            Assert.Equal((KindOf(id - shift), DetailsOf(id - shift)), (ring.KindIn(ring.IndexOf(id)), ring.DetailsOf(id)));
        }
    }

    private static RecordKind KindOf(long id) => (RecordKind)(id % 4);

    private static RecordDetails DetailsOf(long id) => id % 3 == 0 ? default : new RecordDetails { Origin = (ulong)id, Sender = ~(ulong)id, About = id - 7 };
}
