using Appliance.Loop;
using Appliance.Metrics;
using Appliance.Native;

namespace Appliance.Rooms;

/// <summary>
/// Passes figures from workers to the sampler, and from there to readers, without a lock: a writer makes a number odd before and even after
/// its write; a reader tries again if the number was odd or has changed. A writer may die in between, so a reader tries a limited number of
/// times, yields to an interrupted writer, and finally takes the figures as they are.
/// </summary>
public static unsafe class Scoreboard
{
    /// <summary>How often a reader yields, for all the figures that it reads together: in damaged memory every slot seems to be written to.</summary>
    public const int YieldsMax = 900;

    private const int TriesBeforeYield = 100;
    private const int WordBits = 64;

    /// <summary>A process takes a worker's slot over; returns what its predecessors have counted, to go on from.</summary>
    public static WorkerFigures Begin(RoomLog log, WorkerSlot slot, int pid, long unixMs)
    {
        ref var header = ref log.Worker(slot);
        header.Sequence &= ~1u;
        header.ReadyMs = unixMs;
        header.LacksDescriptors = 0;
        header.TurnedNs = MonotonicClock.ReadNs();
        header.Pid = pid;
        _ = Interlocked.Or(ref log.Header.UsedSlots[slot.Index / WordBits], 1UL << (slot.Index % WordBits));
        return Figures(log, slot);
    }

    /// <summary>Says that a worker's turn begins: time counts as busy from here on. True when the sampler rests and is to be woken.</summary>
    public static bool BeginTurn(RoomLog log, WorkerSlot slot, long nowNs)
    {
        // Pairs with the barrier in TryRest: either we see that it rests, or it sees the turn.
        _ = Interlocked.Exchange(ref log.Worker(slot).TurnBeganNs, nowNs);
        return Volatile.Read(ref log.Header.SamplerRests) != 0;
    }

    /// <summary>Holds that a slot is this process's: two that take themselves for one worker would count and wake for each other.</summary>
    public static void HoldOwner(RoomLog log, WorkerSlot slot)
    {
        int owner = log.Worker(slot).Pid;
        Invariant.Hold(
            owner == Environment.ProcessId, "slot against process", "slot {0} is that of process {1}, this one is {2}",
            slot.Index, owner, Environment.ProcessId);
    }

    /// <summary>Publishes what a worker has counted by the end of a turn.</summary>
    public static void EndTurn(RoomLog log, WorkerSlot slot, in WorkerFigures figures, int connections, long lagBytes, long nowNs)
    {
        ref var header = ref log.Worker(slot);
        uint sequence = Interlocked.Increment(ref header.Sequence);
        Invariant.Hold((sequence & 1) != 0, "figures against their writer", "slot {0}, sequence {1}: another one writes them", slot.Index, sequence);
        figures.AsBytes()[..log.Layout.FiguresBytes].CopyTo(FiguresOf(log, slot));
        header.Connections = connections;
        header.LagBytes = lagBytes;
        header.TurnedNs = nowNs;
        header.TurnBeganNs = 0;
        Volatile.Write(ref header.Sequence, header.Sequence + 1);
    }

    /// <summary>Ends the turn in which a worker has died: its time was told as busy, and a counter does not go back.</summary>
    public static void EndBrokenTurn(RoomLog log, WorkerSlot slot)
    {
        ref var header = ref log.Worker(slot);
        if (header.TurnBeganNs == 0)
        {
            return;
        }

        Volatile.Write(ref header.Sequence, header.Sequence | 1);
        Thread.MemoryBarrier();
        var figures = Figures(log, slot);
        figures.BusyNs += Math.Max(0, MonotonicClock.ReadNs() - header.TurnBeganNs);
        figures.AsBytes()[..log.Layout.FiguresBytes].CopyTo(FiguresOf(log, slot));
        header.TurnBeganNs = 0;
        Volatile.Write(ref header.Sequence, header.Sequence + 1);
    }

    /// <summary>Whether a slot was ever used since the daemon started: the figures of one that is given up still count.</summary>
    public static bool IsUsed(RoomLog log, WorkerSlot slot) =>
        (Volatile.Read(ref log.Header.UsedSlots[slot.Index / WordBits]) & (1UL << (slot.Index % WordBits))) != 0;

    /// <summary>A worker as it is now; a turn that is under way counts up to now. Memory and listen queue are not known here.</summary>
    public static WorkerSnapshot Read(RoomLog log, WorkerSlot slot)
    {
        int yields = YieldsMax;
        return Read(log, slot, ref yields);
    }

    /// <summary>The same, of many workers one after the other: they share <see cref="YieldsMax"/>.</summary>
    public static WorkerSnapshot Read(RoomLog log, WorkerSlot slot, ref int yields)
    {
        ref var header = ref log.Worker(slot);
        WorkerSnapshot snapshot;
        uint sequence;
        int tries = 0;
        do
        {
            sequence = Volatile.Read(ref header.Sequence);
            snapshot = new WorkerSnapshot
            {
                AtNs = MonotonicClock.ReadNs(),
                LagBytes = header.LagBytes,
                Connections = header.Connections,
                Restarts = header.Restarts,
                Uring = header.Uring,
                ReadyMs = header.ReadyMs,
                Pid = header.Pid,
                State = header.State,
                Figures = Figures(log, slot),
            };
            long began = header.TurnBeganNs;
            snapshot.Figures.BusyNs += began > 0 ? Math.Max(0, snapshot.AtNs - began) : 0;
            Thread.MemoryBarrier();
        }
        while (((sequence & 1) != 0 || sequence != Volatile.Read(ref header.Sequence)) && TriesAgain(ref tries, ref yields));
        return snapshot;
    }

    /// <summary>Begins a border of an interval: what was its end is now the beginning. Only one process does.</summary>
    public static void BeginBorder(RoomLog log)
    {
        // A sampler that died in between has left it odd.
        Volatile.Write(ref log.Header.SampleSequence, log.Header.SampleSequence | 1);
        Thread.MemoryBarrier();
        log.Header.Before = log.Header.After;
        for (int index = 0; index < RoomLogLayout.WorkerSlots; index++)
        {
            var slot = new WorkerSlot(index);
            if (IsUsed(log, slot))
            {
                Border(log, slot, after: true).CopyTo(Border(log, slot, after: false));
            }
        }
    }

    /// <summary>All parts of a border are written.</summary>
    public static void EndBorder(RoomLog log)
    {
        Volatile.Write(ref log.Header.SampleSequence, log.Header.SampleSequence + 1);
    }

    /// <summary>
    /// Stops the sampler of a single process if nothing has happened since its last border: all missing samples would be identical. A client
    /// that lags keeps it running, because only a turn measures the lag.
    /// </summary>
    public static bool TryRest(RoomLog log, WorkerSlot slot)
    {
        if (!IsQuiet(log, slot))
        {
            return false;
        }

        _ = Interlocked.Exchange(ref log.Header.SamplerRests, 1);
        bool rests = IsQuiet(log, slot);
        Volatile.Write(ref log.Header.SamplerRests, rests ? 1 : 0);
        return rests;

        static bool IsQuiet(RoomLog log, WorkerSlot slot)
        {
            ref var worker = ref log.Worker(slot);
            return Volatile.Read(ref worker.TurnBeganNs) == 0 && Volatile.Read(ref worker.TurnedNs) < After(log, slot).AtNs && worker.LagBytes == 0;
        }
    }

    /// <summary>Ends a rest with a border that says that nothing has happened up to now: whatever has woken the sampler is of the next interval.</summary>
    public static void Resume(RoomLog log, WorkerSlot slot, in ServerSnapshot whole)
    {
        BeginBorder(log);
        log.Header.After = whole;
        log.Header.ResumedNs = whole.AtNs;
        WriteAfter(log, slot, After(log, slot) with { AtNs = whole.AtNs });
        Volatile.Write(ref log.Header.SamplerRests, 0);
        EndBorder(log);
    }

    /// <summary>Copies what belongs to the last whole interval, as often as needed to get it in one piece.</summary>
    public static void ReadInterval(RoomLog log, Action copy)
    {
        uint sequence;
        int tries = 0;
        int yields = YieldsMax;
        do
        {
            sequence = Volatile.Read(ref log.Header.SampleSequence);
            copy();
            Thread.MemoryBarrier();
        }
        while (((sequence & 1) != 0 || sequence != Volatile.Read(ref log.Header.SampleSequence)) && TriesAgain(ref tries, ref yields));
    }

    /// <summary>A worker at the border at which the last whole interval began.</summary>
    public static WorkerSnapshot Before(RoomLog log, WorkerSlot slot) => Load(Border(log, slot, after: false));

    /// <summary>A worker at the border at which it ended.</summary>
    public static WorkerSnapshot After(RoomLog log, WorkerSlot slot) => Load(Border(log, slot, after: true));

    /// <summary>Writes a worker's part of a border.</summary>
    public static void WriteAfter(RoomLog log, WorkerSlot slot, in WorkerSnapshot after)
    {
        var border = Border(log, slot, after: true);
        after.AsBytes()[..border.Length].CopyTo(border);
    }

    /// <summary>A worker's figures up to the end of its last turn. What its segment has no place for is zero.</summary>
    public static WorkerFigures Figures(RoomLog log, WorkerSlot slot)
    {
        WorkerFigures figures = default;
        FiguresOf(log, slot).CopyTo(new Span<byte>(&figures, WorkerFigures.Bytes));
        return figures;
    }

    private static WorkerSnapshot Load(ReadOnlySpan<byte> border)
    {
        WorkerSnapshot snapshot = default;
        border.CopyTo(new Span<byte>(&snapshot, WorkerSnapshot.Bytes));
        return snapshot;
    }

    private static Span<byte> FiguresOf(RoomLog log, WorkerSlot slot) => new(log.WorkerAt(slot) + WorkerHeader.Bytes, log.Layout.FiguresBytes);

    private static Span<byte> Border(RoomLog log, WorkerSlot slot, bool after)
    {
        int bytes = WorkerSnapshot.BytesBeforeFigures + log.Layout.FiguresBytes;
        return new Span<byte>(log.WorkerAt(slot) + WorkerHeader.Bytes + log.Layout.FiguresBytes + (after ? bytes : 0), bytes);
    }

    private static bool TriesAgain(ref int tries, ref int yields)
    {
        if (++tries <= TriesBeforeYield)
        {
            return true;
        }

        if (yields == 0)
        {
            return false;
        }

        yields--;
        _ = Thread.Yield();
        return true;
    }
}
