using System.Diagnostics;
using Appliance.Metrics;

namespace Appliance.Ipc;

/// <summary>
/// How figures get from workers to whoever samples them, and from there to whoever asks, without a lock: who writes makes a number odd
/// before and even after; who reads tries again when it was odd or has changed. A writer may die in between, so a reader tries only so
/// often and then takes what is there.
/// </summary>
public static unsafe class Scoreboard
{
    private const int TriesMax = 1000;
    private const int WordBits = 64;

    /// <summary>A process takes a worker's slot over; returns what its predecessors have counted, to go on from.</summary>
    public static WorkerFigures Begin(RoomLog log, int slot, int pid, long unixMs)
    {
        ref var header = ref log.Worker(slot);
        header.Sequence &= ~1u;
        header.ReadyMs = unixMs;
        header.TurnedNs = Stopwatch.GetTimestamp();
        header.Pid = pid;
        _ = Interlocked.Or(ref log.Header.UsedSlots[slot / WordBits], 1UL << (slot % WordBits));
        return header.Figures;
    }

    /// <summary>Says that a worker's turn begins: time counts as busy from here on.</summary>
    public static void BeginTurn(ref WorkerHeader header, long nowNs) => Volatile.Write(ref header.TurnBeganNs, nowNs);

    /// <summary>Publishes what a worker has counted by the end of a turn.</summary>
    public static void EndTurn(ref WorkerHeader header, in WorkerFigures figures, int connections, long lagBytes, long nowNs)
    {
        _ = Interlocked.Increment(ref header.Sequence);
        header.Figures = figures;
        header.Connections = connections;
        header.LagBytes = lagBytes;
        header.TurnedNs = nowNs;
        header.TurnBeganNs = 0;
        Volatile.Write(ref header.Sequence, header.Sequence + 1);
    }

    /// <summary>Whether a slot was ever used since the daemon started: the figures of one that is given up still count.</summary>
    public static bool IsUsed(RoomLog log, int slot) => (Volatile.Read(ref log.Header.UsedSlots[slot / WordBits]) & (1UL << (slot % WordBits))) != 0;

    /// <summary>A worker as it is now; a turn that is under way counts up to now. Memory and listen queue are not known here.</summary>
    public static WorkerSnapshot Read(ref WorkerHeader header)
    {
        WorkerSnapshot snapshot;
        uint sequence;
        int tries = 0;
        do
        {
            sequence = Volatile.Read(ref header.Sequence);
            snapshot = new WorkerSnapshot
            {
                AtNs = Stopwatch.GetTimestamp(),
                LagBytes = header.LagBytes,
                Connections = header.Connections,
                Restarts = header.Restarts,
                Uring = header.Uring,
                ReadyMs = header.ReadyMs,
                Pid = header.Pid,
                State = header.State,
                Figures = header.Figures,
            };
            long began = header.TurnBeganNs;
            snapshot.Figures.BusyNs += began > 0 ? Math.Max(0, snapshot.AtNs - began) : 0;
            Thread.MemoryBarrier();
        }
        while (((sequence & 1) != 0 || sequence != Volatile.Read(ref header.Sequence)) && ++tries < TriesMax);
        return snapshot;
    }

    /// <summary>Begins a border of an interval: what was its end is now the beginning. Only one process does.</summary>
    public static void BeginBorder(RoomLog log)
    {
        // A sampler that died in between has left it odd.
        Volatile.Write(ref log.Header.SampleSequence, log.Header.SampleSequence | 1);
        Thread.MemoryBarrier();
        log.Header.Before = log.Header.After;
        for (int slot = 0; slot < RoomLogLayout.WorkerSlots; slot++)
        {
            if (IsUsed(log, slot))
            {
                log.Worker(slot).Before = log.Worker(slot).After;
            }
        }
    }

    /// <summary>All parts of a border are written.</summary>
    public static void EndBorder(RoomLog log)
    {
        Volatile.Write(ref log.Header.SampleSequence, log.Header.SampleSequence + 1);
    }

    /// <summary>Copies what belongs to the last whole interval, as often as needed to get it in one piece.</summary>
    public static void ReadInterval(RoomLog log, Action copy)
    {
        uint sequence;
        int tries = 0;
        do
        {
            sequence = Volatile.Read(ref log.Header.SampleSequence);
            copy();
            Thread.MemoryBarrier();
        }
        while (((sequence & 1) != 0 || sequence != Volatile.Read(ref log.Header.SampleSequence)) && ++tries < TriesMax);
    }
}
