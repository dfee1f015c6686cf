using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Appliance.Metrics;

/// <summary>
/// What one worker has counted since its slot was first used. All are numbers of 64 bits that only grow, so sets of them can be added
/// and subtracted as a whole; the layout is part of the shared memory's.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
public unsafe struct WorkerFigures
{
    /// <summary>Size of a set.</summary>
    public const int Bytes = 1024;

    /// <summary>As much of it as servers kept whose segment may still be in use.</summary>
    public const int FormerBytes = 512;

    /// <summary>Places kept for each list: more than there are words for.</summary>
    private const int ListMax = 16;

    private const long NsPerUs = 1000;

    /// <summary>Messages handled: chat messages taken, and messages echoed.</summary>
    [FieldOffset(0)]
    public long Requests;

    /// <summary>Nanoseconds of the turns that handled messages.</summary>
    [FieldOffset(8)]
    public long RequestNs;

    /// <summary>Nanoseconds of all turns: what is left of the time was spent waiting.</summary>
    [FieldOffset(16)]
    public long BusyNs;

    /// <summary>Records of logs sent to clients: one message to ten clients counts ten.</summary>
    [FieldOffset(24)]
    public long Deliveries;

    /// <summary>Connections taken.</summary>
    [FieldOffset(32)]
    public long Accepted;

    /// <summary>Handshakes completed.</summary>
    [FieldOffset(40)]
    public long Handshakes;

    /// <summary>Bytes received from clients.</summary>
    [FieldOffset(48)]
    public long ReceivedBytes;

    /// <summary>Bytes handed to the kernel for clients.</summary>
    [FieldOffset(56)]
    public long SentBytes;

    /// <summary>Times the log overtook a client that read too slowly.</summary>
    [FieldOffset(64)]
    public long DroppedSlow;

    /// <summary>Nanoseconds from append to delivery, of all deliveries in <see cref="DeliveryCounts"/> together.</summary>
    [FieldOffset(72)]
    public long DeliveryNs;

    [FieldOffset(80)]
    private fixed long _delivered[ListMax];

    [FieldOffset(80 + (8 * ListMax))]
    private fixed long _rejected[ListMax];

    [FieldOffset(80 + (16 * ListMax))]
    private fixed long _closed[ListMax];

    [FieldOffset(80 + (24 * ListMax))]
    private fixed long _refused[ListMax];

    /// <summary>Handshakes of TLS done.</summary>
    [FieldOffset(80 + (32 * ListMax))]
    public long TlsHandshakes;

    /// <summary>Handshakes of TLS that came to nothing.</summary>
    [FieldOffset(88 + (32 * ListMax))]
    public long TlsFailures;

    [FieldOffset(96 + (32 * ListMax))]
    private fixed long _rejectedMore[ListMax];

    /// <summary>Deliveries by latency: a place for each of <see cref="DeliveryLatency.BoundsUs"/>, and one for all above.</summary>
    [UnscopedRef]
    public Span<long> DeliveryCounts => MemoryMarshal.CreateSpan(ref _delivered[0], DeliveryLatency.BoundsUs.Length + 1);

    /// <summary>Requests rejected, by <see cref="RejectReason"/>.</summary>
    [UnscopedRef]
    public CountList Rejected => new(
        MemoryMarshal.CreateSpan(ref _rejected[0], ListMax),
        MemoryMarshal.CreateSpan(ref _rejectedMore[0], Math.Max(0, RejectReasons.All.Count - ListMax)));

    /// <summary>WebSockets closed, by <see cref="CloseKinds"/>.</summary>
    [UnscopedRef]
    public Span<long> Closed => MemoryMarshal.CreateSpan(ref _closed[0], CloseKinds.All.Count);

    /// <summary>Texts that were no chat message, by <see cref="RefusedMessages"/>.</summary>
    [UnscopedRef]
    public Span<long> Refused => MemoryMarshal.CreateSpan(ref _refused[0], RefusedMessages.All.Count);

    /// <summary>Counts deliveries that were made so long after their append.</summary>
    public void NoteDelivered(long deliveries, long latencyNs)
    {
        latencyNs = Math.Max(0, latencyNs);
        DeliveryNs += deliveries * latencyNs;
        DeliveryCounts[DeliveryLatency.PlaceOf(latencyNs / NsPerUs)] += deliveries;
    }

    /// <summary>Adds another set.</summary>
    public void Add(in WorkerFigures other)
    {
        var numbers = Numbers(ref this);
        var others = Numbers(ref Unsafe.AsRef(in other));
        for (int i = 0; i < numbers.Length; i++)
        {
            numbers[i] += others[i];
        }
    }

    /// <summary>What was counted since an earlier set of the same slot; never less than nothing.</summary>
    public readonly WorkerFigures Since(in WorkerFigures earlier)
    {
        var result = this;
        var numbers = Numbers(ref result);
        var earliers = Numbers(ref Unsafe.AsRef(in earlier));
        for (int i = 0; i < numbers.Length; i++)
        {
            numbers[i] = Math.Max(0, numbers[i] - earliers[i]);
        }

        return result;
    }

    /// <summary>The set as it lies in memory.</summary>
    [UnscopedRef]
    public readonly ReadOnlySpan<byte> AsBytes() => MemoryMarshal.AsBytes(new ReadOnlySpan<WorkerFigures>(in this));

    private static Span<long> Numbers(ref WorkerFigures figures) =>
        MemoryMarshal.CreateSpan(ref Unsafe.As<WorkerFigures, long>(ref figures), Bytes / sizeof(long));
}

/// <summary>Counts of a list that has grown out of its place: the first ones lie there, the others elsewhere.</summary>
public readonly ref struct CountList(Span<long> first, Span<long> more)
{
    private readonly Span<long> _first = first;
    private readonly Span<long> _more = more;

    /// <summary>A count.</summary>
    public ref long this[int place] => ref place < _first.Length ? ref _first[place] : ref _more[place - _first.Length];

    /// <summary>All of them.</summary>
    public long[] ToArray() => [.. _first, .. _more];
}
