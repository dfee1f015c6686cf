using Appliance.Loop;
using Appliance.Native;

namespace Appliance.Rooms;

/// <summary>What became of asking for a room.</summary>
public enum RoomOpening
{
    /// <summary>It was there.</summary>
    Found,

    /// <summary>It was made.</summary>
    Created,

    /// <summary>All rooms are taken and none of them can be given up.</summary>
    TooMany,

    /// <summary>All rooms together take as much memory as they may, and none of them can be given up.</summary>
    NoMemory,
}

/// <summary>
/// All rooms of one daemon in one System V segment that outlives its processes. A slot's number stands for its room; the directory
/// has a lock of its own, each room another.
/// </summary>
public sealed unsafe partial class RoomLog
{
    /// <summary>The least number of sixteen digits, for a host whose clock has no battery and starts in 1970.</summary>
    private const long IdMin = 1_000_000_000_000_000;

    /// <summary>
    /// Where ids begin at most, that of March 2255: up to 2^53, from which on a JavaScript number is not exact, it leaves more than seven
    /// million million, enough for 20,000 messages a second for eleven years.
    /// </summary>
    private const long StartIdMax = 9_000_000_000_000_000;

    /// <summary>An id that a room goes on with although its memory is lost lies below this, half of the way to 2^53; what is above is damage.</summary>
    private const long KeptIdMax = StartIdMax + (((1L << 53) - StartIdMax) / 2);

    private readonly byte* _base;

    internal RoomLog(byte* address, RoomLogLayout layout)
    {
        _base = address;
        Layout = layout;
        _spares = new RoomSpares(this);
    }

    /// <summary>What lies where.</summary>
    public RoomLogLayout Layout { get; }

    /// <summary>Where it is attached.</summary>
    internal byte* Address => _base;

    /// <summary>The first page.</summary>
    public ref SegmentHeader Header => ref *(SegmentHeader*)_base;

    /// <summary>Slot of the first worker of the master that serves.</summary>
    public WorkerSlot FirstSlot => new(Header.FirstSlot);

    private Span<ulong> Directory => new(_base + Layout.DirectoryOffset, Layout.Rooms);

    /// <summary>While it is held no slot becomes another room's.</summary>
    internal SharedLock DirectoryLock => new(((SegmentHeader*)_base)->Lock);

    /// <summary>The first id of a room that begins at a time, in milliseconds since 1970: microseconds, of 16 digits whatever the clock says.</summary>
    public static long StartId(long unixMs) => Math.Clamp(unixMs, IdMin / 1000, StartIdMax / 1000) * 1000;

    /// <summary>The log of the room in a slot.</summary>
    public RoomRing Ring(int slot) => new((SegmentHeader*)_base, HeaderOf(slot), Layout, slot);

    /// <summary>What everybody may know of a worker.</summary>
    public ref WorkerHeader Worker(WorkerSlot worker) => ref *(WorkerHeader*)WorkerAt(worker);

    /// <summary>Where what belongs to a worker's slot begins: its header, behind it its figures.</summary>
    internal byte* WorkerAt(WorkerSlot worker) => _base + Layout.WorkersOffset + ((long)worker.Index * Layout.WorkerStride);

    /// <summary>How far a follower is in the room of a slot; the journal's mark lies in the room's header.</summary>
    public ref FollowerMark MarkOf(int slot, int follower) =>
        ref ((FollowerMark*)(_base + Layout.FollowersOffset))[(slot * RoomLogLayout.FollowersMax) + follower];

    /// <summary>Forgets what the former process of a worker's slot has left: it has no client and has been told nothing.</summary>
    public void ResetWorker(WorkerSlot worker)
    {
        DirtyBits(worker).Clear();
        AddressTable.ResetSlot(this, worker);
        ref var header = ref Worker(worker);
        Scoreboard.EndBrokenTurn(this, worker);
        (header.Sleeping, header.MarkedNs) = (0, 0);
        (header.Pid, header.Connections, header.LagBytes) = (0, 0, 0);
        for (int slot = 0; slot < Layout.Rooms; slot++)
        {
            if (Directory[slot] != 0)
            {
                HeaderOf(slot)->Members[worker.Index] = 0;
            }
        }
    }

    /// <summary>Forgets all workers of a former daemon, figures too, and its followers.</summary>
    internal void ResetWorkers()
    {
        byte* workers = _base + Layout.WorkersOffset;
        int bytes = checked((int)(Layout.DirectoryOffset - Layout.WorkersOffset));
        if (!Syscall.Discard(workers, (nuint)bytes).Ok)
        {
            new Span<byte>(workers, bytes).Clear();
        }

        AddressTable.Clear(this);
        (Header.UsedSlots[0], Header.UsedSlots[1]) = (0, 0);
        (Header.Before, Header.After, Header.Stopping) = (default, default, 0);
        (Header.SamplerRests, Header.ResumedNs) = (0, 0);
        (Header.NoSpareUntilMs, Header.MemoryIsShort, Header.WorkerTimeoutSeconds) = (0, 0, 0);
        (Header.Journal, Header.JournalError, Header.JournalMissed, Header.Followers) = (JournalState.None, Errno.None, 0, 0);
    }

    /// <summary>Name of the room in a slot; empty when the slot is free.</summary>
    public ReadOnlySpan<byte> NameOf(int slot) =>
        Directory[slot] == 0 ? default : new ReadOnlySpan<byte>(HeaderOf(slot)->Name, Math.Clamp(HeaderOf(slot)->NameBytes, 0, RoomHeader.NameBytesMax));

    internal RoomHeader* HeaderOf(int slot) => (RoomHeader*)(_base + Layout.HeadersOffset) + slot;

    /// <summary>Empties a slot and gives its memory back.</summary>
    internal void Release(int slot)
    {
        Directory[slot] = 0;
        HeaderOf(slot)->Freed = 0;
        foreach (ref readonly var piece in Layout.Pieces)
        {
            _ = Syscall.Discard(_base + piece.OffsetOf(slot), (nuint)piece.Stride);
            _ = piece.Details == 0 ? default : Syscall.Discard(_base + piece.DetailsOf(slot), (nuint)piece.DetailsStride);
        }
    }

    /// <summary>Takes over the rooms of a log of other sizes: if there is not place for all, the lobby and those that were used last.</summary>
    internal void CopyFrom(RoomLog other, long unixMs)
    {
        (Header.Erasures, Header.JournalErasures) = (other.Header.Erasures, other.Header.JournalErasures);
        List<int> slots = [];
        for (int slot = 0; slot < other.Layout.Rooms; slot++)
        {
            if (other.HashAt(slot) != 0)
            {
                slots.Add(slot);
            }
        }

        if (slots.Count > Layout.Rooms)
        {
            // The lobby stays, and those that were used last.
            slots.Sort((one, two) => UsedMs(one) != UsedMs(two) ? UsedMs(two).CompareTo(UsedMs(one)) : one.CompareTo(two));
            slots.RemoveRange(Layout.Rooms, slots.Count - Layout.Rooms);
            slots.Sort();
        }

        for (int free = 0; free < slots.Count; free++)
        {
            int slot = slots[free];
            Create(free, other.NameOf(slot), other.HashAt(slot), unixMs);
            HeaderOf(free)->UsedMs = other.HeaderOf(slot)->UsedMs;
            Ring(free).CopyFrom(other.Ring(slot));
        }

        long UsedMs(int slot) => other.IsLobby(slot) ? long.MaxValue : other.HeaderOf(slot)->UsedMs;
    }

    /// <summary>
    /// Makes a room in a free slot. Its first id is the time in microseconds, or what its last life would have given next: ids of
    /// one name only grow, whatever was lost.
    /// </summary>
    internal void Create(int slot, ReadOnlySpan<byte> name, ulong hash, long unixMs)
    {
        var header = HeaderOf(slot);
        long start = StartId(unixMs);
        long nextId = header->NextId > start && header->NextId < KeptIdMax ? header->NextId : start;
        *header = default;
        Ring(slot).BeginAt(nextId);
        header->EpochId = header->SyncedId = nextId;
        header->NameBytes = name.Length;
        name.CopyTo(new Span<byte>(header->Name, RoomHeader.NameBytesMax));
        new SharedLock(header->Lock).Initialize();
        Volatile.Write(ref Directory[slot], hash);
    }

    /// <summary>Says whose segment it is and how it is laid out, and makes its lock anew. No other process uses it.</summary>
    internal void WriteHeader()
    {
        Header.Version = Layout.Version;
        Header.Rooms = Layout.Rooms;
        Header.RingBytes = Layout.RingBytes;
        DirectoryLock.Initialize();
        Volatile.Write(ref Header.Magic, RoomLogLayout.Magic);
    }

    /// <summary>The hash of a room's name in a slot; 0 for a free one.</summary>
    public ulong HashAt(int slot) => Directory[slot];

    /// <summary>How many slots hold a room.</summary>
    public int RoomCount()
    {
        var directory = Directory;
        return directory.Length - directory.Count(0UL);
    }

    /// <summary>How many rooms there are, and their positions of head and tail added up.</summary>
    public (int Rooms, long HeadBytes, long TailBytes) Measure()
    {
        var (rooms, head, tail) = (0, 0L, 0L);
        for (int slot = 0; slot < Layout.Rooms; slot++)
        {
            if (Directory[slot] != 0)
            {
                var ring = Ring(slot);
                rooms++;
                tail += ring.Tail;
                head += ring.Head;
            }
        }

        return (rooms, head, tail);
    }

    /// <summary>FNV-1a; zero is the mark of a free slot.</summary>
    public static ulong HashOf(ReadOnlySpan<byte> name)
    {
        ulong hash = 14695981039346656037;
        foreach (byte letter in name)
        {
            hash = (hash ^ letter) * 1099511628211;
        }

        return hash | 1;
    }
}
