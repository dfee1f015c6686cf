using Appliance.Rooms;

namespace Appliance.Tests.Rooms;

/// <summary>A cursor reads every record once and in order, without the room's lock, whatever is appended meanwhile.</summary>
public sealed class RoomCursorTests
{
    private const int BufferBytes = 10_000;

    [Fact]
    public void Records_come_in_order_and_each_once()
    {
        using var memory = new MemoryRoomLog();
        var model = new RingModel(memory.Ring);
        var cursor = RoomCursor.AtOldest(memory.Ring);
        var random = new Random(1);
        List<FoundRecord> found = [];
        byte[] bytes = new byte[BufferBytes];
        int read = 0;
        for (int round = 0; round < 200; round++)
        {
            model.Append(random, [.. Enumerable.Range(0, random.Next(1, 6)).Select(_ => random.Next(64, 1500))]);
            while ((cursor = cursor.Read(memory.Ring, bytes, found, out long missing)) is var _ && found.Count > 0)
            {
                Assert.Equal(0, missing);
                foreach (var record in found)
                {
                    var expected = model.Records[read++];
                    Assert.Equal((expected.Id, expected.Length, expected.IsMessage), (record.Id, record.Length, record.IsMessage));
                    Assert.Equal(0x81, bytes[record.Offset]);
                }
            }
        }

        Assert.Equal(model.Records.Count, read);
        Assert.Equal((memory.Ring.NextId, memory.Ring.Head), (cursor.Number, cursor.Position));
    }

    [Fact]
    public void What_was_overwritten_is_counted()
    {
        using var memory = new MemoryRoomLog();
        var cursor = RoomCursor.AtOldest(memory.Ring);
        var model = new RingModel(memory.Ring);
        for (int i = 0; i < 200; i++)
        {
            model.Append(new Random(i), 1000);
        }

        List<FoundRecord> found = [];
        _ = cursor.Read(memory.Ring, new byte[BufferBytes], found, out long missing);
        Assert.Equal(model.Records[(int)missing].Id, found[0].Id);
        Assert.Equal(memory.Ring.Tail, model.Records[(int)missing].Position);
    }

    [Fact]
    public void Cursor_behind_an_id_begins_with_the_next_one()
    {
        using var memory = new MemoryRoomLog();
        var model = new RingModel(memory.Ring);
        for (int i = 0; i < 200; i++)
        {
            model.Append(new Random(i), 1000);
        }

        var kept = model.Records.Where(record => record.Position >= memory.Ring.Tail).ToList();
        foreach (var record in kept)
        {
            Assert.Equal(record.Position, RoomCursor.Behind(memory.Ring, record.Id - 1).Position);
        }

        Assert.Equal(memory.Ring.Head, RoomCursor.Behind(memory.Ring, kept[^1].Id).Position);
        Assert.Equal(memory.Ring.Head, RoomCursor.Behind(memory.Ring, kept[^1].Id + 1000).Position);
        Assert.Equal(kept[0].Position, RoomCursor.Behind(memory.Ring, 5).Position);
    }

    [Fact]
    public void Another_room_in_the_same_slot_is_read_from_its_beginning()
    {
        using var memory = new MemoryRoomLog();
        new RingModel(memory.Ring).Append(new Random(1), 100, 100, 100);
        List<FoundRecord> found = [];
        byte[] bytes = new byte[BufferBytes];
        var cursor = RoomCursor.AtOldest(memory.Ring).Read(memory.Ring, bytes, found, out _);
        Assert.Equal(3, found.Count);
        memory.Log.Release(0);
        memory.Log.Create(0, "other"u8, RoomLog.HashOf("other"u8), MemoryRoomLog.UnixMs + 5);
        memory.Ring.Append(RingModel.Frame(100, new Random(2)), [new LogRecord(100, 60, RecordKind.Chat)]);
        cursor = cursor.Read(memory.Ring, bytes, found, out long missing);
        Assert.Equal(((MemoryRoomLog.UnixMs + 5) * 1000, 0L), (Assert.Single(found).Id, missing));
        Assert.Equal(100, cursor.Position);
    }

    /// <summary>Three writers overwrite the ring again and again: what is read is whole, in order, and what is missing is counted.</summary>
    [Fact]
    public void Nothing_torn_is_read()
    {
        const int Writers = 3;
        const int Each = 30_000;
        using var memory = new MemoryRoomLog();
        var ring = memory.Ring;
        int running = Writers;
        var threads = Enumerable.Range(0, Writers).Select(writer => new Thread(() =>
        {
            for (int i = 0; i < Each; i++)
            {
                byte[] frame = new byte[64 + (i % 60)];
                frame.AsSpan().Fill((byte)i);
                (frame[0], frame[1]) = (0x81, (byte)(frame.Length - 2));
                ring.Append(frame, [new LogRecord(frame.Length, 2, i % 2 == 0 ? RecordKind.Chat : RecordKind.System)]);
            }

            Interlocked.Decrement(ref running);
        })).ToList();
        var cursor = RoomCursor.AtOldest(ring);
        threads.ForEach(thread => thread.Start());
        long expected = MemoryRoomLog.FirstId;
        try
        {
            List<FoundRecord> found = [];
            byte[] bytes = new byte[BufferBytes];
            bool last = false;
            while (!last || found.Count > 0)
            {
                last = Volatile.Read(ref running) == 0;
                cursor = cursor.Read(ring, bytes, found, out long missing);
                expected += missing;
                foreach (var record in found)
                {
                    var frame = bytes.AsSpan(record.Offset, record.Length);
                    Assert.Equal(expected++, record.Id);
                    Assert.Equal($"{record.Id}", System.Text.Encoding.ASCII.GetString(frame[2..18]));
                    Assert.True(frame[18..].IndexOfAnyExcept(frame[18]) < 0, "torn");
                }
            }
        }
        finally
        {
            threads.ForEach(thread => thread.Join());
        }

        Assert.Equal(MemoryRoomLog.FirstId + (Writers * Each), expected);
    }
}
