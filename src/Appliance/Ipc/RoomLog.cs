using Appliance.Native;

namespace Appliance.Ipc;

/// <summary>What became of asking for a room.</summary>
public enum RoomOpening
{
    /// <summary>It was there.</summary>
    Found,

    /// <summary>It was made.</summary>
    Created,

    /// <summary>All rooms are taken and none of them can be given up.</summary>
    TooMany,
}

/// <summary>
/// All rooms of one daemon in one System V segment that outlives its processes. A slot's number stands for its room; the directory
/// has a lock of its own, each room another.
/// </summary>
public sealed unsafe partial class RoomLog
{
    /// <summary>How long an empty room with messages is kept before another may take its place.</summary>
    public const long IdleRoomKeptMs = 10 * 60 * 1000;

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
    }

    /// <summary>What lies where.</summary>
    public RoomLogLayout Layout { get; }

    /// <summary>Where it is attached.</summary>
    internal byte* Address => _base;

    /// <summary>The first page.</summary>
    public ref SegmentHeader Header => ref *(SegmentHeader*)_base;

    private Span<ulong> Directory => new(_base + Layout.DirectoryOffset, Layout.Rooms);

    /// <summary>While it is held no slot becomes another room's.</summary>
    internal SharedLock DirectoryLock => new(((SegmentHeader*)_base)->Lock);

    /// <summary>The first id of a room that begins at a time, in milliseconds since 1970: microseconds, of 16 digits whatever the clock says.</summary>
    public static long StartId(long unixMs) => Math.Clamp(unixMs, IdMin / 1000, StartIdMax / 1000) * 1000;

    /// <summary>The log of the room in a slot.</summary>
    public RoomRing Ring(int slot) => new((SegmentHeader*)_base, HeaderOf(slot), Layout, slot);

    /// <summary>What everybody may know of a worker.</summary>
    public ref WorkerHeader Worker(int worker) => ref ((WorkerHeader*)(_base + Layout.WorkersOffset))[worker];

    /// <summary>Forgets what the former process of a worker's slot has left: it has no client and has been told nothing.</summary>
    public void ResetWorker(int worker)
    {
        DirtyBits(worker).Clear();
        ref var header = ref Worker(worker);
        Scoreboard.EndBrokenTurn(ref header);
        (header.Sleeping, header.MarkedNs) = (0, 0);
        (header.Pid, header.Connections, header.LagBytes) = (0, 0, 0);
        for (int slot = 0; slot < Layout.Rooms; slot++)
        {
            if (Directory[slot] != 0)
            {
                HeaderOf(slot)->Members[worker] = 0;
            }
        }
    }

    /// <summary>Forgets all workers of a former daemon, figures too, and its journal.</summary>
    internal void ResetWorkers()
    {
        byte* workers = _base + Layout.WorkersOffset;
        int bytes = checked((int)(Layout.DirectoryOffset - Layout.WorkersOffset));
        if (!Syscall.Discard(workers, (nuint)bytes).Ok)
        {
            new Span<byte>(workers, bytes).Clear();
        }

        (Header.UsedSlots[0], Header.UsedSlots[1]) = (0, 0);
        (Header.Before, Header.After, Header.Stopping) = (default, default, 0);
        (Header.SamplerRests, Header.ResumedNs) = (0, 0);
        (Header.Journal, Header.JournalError, Header.JournalMissed) = (JournalState.None, Errno.None, 0);
    }

    /// <summary>Name of the room in a slot; empty when the slot is free.</summary>
    public ReadOnlySpan<byte> NameOf(int slot) =>
        Directory[slot] == 0 ? default : new ReadOnlySpan<byte>(HeaderOf(slot)->Name, Math.Clamp(HeaderOf(slot)->NameBytes, 0, RoomHeader.NameBytesMax));

    /// <summary>
    /// Finds a room or makes it, and counts one client in, so that nobody can take the slot away in between.
    /// <see cref="RoomRing.CountMember"/> with -1 counts it out again.
    /// </summary>
    /// <param name="name">A valid room name.</param>
    /// <param name="worker">The worker's slot.</param>
    /// <param name="unixMs">Milliseconds since 1970: where ids begin. May jump.</param>
    /// <param name="nowMs">Milliseconds that only grow, of the monotonic clock: how long rooms have not been used.</param>
    /// <param name="slot">The room's slot; -1 when there is none.</param>
    /// <exception cref="InvalidDataException">
    /// The directory is damaged, and so a room would be refused that need not be: the process dies of it, until the logs are looked through.
    /// </exception>
    public RoomOpening Join(ReadOnlySpan<byte> name, int worker, long unixMs, long nowMs, out int slot)
    {
        ulong hash = HashOf(name);

        // A holder that died left nothing to mend: a slot counts from the moment its hash is written, last, until it is cleared, first.
        _ = DirectoryLock.Enter();
        slot = Find(name, hash);
        int free = slot < 0 ? FreeSlot(nowMs) : -1;
        bool damaged = slot < 0 && free < 0 && IsDirectoryDamaged();
        var opening = slot >= 0 ? RoomOpening.Found : free >= 0 ? RoomOpening.Created : RoomOpening.TooMany;
        slot = Math.Max(slot, free);

        if (opening == RoomOpening.Created)
        {
            Create(slot, name, hash, unixMs);
        }

        if (slot >= 0)
        {
            Ring(slot).CountMember(worker, 1);
            HeaderOf(slot)->UsedMs = nowMs;
        }

        DirectoryLock.Exit();
        return damaged ? throw new InvalidDataException("the directory of rooms in shared memory is damaged") : opening;
    }

    internal RoomHeader* HeaderOf(int slot) => (RoomHeader*)(_base + Layout.HeadersOffset) + slot;

    /// <summary>Empties a slot and gives its memory back.</summary>
    internal void Release(int slot)
    {
        Directory[slot] = 0;
        foreach (ref readonly var piece in Layout.Pieces)
        {
            _ = Syscall.Discard(_base + piece.OffsetOf(slot), (nuint)piece.Stride);
        }
    }

    /// <summary>Takes over the rooms of a log of other sizes, as many as there is place for.</summary>
    internal void CopyFrom(RoomLog other, long unixMs)
    {
        int free = 0;
        for (int slot = 0; slot < other.Layout.Rooms && free < Layout.Rooms; slot++)
        {
            if (other.HashAt(slot) != 0)
            {
                Create(free, other.NameOf(slot), other.HashAt(slot), unixMs);
                HeaderOf(free)->UsedMs = other.HeaderOf(slot)->UsedMs;
                Ring(free).CopyFrom(other.Ring(slot));
                free++;
            }
        }
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

    internal ulong HashAt(int slot) => Directory[slot];

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
    internal static ulong HashOf(ReadOnlySpan<byte> name)
    {
        ulong hash = 14695981039346656037;
        foreach (byte letter in name)
        {
            hash = (hash ^ letter) * 1099511628211;
        }

        return hash | 1;
    }

    /// <summary>The slot of a room, looked for without the lock; -1 when there is none.</summary>
    public int Find(ReadOnlySpan<byte> name) => Find(name, HashOf(name));

    private int Find(ReadOnlySpan<byte> name, ulong hash)
    {
        var directory = Directory;
        for (int from = 0; ;)
        {
            int found = directory[from..].IndexOf(hash);
            if (found < 0)
            {
                return -1;
            }

            from += found;
            if (NameOf(from).SequenceEqual(name))
            {
                return from;
            }

            from++;
        }
    }

    /// <summary>Whether a slot's hash and name do not agree: it is one that nobody can find or free any more.</summary>
    private bool IsDirectoryDamaged()
    {
        bool damaged = false;
        for (int slot = 0; slot < Layout.Rooms && !damaged; slot++)
        {
            damaged = HashOf(NameOf(slot)) != Directory[slot];
        }

        return damaged;
    }

    /// <summary>
    /// A slot for a new room: a free one, or else that of the empty room that was left first, if nothing was ever said in it or it
    /// was left long ago.
    /// </summary>
    private int FreeSlot(long nowMs)
    {
        int free = Directory.IndexOf(0UL);
        if (free >= 0)
        {
            return free;
        }

        int oldest = -1;
        for (int slot = 0; slot < Layout.Rooms; slot++)
        {
            var header = HeaderOf(slot);

            // A time ahead is of a server that noted milliseconds since 1970, or of another boot: idle since now, not for years to come.
            header->UsedMs = Math.Min(header->UsedMs, nowMs);
            bool givenUp = Ring(slot).MemberCount == 0 && (nowMs - header->UsedMs > IdleRoomKeptMs || !Ring(slot).HasMessages);
            if (givenUp && (oldest < 0 || header->UsedMs < HeaderOf(oldest)->UsedMs))
            {
                oldest = slot;
            }
        }

        if (oldest >= 0)
        {
            NoteUnsynced(oldest);
            Release(oldest);
        }

        return oldest;
    }

    /// <summary>Counts what the journal of a room that is given up may not have got.</summary>
    private void NoteUnsynced(int slot)
    {
        var header = HeaderOf(slot);
        long unsynced = header->NextId - Math.Max(header->SyncedId, header->FirstId);
        if (Journal != JournalState.None && unsynced > 0)
        {
            _ = Interlocked.Add(ref Header.JournalMissed, (int)Math.Min(unsynced, Layout.IndexEntries));
        }
    }
}
