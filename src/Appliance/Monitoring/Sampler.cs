using Appliance.Loop;
using Appliance.Metrics;
using Appliance.Native;
using Appliance.Rooms;

namespace Appliance.Monitoring;

/// <summary>What the sampler asks about a server beyond its shared memory; called from the sampler's thread.</summary>
/// <param name="ListenQueue">How many connections wait at the listening sockets of a slot.</param>
/// <param name="Wake">Wakes the loop of a slot.</param>
/// <param name="CommandQueue">Messages and bytes in the command queue.</param>
public sealed record MonitoredServer(Func<WorkerSlot, long> ListenQueue, Action<WorkerSlot> Wake, Func<(long Messages, long Bytes)> CommandQueue);

/// <summary>
/// Takes a border between two intervals once a second, while anything happens, and keeps the last two in shared memory: readers of that memory and of
/// the monitoring port get the same figures of the same interval.
/// </summary>
public sealed class Sampler(RoomLog rooms, MonitoredServer server, bool measuresMemory)
{
    /// <summary>The share of the stuck time after which a loop that has not turned is woken: if it turns then, it is healthy.</summary>
    private const int WakeShare = 4;

    /// <summary>Memory is read at most a twentieth of the time: of large servers it takes the kernel a while to add up.</summary>
    private const int MemoryRestFactor = 20;

    /// <summary>A clock that differs by so much from what it showed a moment ago was put to another time.</summary>
    private const long ClockStepMsMin = 500;

    private const int NsPerMs = 1_000_000;

    private readonly List<WorkerSlot> _slots = [];
    private readonly WorkerSnapshot[] _workers = new WorkerSnapshot[RoomLogLayout.WorkerSlots];
    private readonly long[] _memory = new long[RoomLogLayout.WorkerSlots];
    private long _masterMemory;
    private long _memoryDueNs;
    private long? _clockAheadMs;

    /// <summary>Ends an interval and begins the next. Nothing is allocated once every worker has been seen: a single process has clients.</summary>
    public void Take(long unixMs)
    {
        long nowNs = MonotonicClock.ReadNs();
        FindSlots(rooms, _slots);
        FollowClock();
        int yields = Scoreboard.YieldsMax;
        long wakeAfterNs = Sample.StuckAfterNs(rooms.Header.WorkerTimeoutSeconds) / WakeShare;
        for (int i = 0; i < _slots.Count; i++)
        {
            var slot = _slots[i];
            ref var header = ref rooms.Worker(slot);
            _workers[i] = Scoreboard.Read(rooms, slot, ref yields);

            // A turn that ended just now was measured a little earlier than it was published: what was told of it before is not taken back.
            _workers[i].Figures.BusyNs = Math.Max(_workers[i].Figures.BusyNs, Scoreboard.After(rooms, slot).Figures.BusyNs);
            _workers[i].State = Judge(rooms, slot, _workers[i].State, nowNs);
            if (_workers[i].State is WorkerState.Serving or WorkerState.Stuck && nowNs - header.TurnedNs > wakeAfterNs)
            {
                header.WokenNs = header.WokenNs > header.TurnedNs ? header.WokenNs : nowNs;
                server.Wake(slot);
            }
        }

        MeasureMemory(nowNs);
        var whole = TakeServer(nowNs, unixMs);
        Scoreboard.BeginBorder(rooms);
        rooms.Header.After = whole;
        for (int i = 0; i < _slots.Count; i++)
        {
            // The queue of a worker that is no more is another's to serve, but still its own.
            var slot = _slots[i];
            bool isOurs = slot == RoomLogLayout.SlotBeside(rooms.FirstSlot, RoomLogLayout.NumberOf(slot));
            Scoreboard.WriteAfter(rooms, slot, _workers[i] with { MemoryBytes = _memory[slot.Index], ListenQueue = isOurs ? server.ListenQueue(slot) : 0 });
        }

        Scoreboard.EndBorder(rooms);
    }

    /// <summary>Rests, of a single process, if nothing has happened since the last border.</summary>
    public bool TryRest() => Scoreboard.TryRest(rooms, rooms.FirstSlot);

    /// <summary>Ends a rest, and begins an interval.</summary>
    public void Resume(long unixMs)
    {
        long nowNs = MonotonicClock.ReadNs();
        FollowClock();
        Scoreboard.Resume(rooms, rooms.FirstSlot, TakeServer(nowNs, unixMs));
    }

    /// <summary>The figures of the last whole interval, from shared memory; while the sampler rests, of the rest up to now.</summary>
    /// <param name="rooms">Where they are.</param>
    /// <param name="build">Which build tells them.</param>
    /// <param name="asOfNow">For people: counts and states as they are now.</param>
    /// <param name="queue">The command queue, for who can look itself what the sampler does not: that while it rests, memory where it has
    /// no port, and whether there still is one.</param>
    public static Sample Read(RoomLog rooms, BuildInfo build, bool asOfNow = false, CommandQueueDepth? queue = null)
    {
        var clock = new LoopClock();
        ServerSnapshot before = default;
        ServerSnapshot after = default;
        List<SlotInterval> slots = [];
        Scoreboard.ReadInterval(rooms, () =>
        {
            (before, after) = (rooms.Header.Before, rooms.Header.After);
            slots = Slots(rooms)
                .ConvertAll(slot => new SlotInterval(RoomLogLayout.NumberOf(slot).Value, Scoreboard.Before(rooms, slot), Scoreboard.After(rooms, slot)));
            if (rooms.Header.SamplerRests != 0)
            {
                (before, after) = (after, after with { AtNs = clock.NowNs, UnixMs = clock.UnixMs });
                (after.QueueMessages, after.QueueBytes) = queue?.Read() ?? (after.QueueMessages, after.QueueBytes);
                slots = slots.ConvertAll(slot => new SlotInterval(slot.Worker, slot.After, slot.After with { AtNs = clock.NowNs }));
            }
        });
        if (asOfNow)
        {
            int yields = Scoreboard.YieldsMax;
            after = Now(rooms, after);
            var used = Slots(rooms);
            for (int i = 0; i < Math.Min(slots.Count, used.Count); i++)
            {
                slots[i] = slots[i] with { Now = Now(rooms, used[i], slots[i].After, ref yields) };
            }
        }

        if (queue is not null)
        {
            slots = slots.ConvertAll(slot => slot with { Now = slot.Now with { MemoryBytes = MemoryOf(slot.Now.Pid, slot.Now.MemoryBytes) } });
            after.MasterMemoryBytes = slots.Exists(slot => slot.Now.Pid == after.Pid) ? 0 : MemoryOf(after.Pid, after.MasterMemoryBytes);
        }

        return new Sample(build, before, after, slots)
        {
            AgeNs = queue is not null && after.AtNs > 0 ? clock.NowNs - after.AtNs : 0,
            FullWorkers =
            [
                .. Slots(rooms)
                    .Where(slot => rooms.Worker(slot) is { Pid: not 0, LacksDescriptors: not 0 })
                    .Select(slot => RoomLogLayout.NumberOf(slot).Value),
            ],
            JournalFailure = rooms.Header.JournalError is not Errno.None and var error ? SyscallException.Describe(error) : null,
        };
    }

    private static long MemoryOf(int pid, long measured) => measured == 0 && pid > 0 ? ProcessMemory.Read(pid) : measured;

    /// <summary>A loop is stuck that does not turn although it was woken; during a rest nobody wakes it.</summary>
    private static WorkerState Judge(RoomLog rooms, WorkerSlot slot, WorkerState state, long nowNs)
    {
        bool rests = Volatile.Read(ref rooms.Header.SamplerRests) != 0;
        ref var header = ref rooms.Worker(slot);
        long turnedNs = rests ? nowNs : Math.Max(header.TurnedNs, rooms.Header.ResumedNs);
        return Sample.Judge(state, turnedNs, header.WokenNs, nowNs, rooms.Header.WorkerTimeoutSeconds);
    }

    private static ServerSnapshot Now(RoomLog rooms, ServerSnapshot after)
    {
        (after.Workers, after.ReadyMs, after.Stopping) = (rooms.Header.Workers, rooms.Header.ReadyMs, rooms.Header.Stopping);
        (after.WorkersLeast, after.WorkersMost, after.Rooms) = (rooms.Header.WorkersLeast, rooms.Header.WorkersMost, rooms.RoomCount());
        return after;
    }

    /// <summary>What a sampler alone can tell is as it was at the last border.</summary>
    private static WorkerSnapshot Now(RoomLog rooms, WorkerSlot slot, in WorkerSnapshot after, ref int yields)
    {
        var now = Scoreboard.Read(rooms, slot, ref yields);
        return now with { State = Judge(rooms, slot, now.State, now.AtNs), MemoryBytes = after.MemoryBytes, ListenQueue = after.ListenQueue };
    }

    private static List<WorkerSlot> Slots(RoomLog rooms)
    {
        List<WorkerSlot> slots = [];
        FindSlots(rooms, slots);
        return slots;
    }

    private static void FindSlots(RoomLog rooms, List<WorkerSlot> slots)
    {
        slots.Clear();
        for (int index = 0; index < RoomLogLayout.WorkerSlots; index++)
        {
            var slot = new WorkerSlot(index);
            if (Scoreboard.IsUsed(rooms, slot))
            {
                slots.Add(slot);
            }
        }
    }

    private ServerSnapshot TakeServer(long nowNs, long unixMs)
    {
        ref var header = ref rooms.Header;
        var (count, head, tail) = rooms.Measure();
        var (messages, bytes) = server.CommandQueue();
        return new ServerSnapshot
        {
            AtNs = nowNs,
            UnixMs = unixMs,
            ReadyMs = header.MasterPid != 0 ? header.ReadyMs : 0,
            MasterMemoryBytes = _masterMemory,
            Rooms = count,
            LogHeadBytes = head,
            LogTailBytes = tail,
            QueueMessages = messages,
            QueueBytes = bytes,
            Workers = header.Workers,
            WorkersLeast = header.WorkersLeast,
            WorkersMost = header.WorkersMost,
            Pid = Environment.ProcessId,
            Stopping = header.Stopping,
        };
    }

    /// <summary>
    /// When the host's clock is put to another time, when the server began is put with it: how long it runs stays what it is. A board without a
    /// battery starts in 1970, and its servers with it.
    /// </summary>
    private void FollowClock()
    {
        // Both clocks at one moment: of a loaded host, times that were read earlier in the turn are too old.
        long aheadMs = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() - (MonotonicClock.ReadNs() / NsPerMs);
        long stepMs = aheadMs - (_clockAheadMs ?? aheadMs);
        _clockAheadMs = aheadMs;
        if (Math.Abs(stepMs) < ClockStepMsMin)
        {
            return;
        }

        // A rest ends with the border at which it began, so that follows as well.
        Follow(ref rooms.Header.ReadyMs, stepMs);
        Follow(ref rooms.Header.After.ReadyMs, stepMs);
        foreach (var slot in _slots)
        {
            Follow(ref rooms.Worker(slot).ReadyMs, stepMs);
            var after = Scoreboard.After(rooms, slot);
            Follow(ref after.ReadyMs, stepMs);
            Scoreboard.WriteAfter(rooms, slot, after);
        }
    }

    private static void Follow(ref long readyMs, long stepMs) => readyMs += readyMs != 0 ? stepMs : 0;

    private void MeasureMemory(long nowNs)
    {
        if (!measuresMemory)
        {
            return;
        }

        bool isDue = nowNs >= _memoryDueNs;
        bool isMaster = true;
        for (int i = 0; i < _slots.Count; i++)
        {
            ref long memory = ref _memory[_slots[i].Index];
            int pid = _workers[i].Pid;
            memory = pid == 0 ? 0 : isDue || memory == 0 ? ProcessMemory.Read(pid) : memory;
            isMaster &= pid != Environment.ProcessId;
        }

        if (isDue)
        {
            _masterMemory = isMaster ? ProcessMemory.Read(Environment.ProcessId) : 0;
            _memoryDueNs = nowNs + (MemoryRestFactor * (MonotonicClock.ReadNs() - nowNs));
        }
    }
}
