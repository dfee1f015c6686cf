using System.Globalization;
using System.Text;
using Appliance.Rooms;

namespace Appliance.Tests.Rooms;

/// <summary>What rooms take of the host's memory, and that a limit on all of them holds.</summary>
public sealed class RoomMemoryTests
{
    private const int RingBytes = 1 << 20;
    private const int RecordBytes = 200;
    private const long Now = StateDirectory.UnixMs;

    /// <summary>The newest records stay, whole and with their ids, wherever in the ring they lie; the kernel has the rest back.</summary>
    [Theory]
    [InlineData(0.5)]
    [InlineData(0.95)]
    [InlineData(1.4)]
    [InlineData(7.03)]
    public void Room_that_is_cut_keeps_its_newest_records(double rings)
    {
        using var state = new StateDirectory();
        var log = state.Open(rooms: 2, RingBytes);
        long before = ResidentBytes(state.SegmentId);
        var model = RingModel.Fill(log, "lobby", RecordBytes, (int)(rings * RingBytes / RecordBytes));
        var ring = log.Ring(0);
        Assert.InRange(ResidentBytes(state.SegmentId) - before, ring.TouchedBytes, ring.MemoryBytes + (64 << 10));
        for (int bytes = RingBytes / 2; bytes >= 16 << 10; bytes /= 2)
        {
            long said = ring.Cut(bytes);
            Assert.Equal(said, ring.MemoryBytes);
            Assert.InRange(ring.TouchedBytes, bytes - RecordBytes, bytes);
            Assert.InRange(ResidentBytes(state.SegmentId) - before, ring.TouchedBytes / 2, ring.TouchedBytes + (RingBytes / 8) + (64 << 10));
            Assert.InRange(ring.Head - ring.Tail, (bytes * 7 / 8) - RecordBytes, bytes * 7 / 8);
            model.AssertBytes(log.Layout);
            model.AssertStarts(new Random(1));
        }

        for (int i = 0; i < 3 * RingBytes / RecordBytes; i++)
        {
            model.Append(new Random(i), RecordBytes);
        }

        model.AssertBytes(log.Layout);
        Assert.Equal(RingBytes, ring.TouchedBytes);
        Assert.Equal(0, RoomLogCheck.Mend(log, Now));
    }

    /// <summary>Whatever is appended in between, cuts never touch what is kept.</summary>
    [Fact]
    public void Cuts_and_appends_in_any_order() => RandomCases.Check(
        RandomCases.Randomness,
        random =>
        {
            using var state = new StateDirectory();
            var log = state.Open(rooms: 1, 128 << 10);
            var model = new RingModel(RingModel.Join(log, "lobby"));
            for (int i = 0; i < 100; i++)
            {
                for (int records = random.Next(60); records > 0; records--)
                {
                    model.Append(random, random.Next(64, 1500));
                }

                _ = log.Ring(0).Cut(random.Next(16 << 10, 128 << 10) & ~7);
                model.AssertBytes(log.Layout);
            }

            Assert.Equal(0, RoomLogCheck.Mend(log, Now));
        },
        10);

    [Fact]
    public void Empty_rooms_give_way_first_those_used_least()
    {
        using var state = new StateDirectory();
        var log = state.Open(rooms: 16, RingBytes);
        for (int i = 0; i < 10; i++)
        {
            int slot = FillRoom(log, $"room{i}", Now + i);
            if (i % 2 == 0)
            {
                log.Ring(slot).CountMember(new(0), -1);
            }
        }

        long all = RoomMemory.Measure(log);
        var memory = new RoomMemory(log);
        memory.SetLimit(all - 1, Now + 10);
        Assert.Equal("room1 room3 room4 room5 room6 room7 room8 room9", Names(log));
        Assert.False(memory.IsShort);
        Assert.Equal(RingBytes, log.Ring(log.Find("room1"u8)).TouchedBytes);
    }

    [Fact]
    public void Rooms_in_use_are_cut_to_an_equal_share_that_small_ones_do_not_notice()
    {
        using var state = new StateDirectory();
        var log = state.Open(rooms: 16, RingBytes);
        var small = RingModel.Fill(log, "lobby", RecordBytes, 100);
        for (int i = 0; i < 8; i++)
        {
            _ = FillRoom(log, $"room{i}", Now);
        }

        const long Limit = 4 << 20;
        var memory = new RoomMemory(log);
        memory.SetLimit(Limit, Now);
        Assert.InRange(RoomMemory.Measure(log), Limit * 3 / 4, Limit * 7 / 8);
        Assert.Equal(small.Records.Count * RecordBytes, log.Ring(0).TouchedBytes);
        Assert.Single(Enumerable.Range(0, 8).Select(i => log.Ring(log.Find(Encoding.ASCII.GetBytes($"room{i}"))).TouchedBytes / 4096).Distinct());

        // No room is made while memory is short, but in the place of one that is given up, and again when there is enough.
        Assert.True(memory.IsShort);
        Assert.False(memory.MayMakeRoom(Now + 1000));
        log.Ring(log.Find("room0"u8)).CountMember(new(0), -1);
        Assert.False(memory.MayMakeRoom(Now + 1005), "looks again at once");
        Assert.True(memory.MayMakeRoom(Now + 1010));
        Assert.Equal(-1, log.Find("room0"u8));
        memory.SetLimit(long.MaxValue, Now + 2000);
        Assert.True(memory.MayMakeRoom(Now + 2000));
    }

    /// <summary>
    /// Growth makes some worker look after the limit, which gives up the room just left: its place is still the next newcomer's, at every
    /// worker, and only one newcomer's.
    /// </summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Room_that_growth_gave_up_is_a_place_for_one_newcomer(int asked)
    {
        const long Limit = 4 << 20;
        using var state = new StateDirectory();
        var log = state.Open(rooms: 16, RingBytes);
        for (int i = 0; i < 8; i++)
        {
            _ = FillRoom(log, $"room{i}", Now);
        }

        RoomMemory[] workers = [new RoomMemory(log), new RoomMemory(log)];
        Array.ForEach(workers, worker => worker.SetLimit(Limit, Now));
        Assert.True(workers[asked].IsShort);
        Assert.False(workers[asked].MayMakeRoom(Now + 1000));
        log.Ring(log.Find("room0"u8)).CountMember(new(0), -1);
        workers[0].NoteGrowth(16 << 20);
        workers[0].Check(Now + 2000);
        Assert.Equal(-1, log.Find("room0"u8));
        Assert.True(workers[asked].IsShort);
        Assert.True(workers[asked].MayMakeRoom(Now + 2000));
        Assert.False(workers[1 - asked].MayMakeRoom(Now + 3000));
        Assert.True(workers[asked].IsShort);
    }

    /// <summary>Many workers' growth is seen by each of them, in steps.</summary>
    [Fact]
    public void Limit_holds_while_rooms_grow()
    {
        const long Limit = 3 << 20;
        using var state = new StateDirectory();
        var log = state.Open(rooms: 16, RingBytes);
        RoomMemory[] workers = [new RoomMemory(log), new RoomMemory(log)];
        Array.ForEach(workers, worker => worker.SetLimit(Limit, Now));
        int[] slots =
        [
            .. Enumerable.Range(0, 8).Select(
                i => log.Join(Encoding.ASCII.GetBytes($"room{i}"), new(i), Now, Now, out int slot) == RoomOpening.Created ? slot : -1),
        ];
        byte[] record = RingModel.Frame(1000, new Random(1));
        for (int i = 0; i < 20_000; i++)
        {
            log.Ring(slots[i % slots.Length]).Append(record, [new LogRecord(record.Length, IdOffset: 10, RecordKind.Chat)]);
            workers[i % 2].NoteGrowth(record.Length);
            workers[i % 2].Check(Now + (i * 10));
            Assert.InRange(RoomMemory.Measure(log), 0, Limit + (2 * 64 << 10) + 2000);
        }

        Assert.InRange(ResidentBytes(state.SegmentId), Limit / 2, Limit + (1 << 20));
    }

    private static int FillRoom(RoomLog log, string name, long unixMs)
    {
        _ = log.Join(Encoding.ASCII.GetBytes(name), worker: new(0), unixMs, unixMs, out int slot);
        byte[] record = RingModel.Frame(1024, new Random(1));
        for (int i = 0; i <= RingBytes / record.Length; i++)
        {
            log.Ring(slot).Append(record, [new LogRecord(record.Length, IdOffset: 10, RecordKind.Chat)]);
        }

        return slot;
    }

    private static string Names(RoomLog log) => string.Join(' ', Enumerable.Range(0, log.Layout.Rooms)
        .Select(slot => Encoding.ASCII.GetString(log.NameOf(slot)))
        .Where(name => name.Length > 0)
        .Order(StringComparer.Ordinal));

    /// <summary>What the kernel has for a segment: the column <c>rss</c> of /proc/sysvipc/shm.</summary>
    private static long ResidentBytes(int id) => File.ReadLines("/proc/sysvipc/shm")
        .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        .Where(columns => columns[1] == id.ToString(CultureInfo.InvariantCulture))
        .Select(columns => long.Parse(columns[14], CultureInfo.InvariantCulture))
        .First();
}
