using Appliance.Loop;

namespace Appliance.Rooms;

/// <summary>Marks and wakes the readers of a room that has new records: workers with clients in it, and followers.</summary>
public sealed unsafe partial class RoomLog
{
    /// <summary>Whether a journal is kept of the rooms, and whether readers wait for it.</summary>
    public JournalState Journal
    {
        get => Volatile.Read(ref *(int*)&((SegmentHeader*)_base)->Journal) switch { 0 => JournalState.None, 2 => JournalState.Awaited, _ => JournalState.Kept };
        set => Volatile.Write(ref *(int*)&((SegmentHeader*)_base)->Journal, (int)value);
    }

    /// <summary>A follower is told of everything from now on; the journal is by <see cref="Journal"/>.</summary>
    public void Follow(WorkerSlot follower)
    {
        if (follower != RoomLogLayout.JournalSlot)
        {
            _ = Interlocked.Or(ref Header.Followers, FollowerBit(follower));
        }
    }

    /// <summary>No follower but the journal is told of anything, until it says so.</summary>
    public void ForgetFollowers() => Volatile.Write(ref Header.Followers, 0);

    /// <summary>
    /// Marks a room as having new records for every other worker with clients in it, and adds the sleeping ones to a set: only the first
    /// process that marks a sleeping worker wakes it. Followers are marked, too; if readers wait for the journal, only the journal, which
    /// marks the others once the records are on disk.
    /// </summary>
    /// <param name="slot">The room.</param>
    /// <param name="worker">Who has appended.</param>
    /// <param name="nowNs">When, on the monotonic clock: how long the others take is measured from here.</param>
    /// <param name="sleeping">Who must be woken.</param>
    public void MarkDirty(int slot, WorkerSlot worker, long nowNs, ref WorkerSet sleeping)
    {
        // Pairs with the barrier in BeginSleep: either we see that it sleeps, or it sees the bit.
        Thread.MemoryBarrier();
        if (Journal != JournalState.None && worker != RoomLogLayout.JournalSlot)
        {
            Tell(RoomLogLayout.JournalSlot, slot, nowNs, ref sleeping);
            if (Journal == JournalState.Awaited)
            {
                return;
            }
        }

        uint followers = Volatile.Read(ref ((SegmentHeader*)_base)->Followers);
        if (followers != 0)
        {
            TellFollowers(followers, slot, nowNs, ref sleeping);
        }

        var members = new ReadOnlySpan<int>(HeaderOf(slot)->Members, RoomLogLayout.WorkerSlots);
        for (int other = members.IndexOfAnyExcept(0); other >= 0; other = NextWithMembers(members, other))
        {
            if (members[other] > 0 && other != worker.Index)
            {
                Tell(new WorkerSlot(other), slot, nowNs, ref sleeping);
            }
        }
    }

    /// <summary>
    /// Tells every worker to look after every room: a worker that was killed may have appended, or taken note of who sleeps, and not have
    /// come to tell anybody. All are woken after this.
    /// </summary>
    public void MarkAllDirty()
    {
        for (int worker = 0; worker < Layout.SlotCount; worker++)
        {
            foreach (ref ulong word in DirtyBits(new WorkerSlot(worker)))
            {
                _ = Interlocked.Or(ref word, ulong.MaxValue);
            }
        }
    }

    /// <summary>Says that a worker is about to wait; false when there is something to do first.</summary>
    public bool BeginSleep(WorkerSlot worker)
    {
        Volatile.Write(ref Worker(worker).Sleeping, 1);
        Thread.MemoryBarrier();
        return !DirtyBits(worker).ContainsAnyExcept(0UL);
    }

    /// <summary>
    /// Says that a worker does not wait any more. Returns since when, on the monotonic clock, the rooms that it takes from now on have
    /// waited for it; 0 when there is none, or at an end of a marking that came in between.
    /// </summary>
    public long EndSleep(WorkerSlot worker)
    {
        ref var header = ref Worker(worker);
        Volatile.Write(ref header.Sleeping, 0);
        return Volatile.Read(ref header.MarkedNs) == 0 ? 0 : Interlocked.Exchange(ref header.MarkedNs, 0);
    }

    /// <summary>The next room that has got something for a worker, from a slot on; -1 when there is none. It counts as told.</summary>
    public int TakeDirty(WorkerSlot worker, int from)
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

    private void TellFollowers(uint followers, int slot, long nowNs, ref WorkerSet sleeping)
    {
        // Bits beyond the layout's slots are damage.
        for (int index = RoomLogLayout.WorkerSlots + 1; index < Layout.SlotCount; index++)
        {
            var follower = new WorkerSlot(index);
            if ((followers & FollowerBit(follower)) != 0)
            {
                Tell(follower, slot, nowNs, ref sleeping);
            }
        }
    }

    private static uint FollowerBit(WorkerSlot follower) => 1u << (follower.Index - RoomLogLayout.WorkerSlots);

    private void Tell(WorkerSlot other, int slot, long nowNs, ref WorkerSet sleeping)
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

    private static int NextWithMembers(ReadOnlySpan<int> members, int worker)
    {
        int further = members[(worker + 1)..].IndexOfAnyExcept(0);
        return further < 0 ? -1 : worker + 1 + further;
    }

    private Span<ulong> DirtyBits(WorkerSlot worker) => new(_base + Layout.DirtyOffset + (worker.Index * Layout.DirtyStride), Layout.DirtyWords);
}
