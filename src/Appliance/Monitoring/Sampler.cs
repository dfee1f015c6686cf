using Appliance.Ipc;
using Appliance.Loop;
using Appliance.Metrics;

namespace Appliance.Monitoring;

/// <summary>What the sampler asks about a server beyond its shared memory; called from the sampler's thread.</summary>
/// <param name="ListenQueue">How many connections wait at the listening sockets of a slot.</param>
/// <param name="Wake">Has the loop of a slot turn.</param>
/// <param name="CommandQueue">Messages and bytes in the command queue.</param>
public sealed record MonitoredServer(Func<int, long> ListenQueue, Action<int> Wake, Func<(long Messages, long Bytes)> CommandQueue);

/// <summary>
/// Takes a border between two intervals once a second, and keeps the last two in shared memory: so whoever has that, or asks the
/// monitoring port, gets the same figures of the same interval.
/// </summary>
public sealed class Sampler(RoomLog rooms, MonitoredServer server, bool measuresMemory)
{
    /// <summary>A loop that has not turned for so long is woken: if it turns, it is well.</summary>
    private const long WakeAfterNs = 1_500_000_000;

    /// <summary>Memory is read at most a twentieth of the time: of large servers it takes the kernel a while to add up.</summary>
    private const int MemoryRestFactor = 20;

    private readonly List<int> _slots = [];
    private readonly WorkerSnapshot[] _workers = new WorkerSnapshot[RoomLogLayout.WorkerSlots];
    private readonly long[] _memory = new long[RoomLogLayout.WorkerSlots];
    private long _masterMemory;
    private long _memoryDueNs;

    /// <summary>Ends an interval and begins the next. Nothing is allocated once every worker has been seen: a single process has clients.</summary>
    public void Take(long unixMs)
    {
        long nowNs = LoopClock.ReadNs();
        FindSlots(rooms, _slots);
        for (int i = 0; i < _slots.Count; i++)
        {
            int slot = _slots[i];
            ref var header = ref rooms.Worker(slot);
            _workers[i] = Scoreboard.Read(ref header);
            _workers[i].State = Sample.Judge(_workers[i].State, header.TurnedNs, nowNs);
            if (_workers[i].State is WorkerState.Serving or WorkerState.Stuck && nowNs - header.TurnedNs > WakeAfterNs)
            {
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
            int slot = _slots[i];
            bool isOurs = slot / RoomLogLayout.WorkersMax == rooms.Header.FirstSlot / RoomLogLayout.WorkersMax;
            rooms.Worker(slot).After = _workers[i] with { MemoryBytes = _memory[slot], ListenQueue = isOurs ? server.ListenQueue(slot) : 0 };
        }

        Scoreboard.EndBorder(rooms);
    }

    /// <summary>The figures of the last whole interval, from shared memory; for people with counts and states as they are now.</summary>
    public static Sample Read(RoomLog rooms, BuildInfo build, bool asOfNow = false)
    {
        ServerSnapshot before = default;
        ServerSnapshot after = default;
        List<SlotInterval> slots = [];
        Scoreboard.ReadInterval(rooms, () =>
        {
            (before, after) = (rooms.Header.Before, rooms.Header.After);
            slots = Slots(rooms).ConvertAll(slot => new SlotInterval(slot % RoomLogLayout.WorkersMax, rooms.Worker(slot).Before, rooms.Worker(slot).After));
        });
        return asOfNow ? new Sample(build, before, Now(rooms, after), Slots(rooms).ConvertAll(slot => Now(rooms, slot)))
            : new Sample(build, before, after, slots);
    }

    private static ServerSnapshot Now(RoomLog rooms, ServerSnapshot after)
    {
        (after.Workers, after.ReadyMs, after.Stopping) = (rooms.Header.Workers, rooms.Header.ReadyMs, rooms.Header.Stopping);
        (after.WorkersLeast, after.WorkersMost, after.Rooms) = (rooms.Header.WorkersLeast, rooms.Header.WorkersMost, rooms.RoomCount());
        return after;
    }

    /// <summary>A border that is written meanwhile moves a rate by an interval, for one look.</summary>
    private static SlotInterval Now(RoomLog rooms, int slot)
    {
        ref var header = ref rooms.Worker(slot);
        var interval = new SlotInterval(slot % RoomLogLayout.WorkersMax, header.Before, header.After);
        var now = Scoreboard.Read(ref header);
        now.State = Sample.Judge(now.State, header.TurnedNs, now.AtNs);
        return interval with { Now = now with { MemoryBytes = interval.After.MemoryBytes, ListenQueue = interval.After.ListenQueue } };
    }

    private static List<int> Slots(RoomLog rooms)
    {
        List<int> slots = [];
        FindSlots(rooms, slots);
        return slots;
    }

    private static void FindSlots(RoomLog rooms, List<int> slots)
    {
        slots.Clear();
        for (int slot = 0; slot < RoomLogLayout.WorkerSlots; slot++)
        {
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
            ref long memory = ref _memory[_slots[i]];
            int pid = _workers[i].Pid;
            memory = pid == 0 ? 0 : isDue || memory == 0 ? ProcessMemory.Read(pid) : memory;
            isMaster &= pid != Environment.ProcessId;
        }

        if (isDue)
        {
            _masterMemory = isMaster ? ProcessMemory.Read(Environment.ProcessId) : 0;
            _memoryDueNs = nowNs + (MemoryRestFactor * (LoopClock.ReadNs() - nowNs));
        }
    }
}
