using System.Buffers;
using System.Text;
using System.Text.Json;
using Appliance.Chat;
using Appliance.Rooms;

namespace Appliance.Tests.Rooms;

/// <summary>A deleted message: its text is gone from the ring, its place stays, and no reader without a lock gets anything between the two.</summary>
public sealed unsafe class ErasureTests
{
    private const string Secret = "secret-text-of-ann";

    /// <summary>Lengths of the text, so that frames have headers of two and of four bytes.</summary>
    public static TheoryData<int> Lengths => [1, 20, 50, 60, 200, 4000];

    [Theory]
    [MemberData(nameof(Lengths))]
    public void Tombstone_has_length_id_and_time_of_the_message(int length)
    {
        using var memory = new MemoryRoomLog();
        long[] ids = [Say(memory.Ring, "before"), Say(memory.Ring, new string('x', length)), Say(memory.Ring, "behind")];
        byte[] former = BytesOf(memory.Ring);
        var before = Lines(memory.Ring);
        Assert.Equal(ErasureOutcome.Done, memory.Ring.Erase(ids[1]));
        var lines = Lines(memory.Ring);
        Assert.Equal((before[0], before[2]), (lines[0], lines[2]));
        Assert.Equal(before[1].Length, lines[1].Length);
        using var json = JsonDocument.Parse(lines[1]);
        string[] members = [.. json.RootElement.EnumerateObject().Select(member => $"{member.Name}={member.Value}")];
        Assert.Equal(["type=deleted", $"id={ids[1]}", $"time={MemoryRoomLog.UnixMs}"], members);
        byte[] bytes = BytesOf(memory.Ring);
        Assert.Equal(former.Length, bytes.Length);
        Assert.Equal(RecordKind.Tombstone, memory.Ring.KindIn(memory.Ring.IndexOf(ids[1])));
        Assert.True(memory.Ring.HasTombstone(memory.Ring.PositionOf(ids[1]) + 1, memory.Ring.PositionOf(ids[1]) + 2));
        Assert.False(memory.Ring.HasTombstone(0, memory.Ring.PositionOf(ids[1])));
        Assert.False(memory.Ring.HasTombstone(memory.Ring.PositionOf(ids[2]), memory.Ring.Head));
        Assert.Equal((2L, 1L), (memory.Ring.Erasures, memory.Log.Header.Erasures));
        Assert.Equal(0, RoomLogCheck.Mend(memory.Log, MemoryRoomLog.UnixMs));
    }

    [Fact]
    public void What_cannot_be_deleted_is_told()
    {
        using var memory = new MemoryRoomLog();
        long gone = Say(memory.Ring, "first");
        while (memory.Ring.Header->FirstId <= gone)
        {
            _ = Say(memory.Ring, new string('y', 1000));
        }

        long message = Say(memory.Ring, Secret);
        byte[] bytes = new byte[300];
        long announcement = Append(memory.Ring, bytes, ChatEncoder.WriteSystemMessage(bytes, "ann connected"u8, MemoryRoomLog.UnixMs), RecordKind.System);
        Assert.Equal(ErasureOutcome.Gone, memory.Ring.Erase(gone));
        Assert.Equal(ErasureOutcome.Unknown, memory.Ring.Erase(memory.Ring.NextId));
        Assert.Equal(ErasureOutcome.Unknown, memory.Ring.Erase(long.MaxValue));
        Assert.Equal(ErasureOutcome.Gone, memory.Ring.Erase(0));
        Assert.Equal(ErasureOutcome.NoMessage, memory.Ring.Erase(announcement));
        Assert.Equal(0, memory.Ring.Erasures);
        Assert.Equal((ErasureOutcome.Done, ErasureOutcome.Done), (memory.Ring.Erase(message), memory.Ring.Erase(message)));
        Assert.Equal(2, memory.Ring.Erasures);
    }

    /// <summary>A deleted message counts as one in the history: nobody gets others in its place, and it is the newest where it was that.</summary>
    [Fact]
    public void Tombstone_is_history()
    {
        using var memory = new MemoryRoomLog();
        long[] ids = [Say(memory.Ring, "one"), Say(memory.Ring, "two"), Say(memory.Ring, "three")];
        var starts = Enumerable.Range(0, 4).Select(count => memory.Ring.StartOfHistory(count)).ToList();
        Assert.All(ids, id => Assert.Equal(ErasureOutcome.Done, memory.Ring.Erase(id)));
        Assert.Equal(starts, Enumerable.Range(0, 4).Select(count => memory.Ring.StartOfHistory(count)));
        Assert.Equal(ids[1], RoomReader.IdBeforeLast(memory.Ring, 1));
    }

    /// <summary>Whoever dies in the middle leaves the number odd: no reader takes the record, and the next holder of the lock finishes it.</summary>
    [Fact]
    public void Erasure_that_was_begun_is_finished_by_the_next_one()
    {
        using var memory = new MemoryRoomLog();
        long[] ids = [Say(memory.Ring, "before"), Say(memory.Ring, Secret), Say(memory.Ring, "behind")];
        var ring = memory.Ring;
        ring.Header->ErasedFrom = ring.PositionOf(ids[1]);
        ring.Header->Erasures++;
        *ring.Read(ring.PositionOf(ids[1]) + 40, ring.Head, out _) = (byte)' ';
        List<FoundRecord> found = [];
        byte[] bytes = new byte[10_000];
        var cursor = RoomCursor.AtOldest(ring).Read(ring, bytes, found, out _);
        Assert.Equal([ids[0]], found.Select(record => record.Id));
        Assert.Equal(cursor, cursor.Read(ring, bytes, found, out long missing));
        Assert.Equal((0, 0L), (found.Count, missing));
        Assert.Single(Lines(ring));
        Assert.Equal(0, RoomLogCheck.Mend(memory.Log, MemoryRoomLog.UnixMs));
        Assert.Equal(2, ring.Erasures);
        Assert.DoesNotContain(Secret, Encoding.UTF8.GetString(BytesOf(ring)), StringComparison.Ordinal);
        cursor = cursor.Read(ring, bytes, found, out missing);
        Assert.Equal(0, missing);
        Assert.Equal(ids[1..], found.Select(record => record.Id));
        Assert.Equal(3, Lines(ring).Count);
    }

    /// <summary>Damage in the two words writes nothing outside of a record.</summary>
    [Theory]
    [InlineData(long.MinValue)]
    [InlineData(-1)]
    [InlineData(1)]
    [InlineData(1 << 20)]
    [InlineData(long.MaxValue)]
    public void Place_that_is_no_record_stays(long position)
    {
        using var memory = new MemoryRoomLog();
        _ = Say(memory.Ring, "one");
        byte[] bytes = BytesOf(memory.Ring);
        (memory.Ring.Header->ErasedFrom, memory.Ring.Header->Erasures) = (position, 1);
        Assert.Equal(0, RoomLogCheck.Mend(memory.Log, MemoryRoomLog.UnixMs));
        Assert.Equal(2, memory.Ring.Erasures);
        Assert.Equal(bytes, BytesOf(memory.Ring));
    }

    /// <summary>
    /// Readers of all kinds read while messages are written and deleted as quickly as that goes: each line is a whole message or a whole tombstone.
    /// The last kind does as delivery does: bytes from the log, the number before and behind.
    /// </summary>
    [Theory]
    [InlineData("cursor")]
    [InlineData("reader")]
    [InlineData("delivery")]
    public void Nothing_torn_is_read(string kind)
    {
        const int Messages = 40_000;
        using var memory = new MemoryRoomLog();
        var ring = memory.Ring;
        long firstId = Say(ring, new string('a', 1000));
        bool isDone = false;
        var eraser = new Thread(() =>
        {
            for (int i = 0; i < Messages; i++)
            {
                long id = Say(ring, new string((char)('a' + (i % 26)), 1000));
                _ = ring.Erase(id - (i % 3));
            }

            Volatile.Write(ref isDone, true);
        });
        int messages = 0;
        int tombstones = 0;
        eraser.Start();
        try
        {
            for (bool isLast = false; !isLast;)
            {
                isLast = Volatile.Read(ref isDone);
                foreach (string line in kind == "reader" ? Lines(ring) : kind == "cursor" ? ByCursor(ring) : AsDelivery(ring))
                {
                    using var json = JsonDocument.Parse(line);
                    bool isTombstone = json.RootElement.GetProperty("type").ValueEquals("deleted");
                    tombstones += isTombstone ? 1 : 0;
                    messages += isTombstone ? 0 : 1;
                    Assert.True(long.Parse(json.RootElement.GetProperty("id").GetString()!, provider: null) >= firstId, line);
                    Assert.True(isTombstone || json.RootElement.GetProperty("message").GetString()!.Distinct().Count() == 1, line);
                }
            }
        }
        finally
        {
            eraser.Join();
        }

        Assert.True(messages > 0 && tombstones > 0, $"{messages} messages, {tombstones} tombstones");
    }

    [Fact]
    public void Kinds_are_known_by_the_bytes_that_the_encoder_writes()
    {
        using var memory = new MemoryRoomLog();
        long id = Say(memory.Ring, "one");
        byte[] bytes = new byte[300];
        long told = Append(memory.Ring, bytes, ChatEncoder.WriteDelete(bytes, id, MemoryRoomLog.UnixMs), RecordKind.Event);
        byte[] deletion = FrameOf(memory.Ring, told);
        Assert.Equal((RecordKind.Event, id), (Erasure.KindOf(isMessage: false, deletion), Erasure.DeletedBy(isMessage: false, deletion)));
        Assert.Equal((RecordKind.Chat, 0L), (Erasure.KindOf(isMessage: true, FrameOf(memory.Ring, id)), Erasure.DeletedBy(isMessage: true, deletion)));
        Assert.Equal(ErasureOutcome.Done, memory.Ring.Erase(id));
        Assert.Equal(RecordKind.Tombstone, Erasure.KindOf(isMessage: true, FrameOf(memory.Ring, id)));
    }

    internal static long Say(RoomRing ring, string text)
    {
        byte[] bytes = new byte[(2 * text.Length) + 300];
        var input = new ChatInput { Name = "ann"u8, Message = Encoding.UTF8.GetBytes(text), Color = ChatInput.DefaultColor };
        return Append(ring, bytes, ChatEncoder.WriteUserMessage(bytes, input, MemoryRoomLog.UnixMs), RecordKind.Chat);
    }

    internal static long Append(RoomRing ring, byte[] json, EncodedMessage encoded, RecordKind kind)
    {
        var batch = new Appliance.Delivery.RecordBatch { Capacity = ring.BatchBytesMax };
        batch.Add(json.AsSpan(0, encoded.Length), encoded.IdOffset, kind, default);
        ring.Append(batch.Bytes, batch.Records);
        return ring.NextId - 1;
    }

    private static byte[] BytesOf(RoomRing ring)
    {
        byte[] bytes = new byte[ring.Head - ring.Tail];
        ring.Read(ring.Tail, bytes);
        return bytes;
    }

    private static byte[] FrameOf(RoomRing ring, long id)
    {
        byte[] frame = new byte[ring.PositionOf(id + 1) - ring.PositionOf(id)];
        ring.Read(ring.PositionOf(id), frame);
        return frame;
    }

    private static List<string> Lines(RoomRing ring)
    {
        var lines = new ArrayBufferWriter<byte>();
        _ = RoomReader.Read(ring, ring.Header->FirstId - 1, 1 << 20, lines);
        return [.. Encoding.UTF8.GetString(lines.WrittenSpan).Split('\n', StringSplitOptions.RemoveEmptyEntries)];
    }

    private static List<string> ByCursor(RoomRing ring)
    {
        List<FoundRecord> found = [];
        byte[] bytes = new byte[ring.BatchBytesMax];
        _ = RoomCursor.AtOldest(ring).Read(ring, bytes, found, out _);
        return [.. found.Select(record => PayloadOf(bytes.AsSpan(record.Offset, record.Length)))];
    }

    private static List<string> AsDelivery(RoomRing ring)
    {
        long erasures = ring.AwaitErasure();
        long tail = ring.BoundaryFrom(ring.Tail);
        long end = ring.BoundaryFrom(Math.Min(tail + 8000, ring.Head));
        byte[] bytes = new byte[end - tail];
        ring.Read(tail, bytes);
        bool isWhole = tail >= ring.SafeFrom && (ring.Erasures == erasures || !ring.HasTombstone(tail, end));
        List<string> lines = [];
        for (int offset = 0; isWhole && offset < bytes.Length;)
        {
            int length = 4 + ((bytes[offset + 2] << 8) | bytes[offset + 3]);
            Assert.Equal((0x81, 126), (bytes[offset], bytes[offset + 1]));
            lines.Add(PayloadOf(bytes.AsSpan(offset, length)));
            offset += length;
        }

        return lines;
    }

    private static string PayloadOf(ReadOnlySpan<byte> frame) => Encoding.UTF8.GetString(frame[(frame[1] == 126 ? 4 : 2)..]);
}
