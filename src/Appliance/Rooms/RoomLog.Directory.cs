using Appliance.Loop;
using Appliance.Native;

namespace Appliance.Rooms;

/// <summary>Which room has which slot: finding, making and giving up.</summary>
public sealed unsafe partial class RoomLog
{
    /// <summary>How long an empty room with messages is kept before another may take its place.</summary>
    public const long IdleRoomKeptMs = 10 * 60 * 1000;

    private static readonly ulong LobbyHash = HashOf(Lobby);

    private readonly RoomSpares _spares;

    /// <summary>The room of those who name none. A slot is kept for it until it is made, and it is never given up.</summary>
    public static ReadOnlySpan<byte> Lobby => "lobby"u8;

    /// <summary>
    /// Finds a room or makes it, and counts one client in, so that nobody can take the slot away in between.
    /// <see cref="RoomRing.CountMember"/> with -1 counts it out again. The lock is held for no search but that for a name that is not there:
    /// those who join elsewhere do not wait for those who are refused.
    /// </summary>
    /// <param name="name">A valid name.</param>
    /// <param name="worker">Slot of the worker that has the client.</param>
    /// <param name="unixMs">Milliseconds since 1970: where ids begin. May jump.</param>
    /// <param name="nowMs">Milliseconds that only grow, of the monotonic clock: how long rooms have not been used.</param>
    /// <param name="slot">The room's slot; -1 when there is none.</param>
    /// <exception cref="InvariantException">
    /// The directory is damaged, and so a room would be refused that need not be: the process dies of it, until the logs are looked through.
    /// </exception>
    public RoomOpening Join(ReadOnlySpan<byte> name, WorkerSlot worker, long unixMs, long nowMs, out int slot)
    {
        ulong hash = HashOf(name);
        RoomOpening opening;
        do
        {
            slot = Find(name, hash);
            if (slot < 0 && !HasPlace(name, nowMs) && (slot = Find(name, hash)) < 0)
            {
                return RoomOpening.TooMany;
            }

            opening = TryJoin(name, hash, worker, unixMs, nowMs, ref slot);
        }
        while (opening == RoomOpening.TooMany);
        return opening;
    }

    /// <summary>The slot of a room, looked for without the lock; -1 when there is none.</summary>
    public int Find(ReadOnlySpan<byte> name) => Find(name, HashOf(name));

    /// <summary>
    /// Sees to it that there is a slot for the lobby, in a segment that comes from a version without this promise: otherwise the room that was
    /// used least gives way. No other process uses it.
    /// </summary>
    internal void EnsurePlaceOfLobby()
    {
        if (FreeSlot(Lobby) < 0 && Find(Lobby, LobbyHash) < 0)
        {
            int oldest = 0;
            for (int slot = 1; slot < Layout.Rooms; slot++)
            {
                oldest = HeaderOf(slot)->UsedMs < HeaderOf(oldest)->UsedMs ? slot : oldest;
            }

            Release(oldest);
        }
    }

    /// <summary>A slot without a room that a new one may have; -1 when there is none. The last one is for the lobby.</summary>
    internal int FreeSlot(ReadOnlySpan<byte> name)
    {
        int free = Directory.IndexOf(0UL);
        bool isKept = free >= 0 && !Directory[(free + 1)..].Contains(0UL) && !name.SequenceEqual(Lobby) && Find(Lobby, LobbyHash) < 0;
        return isKept ? -1 : free;
    }

    internal long LastUsedMs(int slot) => HeaderOf(slot)->UsedMs;

    internal bool IsLobby(int slot) => Directory[slot] == LobbyHash && NameOf(slot).SequenceEqual(Lobby);

    /// <summary>
    /// Gives up the room of a slot if it is still the one of a hash, has no client, is not the lobby, and was left long ago or never had a
    /// message. Returns whether the slot is free now.
    /// </summary>
    /// <param name="slot">The slot.</param>
    /// <param name="hash">The room that is meant.</param>
    /// <param name="leftBeforeMs">A room with messages is given up if it was used last before this time of the monotonic clock, in milliseconds.</param>
    internal bool TryGiveUp(int slot, ulong hash, long leftBeforeMs)
    {
        _ = DirectoryLock.Enter();
        bool givenUp = Directory[slot] == hash && IsSpare(slot, leftBeforeMs);
        if (givenUp)
        {
            GiveUp(slot);
        }

        DirectoryLock.Exit();
        return givenUp;
    }

    /// <summary>Whether the room of a slot may give it up: looked at without the lock, it may change at any moment.</summary>
    internal bool IsSpare(int slot, long leftBeforeMs)
    {
        ulong hash = Directory[slot];
        return hash is not 0 && hash != LobbyHash
            && (HeaderOf(slot)->UsedMs < leftBeforeMs || !Ring(slot).HasMessages)
            && !Ring(slot).Members.ContainsAnyExcept(0);
    }

    /// <summary>
    /// Whether there is, as far as one can see without the lock, a slot for a new room. When there is none, that is remembered for a second or
    /// until a room is left, so that however many are refused, one search is made.
    /// </summary>
    private bool HasPlace(ReadOnlySpan<byte> name, long nowMs)
    {
        if (FreeSlot(name) >= 0 || _spares.Count > 0)
        {
            return true;
        }

        ref long noneUntil = ref Header.NoSpareUntilMs;
        if (Volatile.Read(ref noneUntil) - nowMs is > 0 and <= RoomSpares.RetryMs)
        {
            return false;
        }

        // Written before the search: whoever leaves a room during it clears it.
        long retryMs = nowMs + RoomSpares.RetryMs;
        Volatile.Write(ref noneUntil, retryMs);
        Thread.MemoryBarrier();
        bool found = _spares.Search(nowMs) > 0;
        _ = Interlocked.CompareExchange(ref noneUntil, found ? 0 : Math.Min(retryMs, _spares.NextMs), retryMs);
        if (found)
        {
            return true;
        }

        Invariant.Hold(!IsDirectoryDamaged(), "room names against directory", "a name of {0} rooms is not the one of its place", Layout.Rooms);
        return false;
    }

    private RoomOpening TryJoin(ReadOnlySpan<byte> name, ulong hash, WorkerSlot worker, long unixMs, long nowMs, ref int slot)
    {
        // A holder that died left nothing to mend: a slot counts from the moment its hash is written, last, until it is cleared, first.
        _ = DirectoryLock.Enter();
        if (slot < 0 || Directory[slot] != hash || !NameOf(slot).SequenceEqual(name))
        {
            slot = Find(name, hash);
        }

        var opening = slot >= 0 ? RoomOpening.Found : RoomOpening.Created;
        if (slot < 0 && (slot = TakePlace(name, nowMs)) >= 0)
        {
            Create(slot, name, hash, unixMs);
        }

        if (slot >= 0)
        {
            Ring(slot).CountMember(worker, 1);
            HeaderOf(slot)->UsedMs = nowMs;
        }

        DirectoryLock.Exit();
        return slot >= 0 ? opening : RoomOpening.TooMany;
    }

    /// <summary>A slot for a new room, under the lock: a free one, or else that of the empty room that was left first.</summary>
    private int TakePlace(ReadOnlySpan<byte> name, long nowMs)
    {
        int place = FreeSlot(name);
        while (place < 0 && _spares.TryTake(out int slot, out ulong hash))
        {
            if (Directory[slot] == hash && IsSpare(slot, nowMs - IdleRoomKeptMs))
            {
                GiveUp(slot);
                place = FreeSlot(name);
            }
        }

        return place;
    }

    private void GiveUp(int slot)
    {
        NoteUnsynced(slot);
        Release(slot);
    }

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

    /// <summary>
    /// Whether a slot's hash and name do not agree: it is one that nobody can find or free any more. Looked for without the lock; what looks
    /// wrong is looked at again under it.
    /// </summary>
    private bool IsDirectoryDamaged()
    {
        bool damaged = false;
        for (int slot = 0; slot < Layout.Rooms && !damaged; slot++)
        {
            if (IsDamaged(slot))
            {
                _ = DirectoryLock.Enter();
                damaged = IsDamaged(slot);
                DirectoryLock.Exit();
            }
        }

        return damaged;
    }

    private bool IsDamaged(int slot) => Directory[slot] != 0 && HashOf(NameOf(slot)) != Directory[slot];

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
