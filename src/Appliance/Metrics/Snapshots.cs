using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Appliance.Metrics;

/// <summary>Where a worker's process is in its life, and whether it does what it is for.</summary>
public enum WorkerState
{
    /// <summary>The slot is not used.</summary>
    None,

    /// <summary>The process has died; the next one starts after a pause.</summary>
    Dead,

    /// <summary>The process does not serve yet.</summary>
    Starting,

    /// <summary>It serves.</summary>
    Serving,

    /// <summary>It is to end and takes no client any more.</summary>
    Ending,

    /// <summary>It is there, but its loop has not turned for so long that it does not serve.</summary>
    Stuck,
}

/// <summary>One worker at one border between two intervals. Fixed layout: it lies in shared memory.</summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
public struct WorkerSnapshot
{
    /// <summary>Size of a snapshot.</summary>
    public const int Bytes = BytesBeforeFigures + WorkerFigures.Bytes;

    /// <summary>Bytes of a snapshot that are no figures.</summary>
    public const int BytesBeforeFigures = 64;

    /// <summary>When it was taken, in nanoseconds of the monotonic clock; 0 for never.</summary>
    [FieldOffset(0)]
    public long AtNs;

    /// <summary>Memory of the process in bytes, what it shares divided by who shares it (PSS).</summary>
    [FieldOffset(8)]
    public long MemoryBytes;

    /// <summary>Connections that wait at its listening sockets.</summary>
    [FieldOffset(16)]
    public long ListenQueue;

    /// <summary>Bytes of its room's log that its slowest client has not got.</summary>
    [FieldOffset(24)]
    public long LagBytes;

    /// <summary>Clients now.</summary>
    [FieldOffset(32)]
    public long Connections;

    /// <summary>Times the slot's process was replaced.</summary>
    [FieldOffset(40)]
    public int Restarts;

    /// <summary>1 when it sends through io_uring, otherwise 0.</summary>
    [FieldOffset(44)]
    public int Uring;

    /// <summary>When the process became ready, in milliseconds since 1970.</summary>
    [FieldOffset(48)]
    public long ReadyMs;

    /// <summary>The process; 0 for none.</summary>
    [FieldOffset(56)]
    public int Pid;

    /// <summary>A <see cref="WorkerState"/>.</summary>
    [FieldOffset(60)]
    public WorkerState State;

    /// <summary>What it has counted, with the time of a turn that was under way up to now.</summary>
    [FieldOffset(BytesBeforeFigures)]
    public WorkerFigures Figures;

    /// <summary>The snapshot as it lies in memory.</summary>
    [UnscopedRef]
    public readonly ReadOnlySpan<byte> AsBytes() => MemoryMarshal.AsBytes(new ReadOnlySpan<WorkerSnapshot>(in this));
}

/// <summary>The server as a whole at one border between two intervals. Fixed layout: it lies in shared memory.</summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
public struct ServerSnapshot
{
    /// <summary>Size of a snapshot.</summary>
    public const int Bytes = 128;

    /// <summary>When it was taken, in nanoseconds of the monotonic clock; 0 for never.</summary>
    [FieldOffset(0)]
    public long AtNs;

    /// <summary>The same in milliseconds since 1970.</summary>
    [FieldOffset(8)]
    public long UnixMs;

    /// <summary>When the daemon became ready, in milliseconds since 1970; 0 while it is not.</summary>
    [FieldOffset(16)]
    public long ReadyMs;

    /// <summary>Memory of the master in bytes (PSS); 0 in a single process.</summary>
    [FieldOffset(24)]
    public long MasterMemoryBytes;

    /// <summary>Rooms there are.</summary>
    [FieldOffset(32)]
    public long Rooms;

    /// <summary>Positions behind the newest byte, of all rooms together.</summary>
    [FieldOffset(40)]
    public long LogHeadBytes;

    /// <summary>Positions of the oldest byte, of all rooms together.</summary>
    [FieldOffset(48)]
    public long LogTailBytes;

    /// <summary>Messages in the command queue.</summary>
    [FieldOffset(56)]
    public long QueueMessages;

    /// <summary>Bytes in the command queue.</summary>
    [FieldOffset(64)]
    public long QueueBytes;

    /// <summary>Workers asked for now.</summary>
    [FieldOffset(72)]
    public int Workers;

    /// <summary>The least there may be.</summary>
    [FieldOffset(76)]
    public int WorkersLeast;

    /// <summary>The most there may be.</summary>
    [FieldOffset(80)]
    public int WorkersMost;

    /// <summary>The master's process, or the single one.</summary>
    [FieldOffset(84)]
    public int Pid;

    /// <summary>1 once the server stops.</summary>
    [FieldOffset(88)]
    public int Stopping;
}
