using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Appliance.Loop;
using Appliance.Native;

namespace Appliance.Rooms;

/// <summary>What of an address is counted by the time: each has a place in its entry.</summary>
public enum AddressRate
{
    /// <summary>Handshakes.</summary>
    Handshakes,

    /// <summary>Rooms made.</summary>
    Rooms,

    /// <summary>Messages received.</summary>
    Messages,

    /// <summary>Bytes received.</summary>
    Bytes,
}

/// <summary>What of an address is counted by what there is now, by each worker.</summary>
public enum AddressCount
{
    /// <summary>Connections that have shaken hands.</summary>
    Connections,

    /// <summary>Connections for which more answers wait than they should.</summary>
    Unread,
}

/// <summary>
/// What each address has used of what it may, over all workers: counts of what there is now, and rates. In the segment, so that all workers see the same;
/// without a lock, an allocation, or anything that a killed process leaves wrong for others.
/// <code>
/// 0     AddressTableHead: two keys, then for each worker's slot its epoch
/// 1024  sets of 8 entries, 64 bytes each: a tag (0: free), then seven numbers
/// </code>
/// A tag names a prefix of addresses and a kind of entry by a keyed hash, and also the two sets in which the entry may lie: nobody can aim at a set.
/// <list type="bullet">
/// <item>Each <see cref="AddressCount"/>: a number for each of seven workers' slots, upper half the epoch of the slot, lower half the count. Only
/// the slot's worker writes it. A new epoch of the slot makes what a killed worker left count nothing.</item>
/// <item>Rates: for each <see cref="AddressRate"/> the time until which all that was taken is paid (generic cell rate algorithm), then when a refusal
/// was told last, both in nanoseconds of the shared clock, and how many were not.</item>
/// </list>
/// An entry that counts nothing, or whose times are past, equals a fresh one, so another address may take it. When neither set has one, nothing
/// is limited. Every value may be damage: no loop depends on one.
/// </summary>
public sealed unsafe partial class AddressTable : IDisposable
{
    /// <summary>Of all that is told above.</summary>
    public const uint Version = 1;

    /// <summary>Bytes of an entry: a cache line.</summary>
    public const int EntryBytes = 64;

    /// <summary>Entries of a set.</summary>
    public const int SetEntries = 8;

    private const int HeadBytes = 1024;
    private const int SlotsPerEntry = (EntryBytes / sizeof(long)) - 1;
    private const int ToldPlace = 4;
    private const int UntoldPlace = 5;

    /// <summary>Of a tag, the bits that tell the kind of entry: rates, or a count at the first seven slots, at the next ones and so on.</summary>
    private const long KindMask = 63;

    private const int RatesKind = 1;
    private const int FirstGroupKind = 2;

    /// <summary>Kinds of one <see cref="AddressCount"/>: as many as all slots need, and more.</summary>
    private const int GroupsMost = 30;

    private const int EpochShift = 32;

    /// <summary>The tag of an entry that is being emptied. If its process is killed then, the entry is lost until the server starts anew.</summary>
    private const long Busy = KindMask + 1;

    /// <summary>A race for an entry is lost to somebody else each time; who loses this often is not limited.</summary>
    private const int TriesMax = 8;

    /// <summary>No worker has more connections; above, it is damage.</summary>
    private const long CountMax = 1 << 24;

    /// <summary>No limit reaches further ahead than this; a time that does is damage, or of another clock.</summary>
    private const long AheadNsMax = 30 * 60 * 1_000_000_000L;

    private readonly byte* _base;
    private readonly bool _isOwn;
    private readonly uint _sets;
    private readonly int _slot;
    private readonly uint _epoch;

    private AddressTable(byte* address, long bytes, WorkerSlot slot, bool isOwn)
    {
        _base = address;
        (_slot, _isOwn) = (slot.Index, isOwn);
        _sets = (uint)((bytes - HeadBytes) / (EntryBytes * SetEntries));
        MakeKey(ref Head.Key);
        MakeKey(ref Head.SecondKey);
        _epoch = Volatile.Read(ref EpochOf(_slot));
    }

    /// <summary>How often no entry was left, so that something was not limited.</summary>
    public long Uncounted { get; private set; }

    private ref AddressTableHead Head => ref *(AddressTableHead*)_base;

    /// <summary>
    /// The table of a segment for a worker of a slot; null when a later release has laid it out. A segment of an older server has no place for
    /// it: then this worker counts alone, in memory of its own.
    /// </summary>
    public static AddressTable? Open(RoomLog log, WorkerSlot slot)
    {
        long bytes = SegmentArea.BytesOf(SegmentAreaKind.Addresses);
        if (!log.Layout.HasDetails)
        {
            return InMemory(bytes, slot);
        }

        ref var area = ref log.Header.AreaOf(SegmentAreaKind.Addresses);
        if (Interlocked.CompareExchange(ref area.Version, Version, 0) is not (0 or Version))
        {
            return null;
        }

        (area.EntryBytes, area.Entries) = (EntryBytes, (uint)(bytes / EntryBytes));
        return new AddressTable(log.Address + log.Layout.AreaOffset(SegmentAreaKind.Addresses), bytes, slot, isOwn: false);
    }

    /// <summary>A table that no other process sees.</summary>
    internal static AddressTable InMemory(long bytes, WorkerSlot slot) => new((byte*)NativeMemory.AllocZeroed((nuint)bytes), bytes, slot, isOwn: true);

    /// <summary>Another worker's side of the same table.</summary>
    internal AddressTable SideOf(WorkerSlot slot) => new(_base, HeadBytes + ((long)_sets * EntryBytes * SetEntries), slot, isOwn: false);

    /// <summary>What the former process of a worker's slot held counts nothing any more.</summary>
    internal static void ResetSlot(RoomLog log, WorkerSlot slot)
    {
        if (IsThere(log))
        {
            _ = Interlocked.Increment(ref Epochs(log.Address + log.Layout.AreaOffset(SegmentAreaKind.Addresses))[slot.Index]);
        }
    }

    /// <summary>Forgets everything, and gives the memory back. No other process uses it.</summary>
    internal static void Clear(RoomLog log)
    {
        if (IsThere(log))
        {
            byte* address = log.Address + log.Layout.AreaOffset(SegmentAreaKind.Addresses);
            nuint bytes = (nuint)SegmentArea.BytesOf(SegmentAreaKind.Addresses);
            if (!Syscall.Discard(address, bytes).Ok)
            {
                NativeMemory.Clear(address, bytes);
            }

            log.Header.AreaOf(SegmentAreaKind.Addresses) = default;
        }
    }

    /// <summary>A count of an address at all workers whose slots have been used up to one.</summary>
    /// <param name="prefix">The address.</param>
    /// <param name="count">Which count.</param>
    /// <param name="slots">How many slots may be in use, from the first one on.</param>
    public long Sum(AddressPrefix prefix, AddressCount count, int slots)
    {
        long sum = 0;
        for (int first = 0; first < slots; first += SlotsPerEntry)
        {
            ulong tag = TagOf(prefix, KindOf(count, first));
            for (int i = 0; i < 2 * SetEntries; i++)
            {
                // Two workers that make an entry at the same time may make two.
                long* entry = EntryAt(tag, i);
                sum += (ulong)Volatile.Read(ref entry[0]) == tag ? CountOf(entry, first) : 0;
            }
        }

        return sum;
    }

    /// <summary>Counts a connection of this worker in; false when there is no entry left.</summary>
    /// <param name="prefix">The address.</param>
    /// <param name="count">Which count.</param>
    /// <param name="nowNs">The shared clock, in nanoseconds.</param>
    public bool TryAdd(AddressPrefix prefix, AddressCount count, long nowNs)
    {
        int first = _slot / SlotsPerEntry * SlotsPerEntry;
        ulong tag = TagOf(prefix, KindOf(count, first));
        for (int tries = 0; tries < TriesMax; tries++)
        {
            long* entry = FindOwn(tag);
            if (entry == null && (entry = Take(tag, nowNs)) == null)
            {
                break;
            }

            // Whoever takes an entry looks at its counts again afterwards: one of the two sees the other.
            ref long word = ref entry[1 + _slot - first];
            long former = Volatile.Read(ref word);
            long own = OwnCount(former);
            bool written = TryWrite(ref word, former, own + 1);
            if (written && (ulong)Volatile.Read(ref entry[0]) == tag)
            {
                return true;
            }

            _ = written && TryWrite(ref word, WordOf(own + 1), own);
        }

        Uncounted++;
        return false;
    }

    /// <summary>Counts a connection of this worker out that was counted in.</summary>
    public void Remove(AddressPrefix prefix, AddressCount count)
    {
        int first = _slot / SlotsPerEntry * SlotsPerEntry;
        long* entry = FindOwn(TagOf(prefix, KindOf(count, first)));
        if (entry != null)
        {
            ref long word = ref entry[1 + _slot - first];
            long former = Volatile.Read(ref word);
            _ = TryWrite(ref word, former, Math.Max(0, OwnCount(former) - 1));
        }
    }

    /// <summary>Takes something of a rate, unless that would be too much; what cannot be counted is allowed.</summary>
    /// <param name="prefix">The address.</param>
    /// <param name="rate">Which rate.</param>
    /// <param name="costNs">How long the allowed rate takes for it, in nanoseconds.</param>
    /// <param name="burstNs">How far ahead of that rate an address may be, in nanoseconds.</param>
    /// <param name="nowNs">The shared clock, in nanoseconds.</param>
    public bool TryTake(AddressPrefix prefix, AddressRate rate, long costNs, long burstNs, long nowNs)
    {
        long* entry = RatesOf(prefix, nowNs);
        return entry == null || TryPay(ref entry[1 + (int)rate], costNs, burstNs, nowNs);
    }

    /// <summary>Takes a message and its bytes, unless either would be too much; what cannot be counted is allowed.</summary>
    /// <param name="prefix">The address.</param>
    /// <param name="messageNs">How long the allowed rate takes for a message, in nanoseconds; 0 where there is no limit.</param>
    /// <param name="bytesNs">The same for its bytes.</param>
    /// <param name="burstNs">How far ahead of those rates an address may be, in nanoseconds.</param>
    /// <param name="nowNs">The shared clock, in nanoseconds.</param>
    public bool TryTakeMessage(AddressPrefix prefix, long messageNs, long bytesNs, long burstNs, long nowNs)
    {
        long* entry = RatesOf(prefix, nowNs);
        return entry == null || ((messageNs == 0 || TryPay(ref entry[1 + (int)AddressRate.Messages], messageNs, burstNs, nowNs))
            && (bytesNs == 0 || TryPay(ref entry[1 + (int)AddressRate.Bytes], bytesNs, burstNs, nowNs)));
    }

    /// <summary>Whether a refusal of an address is to be told: once in so many microseconds over all workers. Otherwise it is counted.</summary>
    /// <param name="prefix">The address.</param>
    /// <param name="everyNs">How often at most, in nanoseconds.</param>
    /// <param name="nowNs">The shared clock, in nanoseconds.</param>
    /// <param name="untold">How many were not told since the last one that was.</param>
    public bool MayTell(AddressPrefix prefix, long everyNs, long nowNs, out long untold)
    {
        untold = 0;
        long* entry = RatesOf(prefix, nowNs);
        if (entry == null)
        {
            return true;
        }

        ref long told = ref entry[1 + ToldPlace];
        long former = Volatile.Read(ref told);
        if (IsAhead(former, nowNs) || Interlocked.CompareExchange(ref told, nowNs + everyNs, former) != former)
        {
            _ = Interlocked.Increment(ref entry[1 + UntoldPlace]);
            return false;
        }

        untold = Math.Max(0, Interlocked.Exchange(ref entry[1 + UntoldPlace], 0));
        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_isOwn)
        {
            NativeMemory.Free(_base);
        }
    }

    private static bool IsThere(RoomLog log) =>
        log.Layout.HasDetails && Volatile.Read(ref log.Header.AreaOf(SegmentAreaKind.Addresses).Version) == Version;

    private static bool IsAhead(long time, long nowNs) => time > nowNs && time <= nowNs + AheadNsMax;

    private static Span<uint> Epochs(byte* address) => ((AddressTableHead*)address)->Epochs;

    private static void MakeKey(ref ulong key)
    {
        if (Volatile.Read(ref key) == 0)
        {
            Span<byte> random = stackalloc byte[sizeof(ulong)];
            Syscall.FillRandom(random);
            _ = Interlocked.CompareExchange(ref key, BitConverter.ToUInt64(random) | 1, 0);
        }
    }

    private ref uint EpochOf(int slot) => ref Epochs(_base)[slot];
}

/// <summary>What a table of addresses begins with.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct AddressTableHead
{
    /// <summary>Random; 0 until the table is first used.</summary>
    public ulong Key;

    /// <summary>As <see cref="Key"/>.</summary>
    public ulong SecondKey;

    private fixed uint _epochs[RoomLogLayout.WorkerSlots];

    /// <summary>How often the process of each worker's slot has begun anew.</summary>
    [UnscopedRef]
    public Span<uint> Epochs => MemoryMarshal.CreateSpan(ref _epochs[0], RoomLogLayout.WorkerSlots);
}
