using System.Runtime.InteropServices;
using Appliance.Metrics;

namespace Appliance.Rooms;

/// <summary>
/// One worker: whether it sleeps, and its scoreboard, which survives it. Behind this lie its figures up to the end of the last turn, by the
/// worker, and by the sampler what it was at the two borders of the last whole interval: see <see cref="Scoreboard"/>. What a worker
/// writes and its master writes are told apart in the comments; nothing has two writers.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
public struct WorkerHeader
{
    /// <summary>Size of a header.</summary>
    public const int Bytes = 128;

    /// <summary>1 while the worker waits in epoll, and so must be woken by its eventfd.</summary>
    [FieldOffset(0)]
    public int Sleeping;

    /// <summary>Since when a room has got something that the worker has not looked at, in monotonic nanoseconds; 0 for nothing.</summary>
    [FieldOffset(8)]
    public long MarkedNs;

    /// <summary>
    /// When its loop was woken first, of those times since it last turned when it should have; in monotonic nanoseconds. By the sampler; zero in a
    /// segment of an older server.
    /// </summary>
    [FieldOffset(16)]
    public long WokenNs;

    /// <summary>Its process; 0 for none. By the worker.</summary>
    [FieldOffset(64)]
    public int Pid;

    /// <summary>Clients now. By the worker.</summary>
    [FieldOffset(68)]
    public int Connections;

    /// <summary>When the process became ready, in milliseconds since 1970. By the worker.</summary>
    [FieldOffset(72)]
    public long ReadyMs;

    /// <summary>When its loop last ended a turn, in monotonic nanoseconds; an idle loop turns when it is woken. By the worker.</summary>
    [FieldOffset(80)]
    public long TurnedNs;

    /// <summary>When the turn that is under way began, in monotonic nanoseconds; 0 while it waits. By the worker.</summary>
    [FieldOffset(88)]
    public long TurnBeganNs;

    /// <summary>Bytes that its slowest client has not got, at most two seconds old. By the worker.</summary>
    [FieldOffset(96)]
    public long LagBytes;

    /// <summary>Odd while the figures are being written, and another number afterwards. By the worker.</summary>
    [FieldOffset(104)]
    public uint Sequence;

    /// <summary>Zero: a later release may say here what an older one must not pass over.</summary>
    [FieldOffset(108)]
    public uint Reserved;

    /// <summary>Times the slot's process was replaced. By the master.</summary>
    [FieldOffset(112)]
    public int Restarts;

    /// <summary>What the slot's process is for its master; never <see cref="WorkerState.Stuck"/>. By the master.</summary>
    [FieldOffset(116)]
    public WorkerState State;

    /// <summary>1 when it sends through io_uring, otherwise 0. By the worker.</summary>
    [FieldOffset(120)]
    public int Uring;

    /// <summary>1 while it refuses clients because it has no descriptor for them. By the worker; zero of an older server.</summary>
    [FieldOffset(124)]
    public int LacksDescriptors;
}
