using System.Text;
using Appliance.Rooms;

namespace Appliance.Tests.Rooms;

/// <summary>Appends to a ring and keeps all that was appended, as a list that never forgets.</summary>
internal sealed class RingModel(RoomRing ring)
{
    /// <summary>Every payload is a piece of it.</summary>
    private static readonly byte[] Noise = new Random(1).GetItems("abcdefghijklmnopqrstuvwxyz0123456789"u8.ToArray(), 100_000);

    private readonly List<Record> _records = [];
    private readonly List<byte> _bytes = [];

    /// <summary>Everything ever appended; position 0 is the first byte.</summary>
    public IReadOnlyList<Record> Records => _records;

    public long NextId { get; private set; } = MemoryRoomLog.FirstId;

    /// <summary>A frame of random ASCII of so many bytes, header included: 64 to 65,539.</summary>
    public static byte[] Frame(int length, Random random)
    {
        byte[] frame = Noise.AsSpan(random.Next(Noise.Length - length), length).ToArray();
        byte[] header = length <= 127 ? [0x81, (byte)(length - 2)] : [0x81, 126, (byte)((length - 4) >> 8), (byte)(length - 4)];
        header.CopyTo(frame, 0);
        return frame;
    }

    /// <summary>Appends records of one length to a room.</summary>
    public static RingModel Fill(RoomLog log, string room, int recordBytes, int count)
    {
        var model = new RingModel(Join(log, room));
        for (int i = 0; i < count; i++)
        {
            model.Append(new Random(i), recordBytes);
        }

        return model;
    }

    /// <summary>Joins a room, which must be there or not if it is said so.</summary>
    public static RoomRing Join(RoomLog log, string room, RoomOpening? expected = null, long unixMs = StateDirectory.UnixMs)
    {
        var opening = log.Join(System.Text.Encoding.UTF8.GetBytes(room), worker: new(0), unixMs, unixMs, out int slot);
        Assert.Equal(expected ?? opening, opening);
        Assert.NotEqual(RoomOpening.TooMany, opening);
        return log.Ring(slot);
    }

    /// <summary>Appends one batch of records of these lengths.</summary>
    public void Append(Random random, params int[] lengths)
    {
        byte[] batch = [.. lengths.SelectMany(length => Frame(length, random))];
        LogRecord[] records = [.. lengths.Select(length => new LogRecord(length, length - 40, random.Next(3) > 0 ? RecordKind.Chat : RecordKind.System))];
        ring.Append(batch, records);
        int at = 0;
        foreach (var record in records)
        {
            Encoding.ASCII.GetBytes($"{NextId}").CopyTo(batch, at + record.IdOffset);
            _records.Add(new Record(NextId++, _bytes.Count + at, record.Length, record.IsMessage));
            at += record.Length;
        }

        _bytes.AddRange(batch);
    }

    /// <summary>Positions, readable bytes, and those that the guard still protects are as appended.</summary>
    public void AssertBytes(RoomLogLayout layout)
    {
        Assert.Equal(_bytes.Count, ring.Head);
        Assert.True(ring.Tail == ring.Head || _records.Exists(record => record.Position == ring.Tail), "the tail is no record's start");
        Assert.InRange(ring.Head - ring.Tail, 0, layout.RingBytes - layout.GuardBytes);
        long from = Math.Max(0, ring.SafeFrom);
        Assert.True(Read(from, ring.Head).AsSpan().SequenceEqual(_bytes.GetRange((int)from, (int)(ring.Head - from)).ToArray()), "the bytes differ");
    }

    /// <summary>Every id and many positions lead where the list says.</summary>
    public void AssertStarts(Random random)
    {
        var kept = _records.FindAll(record => record.Position >= ring.Tail);
        long first = NextId - kept.Count;
        for (long id = first - 3; id < NextId; id++)
        {
            bool gap = id < first - 1;
            long position = gap ? History(kept, 5) : kept.Count == 0 ? ring.Tail : id == NextId - 1 ? ring.Head : kept[(int)(id + 1 - first)].Position;
            Assert.Equal(new LogStart(position, gap), ring.StartAfter(id, 5));
        }

        Assert.Equal(new LogStart(History(kept, 5), Gap: true), ring.StartAfter(NextId, 5));
        foreach (int messages in (int[])[0, 1, 2, 7, 100_000])
        {
            Assert.Equal(new LogStart(History(kept, messages), Gap: false), ring.StartOfHistory(messages));
        }

        for (int i = 0; i < 20; i++)
        {
            long position = ring.Tail + random.NextInt64(ring.Head - ring.Tail + 1);
            Assert.Equal(kept.Find(record => record.Position >= position)?.Position ?? ring.Head, ring.BoundaryFrom(position));
        }

        Assert.Equal(ring.Tail, ring.BoundaryFrom(0));
        Assert.Equal(ring.Head, ring.BoundaryFrom(long.MaxValue));
    }

    /// <summary>The bytes of a record, as they were appended.</summary>
    public byte[] BytesOf(Record record) => [.. _bytes.GetRange((int)record.Position, record.Length)];

    private long History(List<Record> kept, int messages)
    {
        var said = kept.FindAll(record => record.IsMessage);
        return messages == 0 || said.Count == 0 ? ring.Head : said[Math.Max(0, said.Count - messages)].Position;
    }

    private unsafe byte[] Read(long from, long end)
    {
        byte[] bytes = new byte[end - from];
        for (long at = from; at < end;)
        {
            byte* piece = ring.Read(at, end, out int count);
            new ReadOnlySpan<byte>(piece, count).CopyTo(bytes.AsSpan((int)(at - from)));
            at += count;
        }

        return bytes;
    }

    /// <summary>One appended record.</summary>
    public sealed record Record(long Id, long Position, int Length, bool IsMessage);
}
