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
public sealed unsafe class RoomLog
{
    /// <summary>How long an empty room with messages is kept before another may take its place.</summary>
    public const long IdleRoomKeptMs = 10 * 60 * 1000;

    /// <summary>An id further ahead of the clock than this many microseconds (30 years) is damage and not a busy room.</summary>
    private const long IdLeadMax = 1_000_000_000_000_000;

    /// <summary>The least number of sixteen digits, for a host whose clock has no battery.</summary>
    private const long IdMin = 1_000_000_000_000_000;

    private readonly byte* _base;

    internal RoomLog(byte* address, RoomLogLayout layout)
    {
        _base = address;
        Layout = layout;
    }

    /// <summary>What lies where.</summary>
    public RoomLogLayout Layout { get; }

    /// <summary>The first page.</summary>
    public ref SegmentHeader Header => ref *(SegmentHeader*)_base;

    private Span<ulong> Directory => new(_base + Layout.DirectoryOffset, Layout.Rooms);

    private SharedLock DirectoryLock => new(((SegmentHeader*)_base)->Lock);

    /// <summary>The log of the room in a slot.</summary>
    public RoomRing Ring(int slot)
    {
        byte* room = _base + Layout.RoomsOffset + (slot * Layout.RoomStride);
        byte* bytes = room + (Layout.RoomStride - Layout.RingBytes);
        return new RoomRing(HeaderOf(slot), (long*)room, bytes, Layout);
    }

    /// <summary>What everybody may know of a worker.</summary>
    public ref WorkerHeader Worker(int worker) => ref ((WorkerHeader*)(_base + Layout.WorkersOffset))[worker];

    /// <summary>
    /// Tells every other worker with clients in a room that it has got something, and adds those that sleep and must be woken to a set:
    /// each of them is told to one process alone, whichever comes first.
    /// </summary>
    /// <param name="slot">The room.</param>
    /// <param name="worker">Who has appended.</param>
    /// <param name="nowNs">When, on the monotonic clock: how long the others take is measured from here.</param>
    /// <param name="sleeping">Who must be woken.</param>
    public void MarkDirty(int slot, int worker, long nowNs, ref WorkerSet sleeping)
    {
        // Pairs with the barrier in BeginSleep: either we see that it sleeps, or it sees the bit.
        Thread.MemoryBarrier();
        var members = new ReadOnlySpan<int>(HeaderOf(slot)->Members, RoomLogLayout.WorkerSlots);
        for (int other = members.IndexOfAnyExcept(0); other >= 0; other = NextWithMembers(members, other))
        {
            if (members[other] > 0 && other != worker)
            {
                ref var header = ref Worker(other);
                if (Volatile.Read(ref header.MarkedNs) == 0)
                {
                    Volatile.Write(ref header.MarkedNs, nowNs);
                }

                _ = Interlocked.Or(ref DirtyBits(other)[slot / 64], 1UL << slot);
                if (Interlocked.Exchange(ref header.Sleeping, 0) == 1)
                {
                    sleeping.Add(other);
                }
            }
        }
    }

    /// <summary>
    /// Tells every worker to look after every room: a worker that was killed may have appended, or taken note of who sleeps, and not have
    /// come to tell anybody. All are woken after this.
    /// </summary>
    public void MarkAllDirty()
    {
        for (int worker = 0; worker < RoomLogLayout.WorkerSlots; worker++)
        {
            foreach (ref ulong word in DirtyBits(worker))
            {
                _ = Interlocked.Or(ref word, ulong.MaxValue);
            }
        }
    }

    /// <summary>Says that a worker is about to wait; false when there is something to do first.</summary>
    public bool BeginSleep(int worker)
    {
        Volatile.Write(ref Worker(worker).Sleeping, 1);
        Thread.MemoryBarrier();
        return !DirtyBits(worker).ContainsAnyExcept(0UL);
    }

    /// <summary>
    /// Says that a worker does not wait any more. Returns since when, on the monotonic clock, the rooms that it takes from now on have
    /// waited for it; 0 when there is none, or at an end of a marking that came in between.
    /// </summary>
    public long EndSleep(int worker)
    {
        ref var header = ref Worker(worker);
        Volatile.Write(ref header.Sleeping, 0);
        return Volatile.Read(ref header.MarkedNs) == 0 ? 0 : Interlocked.Exchange(ref header.MarkedNs, 0);
    }

    /// <summary>The next room that has got something for a worker, from a slot on; -1 when there is none. It counts as told.</summary>
    public int TakeDirty(int worker, int from)
    {
        var bits = DirtyBits(worker);
        for (int word = from / 64; word < bits.Length; word++)
        {
            ulong found = Volatile.Read(ref bits[word]);
            if (found != 0)
            {
                int bit = System.Numerics.BitOperations.TrailingZeroCount(found);
                _ = Interlocked.And(ref bits[word], ~(1UL << bit));
                return (word * 64) + bit;
            }
        }

        return -1;
    }

    /// <summary>Forgets what the former process of a worker's slot has left: it has no client and has been told nothing.</summary>
    public void ResetWorker(int worker)
    {
        DirtyBits(worker).Clear();
        ref var header = ref Worker(worker);
        (header.Sleeping, header.MarkedNs, header.TurnBeganNs) = (0, 0, 0);
        (header.Pid, header.Connections, header.LagBytes) = (0, 0, 0);
        for (int slot = 0; slot < Layout.Rooms; slot++)
        {
            if (Directory[slot] != 0)
            {
                HeaderOf(slot)->Members[worker] = 0;
            }
        }
    }

    /// <summary>Forgets all workers of a former daemon, figures too.</summary>
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
    }

    private Span<ulong> DirtyBits(int worker) => new(_base + Layout.DirtyOffset + (worker * Layout.DirtyStride), Layout.DirtyWords);

    /// <summary>Name of the room in a slot; empty when the slot is free.</summary>
    public ReadOnlySpan<byte> NameOf(int slot) =>
        Directory[slot] == 0 ? default : new ReadOnlySpan<byte>(HeaderOf(slot)->Name, Math.Clamp(HeaderOf(slot)->NameBytes, 0, RoomHeader.NameBytesMax));

    /// <summary>
    /// Finds a room or makes it, and counts one client in, so that nobody can take the slot away in between.
    /// <see cref="RoomRing.CountMember"/> with -1 counts it out again.
    /// </summary>
    /// <exception cref="InvalidDataException">
    /// The directory is damaged, and so a room would be refused that need not be: the process dies of it, until the logs are looked through.
    /// </exception>
    public RoomOpening Join(ReadOnlySpan<byte> name, int worker, long unixMs, out int slot)
    {
        ulong hash = HashOf(name);

        // A holder that died left nothing to mend: a slot counts from the moment its hash is written, last, until it is cleared, first.
        _ = DirectoryLock.Enter();
        slot = Find(name, hash);
        int free = slot < 0 ? FreeSlot(unixMs) : -1;
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
            HeaderOf(slot)->UsedMs = unixMs;
        }

        DirectoryLock.Exit();
        return damaged ? throw new InvalidDataException("the directory of rooms in shared memory is damaged") : opening;
    }

    private static int NextWithMembers(ReadOnlySpan<int> members, int worker)
    {
        int further = members[(worker + 1)..].IndexOfAnyExcept(0);
        return further < 0 ? -1 : worker + 1 + further;
    }

    internal RoomHeader* HeaderOf(int slot) => (RoomHeader*)(_base + Layout.HeadersOffset) + slot;

    /// <summary>Empties a slot and gives its memory back.</summary>
    internal void Release(int slot)
    {
        Directory[slot] = 0;
        byte* room = _base + Layout.RoomsOffset + (slot * Layout.RoomStride);
        _ = Syscall.Discard(room, (nuint)Layout.RoomStride);
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
        long now = Math.Max(unixMs * 1000, IdMin);
        long nextId = header->NextId - now is > 0 and < IdLeadMax ? header->NextId : now;
        *header = default;
        header->FirstId = header->NextId = nextId;
        header->UsedMs = unixMs;
        header->NameBytes = name.Length;
        name.CopyTo(new Span<byte>(header->Name, RoomHeader.NameBytesMax));
        new SharedLock(header->Lock).Initialize();
        Volatile.Write(ref Directory[slot], hash);
    }

    /// <summary>Says whose segment it is and how it is laid out, and makes its lock anew. No other process uses it.</summary>
    internal void WriteHeader()
    {
        Header.Version = RoomLogLayout.Version;
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
    private int FreeSlot(long unixMs)
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
            bool givenUp = Ring(slot).MemberCount == 0 && (unixMs - header->UsedMs > IdleRoomKeptMs || !Ring(slot).HasMessages);
            if (givenUp && (oldest < 0 || header->UsedMs < HeaderOf(oldest)->UsedMs))
            {
                oldest = slot;
            }
        }

        if (oldest >= 0)
        {
            Release(oldest);
        }

        return oldest;
    }
}
