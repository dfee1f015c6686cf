using System.Buffers.Binary;
using Appliance.Rooms;

namespace Appliance.Tests.Rooms;

/// <summary>The ring of a room's log against a list that forgets nothing.</summary>
public sealed class RoomRingTests
{
    private const int RecordBytesMin = RoomLogLayout.RecordBytesMin;

    [Fact]
    public void New_ring_is_empty()
    {
        using var memory = new MemoryRoomLog();
        var ring = memory.Ring;
        Assert.Equal((0L, 0L), (ring.Tail, ring.Head));
        Assert.Equal(new LogStart(0, Gap: false), ring.StartOfHistory(50));
        Assert.Equal(new LogStart(0, Gap: false), ring.StartAfter(MemoryRoomLog.FirstId - 1, 50));
        Assert.Equal(new LogStart(0, Gap: true), ring.StartAfter(0, 50));
        Assert.Equal(new LogStart(0, Gap: true), ring.StartAfter(long.MaxValue, 50));
        Assert.Equal(0, ring.BoundaryFrom(0));
    }

    [Fact]
    public void Id_before_a_position_is_that_of_the_record_in_front()
    {
        using var memory = new MemoryRoomLog();
        var ring = memory.Ring;
        Assert.Equal(MemoryRoomLog.FirstId - 1, ring.IdBefore(ring.Head));
        new RingModel(ring).Append(new Random(1), 100, 200);
        Assert.Equal(MemoryRoomLog.FirstId - 1, ring.IdBefore(0));
        Assert.Equal(MemoryRoomLog.FirstId, ring.IdBefore(100));
        Assert.Equal(MemoryRoomLog.FirstId + 1, ring.IdBefore(ring.Head));
    }

    [Fact]
    public void Any_batches_over_several_revolutions() => RandomCases.Check(
        RandomCases.Randomness,
        random =>
        {
            using var memory = new MemoryRoomLog();
            var model = new RingModel(memory.Ring);
            int largest = random.Next(RecordBytesMin + 1, memory.Log.Layout.GuardBytes);
            while (memory.Ring.Head < 3 * memory.Log.Layout.RingBytes)
            {
                model.Append(random, Lengths(random, largest, memory.Log.Layout.GuardBytes));
                model.AssertBytes(memory.Log.Layout);
                if (random.Next(10) == 0)
                {
                    model.AssertStarts(random);
                }
            }
        },
        25);

    [Theory]
    [InlineData(RecordBytesMin)]
    [InlineData(127)]
    [InlineData(128)]
    [InlineData(8192)]
    public void Records_of_one_length(int length)
    {
        using var memory = new MemoryRoomLog();
        var random = new Random(1);
        var model = new RingModel(memory.Ring);
        for (int i = 0; i < 3 * memory.Log.Layout.RingBytes / length; i++)
        {
            model.Append(random, length);
        }

        model.AssertBytes(memory.Log.Layout);
        model.AssertStarts(random);
    }

    [Fact]
    public void Batch_beyond_the_guard_is_refused()
    {
        using var memory = new MemoryRoomLog();
        byte[] batch = new byte[memory.Ring.BatchBytesMax + 1];
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Ring.Append(batch, [new LogRecord(batch.Length, -1, RecordKind.System)]));
        Assert.Equal(0, memory.Ring.Head);
    }

    /// <summary>However many come and go, a newcomer gets what was said.</summary>
    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 5000)]
    [InlineData(50, 5000)]
    public void Announcements_hide_no_history(int messages, int announcements)
    {
        using var memory = new MemoryRoomLog(1 << 20);
        Append(memory.Ring, messages, isMessage: true);
        Append(memory.Ring, announcements, isMessage: false);
        Assert.Equal(0, memory.Ring.StartOfHistory(messages).Position);
        Assert.Equal(0, memory.Ring.StartOfHistory(messages + 1).Position);
        Assert.Equal((messages - 1) * RecordBytesMin, memory.Ring.StartOfHistory(1).Position);
    }

    /// <summary>Whoever appends announcements only while that is allowed keeps to this: a bounded share of any log's end.</summary>
    [Theory]
    [InlineData(RoomLogLayout.RingBytesMin, 0)]
    [InlineData(1 << 20, 0)]
    [InlineData(1 << 20, 7)]
    [InlineData(4 << 20, 100)]
    public void Announcements_take_a_bounded_part_of_the_log(int ringBytes, int announcementsPerMessage)
    {
        const int Said = 40;
        using var memory = new MemoryRoomLog(ringBytes);
        var ring = memory.Ring;
        Append(ring, Said, isMessage: true);
        long announced = 0;
        for (int i = 0; i < 100_000; i++)
        {
            if (ring.MayAnnounce)
            {
                Append(ring, 1, isMessage: false);
                announced += RecordBytesMin;
            }

            if (announcementsPerMessage > 0 && i % announcementsPerMessage == 0)
            {
                Append(ring, 1, isMessage: true);
            }
        }

        if (announcementsPerMessage == 0)
        {
            Assert.Equal(memory.Log.Layout.AnnouncedBytesMax, announced);
            Assert.Equal(0, ring.StartOfHistory(Said).Position);
            Append(ring, 1, isMessage: true);
            Assert.True(ring.MayAnnounce);
        }

        // Looking for the beginning ends at the messages that were asked for, and not where it gives up.
        long start = ring.StartOfHistory(10).Position;
        Append(ring, 1, isMessage: true);
        Assert.True(ring.StartOfHistory(10).Position > start);
    }

    /// <summary>Too old an id, and one that was never given out, get no more than a newcomer does; all others exactly what lies behind them.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    [InlineData(50)]
    public void Whoever_was_never_there_gets_no_more_than_a_newcomer(int history)
    {
        using var memory = new MemoryRoomLog();
        var ring = memory.Ring;
        Append(ring, 5000, isMessage: true);
        long next = MemoryRoomLog.FirstId + 5000;
        long first = next - ((ring.Head - ring.Tail) / RecordBytesMin);
        var newcomer = ring.StartOfHistory(history);
        Assert.Equal(ring.Head - (history * RecordBytesMin), newcomer.Position);
        foreach (long id in (long[])[0, 1, MemoryRoomLog.FirstId, first - 2, next, next + 1, long.MaxValue])
        {
            Assert.Equal(newcomer with { Gap = true }, ring.StartAfter(id, history));
        }

        Assert.Equal(new LogStart(ring.Tail, Gap: false), ring.StartAfter(first - 1, history));
        Assert.Equal(new LogStart(ring.Tail + RecordBytesMin, Gap: false), ring.StartAfter(first, history));
        Assert.Equal(new LogStart(ring.Head, Gap: false), ring.StartAfter(next - 1, history));
    }

    [Fact]
    public void Room_has_messages_until_they_are_overwritten()
    {
        using var memory = new MemoryRoomLog();
        Append(memory.Ring, 1, isMessage: false);
        Assert.False(memory.Ring.HasMessages);
        Append(memory.Ring, 1, isMessage: true);
        Assert.True(memory.Ring.HasMessages);
        Append(memory.Ring, memory.Log.Layout.IndexEntries, isMessage: false);
        Assert.False(memory.Ring.HasMessages);
    }

    [Fact]
    public void Writers_of_many_threads_make_ids_without_gap_or_repeat()
    {
        const int Writers = 4;
        const int Each = 500;
        using var memory = new MemoryRoomLog(1 << 20);
        var ring = memory.Ring;
        InParallel(Writers, _ => Append(ring, Each, isMessage: true));

        Assert.Equal(Writers * Each * RecordBytesMin, ring.Head);
        for (int i = 0; i < Writers * Each; i++)
        {
            Assert.Equal($"{MemoryRoomLog.FirstId + i}", IdAt(ring, i * RecordBytesMin));
        }
    }

    [Fact]
    public void Reader_that_asks_before_and_after_never_takes_torn_bytes()
    {
        const int Revolutions = 2000;
        const int RecordBytes = 1024;
        using var memory = new MemoryRoomLog();
        var ring = memory.Ring;
        long end = (long)Revolutions * memory.Log.Layout.RingBytes;
        long torn = 0;
        long whole = 0;
        var reader = new Thread(() =>
        {
            while (ring.Head < end)
            {
                long position = ring.Tail;
                bool same = position == ring.Head || IsOneRecord(ring, position, RecordBytes);
                bool safe = position >= ring.SafeFrom;
                torn += safe && !same ? 1 : 0;
                whole += safe ? 1 : 0;
            }
        });
        reader.Start();
        byte[] record = new byte[RecordBytes];
        for (long position = 0; position < end; position += RecordBytes)
        {
            FillRecord(record, position);
            ring.Append(record, [new LogRecord(RecordBytes, IdOffset: -1, RecordKind.Chat)]);
        }

        reader.Join();
        Assert.Equal(0, torn);
        Assert.NotEqual(0, whole);
    }

    private static void FillRecord(Span<byte> record, long position)
    {
        for (int i = 0; i < record.Length; i += sizeof(long))
        {
            BinaryPrimitives.WriteInt64LittleEndian(record[i..], position);
        }
    }

    private static unsafe bool IsOneRecord(RoomRing ring, long position, int length)
    {
        byte* bytes = ring.Read(position, position + length, out int count);
        var words = new ReadOnlySpan<long>(bytes, count / sizeof(long));
        return words.IndexOfAnyExcept(position) < 0;
    }

    private static void Append(RoomRing ring, int count, bool isMessage)
    {
        byte[] record = new byte[RecordBytesMin];
        for (int i = 0; i < count; i++)
        {
            ring.Append(record, [new LogRecord(record.Length, IdOffset: 2, isMessage ? RecordKind.Chat : RecordKind.System)]);
        }
    }

    private static unsafe string IdAt(RoomRing ring, long position) =>
        System.Text.Encoding.ASCII.GetString(new ReadOnlySpan<byte>(ring.Read(position + 2, position + 2 + RoomRing.IdDigits, out int count), count));

    private static void InParallel(int count, Action<int> action)
    {
        Thread[] threads = [.. Enumerable.Range(0, count).Select(number => new Thread(() => action(number)))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
    }

    private static int[] Lengths(Random random, int largest, int together)
    {
        List<int> lengths = [];
        for (int count = random.Next(1, 20); count > 0; count--)
        {
            int length = random.Next(RecordBytesMin, largest + 1);
            if (lengths.Sum() + length <= together)
            {
                lengths.Add(length);
            }
        }

        return [.. lengths];
    }
}
