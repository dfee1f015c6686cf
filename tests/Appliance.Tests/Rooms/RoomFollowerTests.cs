using System.Text;
using Appliance.Config;
using Appliance.Logging;
using Appliance.Loop;
using Appliance.Master;
using Appliance.Rooms;

namespace Appliance.Tests.Rooms;

/// <summary>A second follower beside the journal costs a class and a row: it gets every record once, is woken, and is told what it has missed.</summary>
public sealed class RoomFollowerTests : IDisposable
{
    private const int RecordBytes = 100;
    private static readonly WorkerSlot Slot = new(RoomLogLayout.JournalSlot.Index + 3);

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly MemoryRoomLog _memory = new(rooms: 130);
    private readonly WakeupTable _wakeups = new(RoomLogLayout.Slots);
    private readonly EventLog _log = new("", LogLevel.Error, isDaemon: false);
    private readonly List<RecordingFollower> _made = [];
    private long _unixMs = MemoryRoomLog.UnixMs;

    private static Settings Settings => SettingsBuilder.Build(new DefaultPaths("/run/test", "/var/lib/test"), []);

    public void Dispose()
    {
        _log.Dispose();
        _memory.Dispose();
        _wakeups.Dispose();
    }

    [Fact]
    public void Follower_reads_every_record_of_every_room_once_in_order()
    {
        using var followers = Make(out var follower);
        List<string> said = [Say("lobby"), Say("a"), Say("lobby")];
        followers.Begin(isNew: false);
        for (int i = 0; i < 500; i++)
        {
            said.Add(Say($"room{i % 100}"));
        }

        followers.Stop(isLast: true);
        Assert.Equal(said.Order(StringComparer.Ordinal), follower.Records.Order(StringComparer.Ordinal));
        Assert.Equal(RecordsOf(said, "room7"), RecordsOf(follower.Records, "room7"), StringComparer.Ordinal);
        Assert.Empty(follower.Missed);
    }

    [Fact]
    public void Follower_sleeps_and_is_woken()
    {
        using var followers = Make(out var follower);
        followers.Begin(isNew: false);
        for (int i = 1; i <= 20; i++)
        {
            Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref _memory.Log.Worker(Slot).Sleeping) == 1, Patience));
            _ = Say("lobby");
            Assert.True(SpinWait.SpinUntil(() => follower.Count == i, Patience), $"record {i} did not wake it");
        }
    }

    [Fact]
    public void Follower_that_is_overtaken_is_told_how_much_it_has_missed_and_goes_on()
    {
        using var followers = Make(out var follower);
        List<string> said = [Say("lobby")];
        followers.Begin(isNew: false);
        follower.Fails = true;
        for (int i = 0; i < 3 * RoomLogLayout.RingBytesMin / RecordBytes; i++)
        {
            said.Add(Say("lobby"));
        }

        Assert.True(SpinWait.SpinUntil(() => follower.Failures > 0, Patience));
        follower.Fails = false;
        followers.Stop(isLast: true);
        Assert.InRange(follower.Missed.Sum(), 1, said.Count - 1);
        Assert.Equal(said.Count, follower.Records.Count + follower.Missed.Sum());
        Assert.Equal(said[^1], follower.Records[^1]);
        Assert.Equal(follower.Records, follower.Records.Distinct(StringComparer.Ordinal), StringComparer.Ordinal);
    }

    [Fact]
    public void What_has_failed_is_read_again_and_nothing_twice()
    {
        using var followers = Make(out var follower);
        followers.Begin(isNew: false);
        follower.Fails = true;
        string said = Say("lobby");
        Assert.True(SpinWait.SpinUntil(() => follower.Failures > 0, Patience));
        follower.Fails = false;
        Assert.True(SpinWait.SpinUntil(() => follower.Count == 1, Patience));
        followers.Stop(isLast: true);
        Assert.Equal([said], follower.Records);
        Assert.Equal(1, follower.Recoveries);
    }

    [Fact]
    public void Room_that_is_given_up_and_made_anew_is_another_one()
    {
        using var followers = Make(out var follower);
        followers.Begin(isNew: false);
        List<string> said = [];
        for (int i = 1; i <= 5; i++)
        {
            said.Add(Say($"room{i}"));
            said.Add(Say($"room{i}"));
            Assert.True(SpinWait.SpinUntil(() => follower.Count == said.Count, Patience));
            _memory.Log.Release(SlotOf($"room{i}"));
            _unixMs += 1000;
        }

        followers.Stop(isLast: true);
        Assert.Equal(said, follower.Records);
        Assert.Empty(follower.Missed);
    }

    [Fact]
    public void Successor_goes_on_where_a_follower_has_ended()
    {
        List<string> said = [Say("lobby"), Say("a")];
        List<string> read = [];
        for (int turn = 0; turn < 3; turn++)
        {
            using var followers = Make(out var follower);
            followers.Continue();
            said.Add(Say("lobby"));
            said.Add(Say($"of{turn}"));
            followers.Stop(isLast: false);
            read.AddRange(follower.Records);

            // Between two processes, and in a new life of a room's slot.
            said.Add(Say("a"));
            _memory.Log.Release(SlotOf($"of{turn}"));
            _unixMs += 1000;
        }

        using (var last = Make(out var follower))
        {
            last.Continue();
            last.Stop(isLast: true);
            read.AddRange(follower.Records);
            Assert.Empty(follower.Missed);
        }

        Assert.Equal(said.Order(StringComparer.Ordinal), read.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Follower_reads_nothing_that_readers_still_wait_for()
    {
        using var followers = Make(out var follower);
        _memory.Log.Journal = JournalState.Awaited;
        _ = Say("lobby");
        followers.Begin(isNew: false);
        followers.Stop(isLast: true);
        Assert.Empty(follower.Records);
    }

    [Fact]
    public void Follower_that_nobody_wants_any_more_is_told_nothing()
    {
        using (var former = Make(out _))
        {
            former.Begin(isNew: false);
        }

        Assert.NotEqual(0u, _memory.Log.Header.Followers);
        using var none = new Followers([], new FollowerParts(Settings, _memory.Log, _wakeups, _log));
        none.Continue();
        _ = Say("lobby");
        Assert.Equal(-1, _memory.Log.TakeDirty(Slot, 0));
    }

    [Fact]
    public unsafe void Room_logs_of_an_older_release_refuse_a_slot_that_they_have_not()
    {
        var layout = new RoomLogLayout(1, RoomLogLayout.RingBytesMin, RoomLogLayout.OldestVersion);
        byte* memory = (byte*)System.Runtime.InteropServices.NativeMemory.AllocZeroed((nuint)layout.SegmentBytes);
        var rooms = new RoomLog(memory, layout);
        var refusal = Assert.Throws<IOException>(() => new Followers([Row(_made)], new FollowerParts(Settings, rooms, _wakeups, _log)));
        Assert.StartsWith("recorder: room logs of layout 4 have no place for it", refusal.Message);
        System.Runtime.InteropServices.NativeMemory.Free(memory);
    }

    [Fact]
    public void Rows_of_the_table_have_names_and_slots_of_their_own()
    {
        var rows = FollowerTable.Rows;
        Assert.Equal(rows.Count, rows.Select(row => row.Name).Distinct(StringComparer.Ordinal).Count());
        Assert.Equal(rows.Count, rows.Select(row => row.Slot).Distinct().Count());
        Assert.All(rows, row => Assert.InRange(row.Slot.Index, RoomLogLayout.WorkerSlots, RoomLogLayout.Slots - 1));
        Assert.All(rows, row =>
        {
            using var follower = row.Make(new FollowerParts(Settings, _memory.Log, _wakeups, _log), () => Settings);
            Assert.Equal(row.Slot, follower.Slot);
        });
    }

    private static FollowerRow Row(List<RecordingFollower> made) => new("recorder", Slot, Descriptors: 2, _ => true, (parts, _) =>
    {
        made.Add(new RecordingFollower(parts));
        return made[^1];
    });

    private static IEnumerable<string> RecordsOf(IEnumerable<string> records, string room) =>
        records.Where(record => record.StartsWith($"{room} ", StringComparison.Ordinal));

    private Followers Make(out RecordingFollower follower)
    {
        var followers = new Followers([Row(_made)], new FollowerParts(Settings, _memory.Log, _wakeups, _log));
        follower = _made[^1];
        return followers;
    }

    /// <summary>Appends a record to a room, made if there is none, tells and wakes; returns what the follower is to read of it.</summary>
    private string Say(string room)
    {
        var log = _memory.Log;
        byte[] name = Encoding.UTF8.GetBytes(room);
        int slot = SlotOf(room);
        if (slot < 0)
        {
            slot = Enumerable.Range(0, log.Layout.Rooms).First(free => log.NameOf(free).IsEmpty);
            log.Create(slot, name, RoomLog.HashOf(name), _unixMs);
        }

        var ring = log.Ring(slot);
        long id = ring.NextId;
        byte[] frame = new byte[RecordBytes];
        (frame[0], frame[1]) = (0x81, RecordBytes - 2);
        ring.Append(frame, [new LogRecord(RecordBytes, RecordBytes - 40, RecordKind.Chat)]);
        var wake = default(WorkerSet);
        log.MarkDirty(slot, worker: new(0), nowNs: 1, ref wake);
        while (wake.TryTake(out var sleeper))
        {
            _wakeups.Set(sleeper);
        }

        return $"{room} {id}";
    }

    private int SlotOf(string room)
    {
        byte[] name = Encoding.UTF8.GetBytes(room);
        return Enumerable.Range(-1, _memory.Log.Layout.Rooms + 1).LastOrDefault(slot => slot >= 0 && _memory.Log.NameOf(slot).SequenceEqual(name), -1);
    }

    /// <summary>Takes note of what it reads.</summary>
    private sealed class RecordingFollower(FollowerParts parts) : RoomFollower("recorder", RoomFollowerTests.Slot, parts.Rooms, parts.Wakeups)
    {
        private volatile bool _fails;
        private int _failures;
        private int _count;

        public List<string> Records { get; } = [];

        public List<long> Missed { get; } = [];

        public int Count => Volatile.Read(ref _count);

        public int Failures => Volatile.Read(ref _failures);

        public int Recoveries { get; private set; }

        public bool Fails
        {
            set => _fails = value;
        }

        protected override void Take(in FollowedRecords records)
        {
            if (_fails)
            {
                throw new IOException("told to fail");
            }

            foreach (var record in records.Found)
            {
                Assert.Equal(RecordBytes, records.FrameOf(record).Length);
                Records.Add($"{Encoding.UTF8.GetString(records.Room)} {record.Id}");
            }

            Volatile.Write(ref _count, Records.Count);
        }

        protected override void OnOvertaken(int slot, long records) => Missed.Add(records);

        protected override void OnFailed(Exception failure, bool isFirst) => Interlocked.Increment(ref _failures);

        protected override void OnRecovered() => Recoveries++;
    }
}
