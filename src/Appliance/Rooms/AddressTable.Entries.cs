namespace Appliance.Rooms;

/// <summary>Entries of the table: where they lie, who may take one, and what they count.</summary>
public sealed unsafe partial class AddressTable
{
    /// <summary>A keyed hash (two rounds of a folded multiplication, as wyhash has them) and the kind.</summary>
    private ulong TagOf(AddressPrefix prefix, int kind)
    {
        ulong high = Math.BigMul(prefix.High ^ Head.Key, prefix.Low ^ Head.SecondKey, out ulong low);
        high = Math.BigMul(high ^ low ^ Head.SecondKey, ((ulong)(uint)(kind + 1) * 0x9E3779B97F4A7C15) ^ ((ulong)(uint)prefix.Bits << 32) ^ Head.Key, out low);
        return (ulong)((long)(high ^ low) & ~KindMask) | (uint)kind;
    }

    /// <summary>One of the places in which the entry of a tag may lie: those of one set, then those of another.</summary>
    private long* EntryAt(ulong tag, int place)
    {
        ulong set = (ulong)(uint)tag * _sets >> 32;
        if (place >= SetEntries)
        {
            set = (set + 1 + ((tag >> 32) * (_sets - 1) >> 32)) % _sets;
        }

        return (long*)(_base + HeadBytes + (((set * SetEntries) + ((ulong)place % SetEntries)) * EntryBytes));
    }

    private long* Find(ulong tag)
    {
        for (int i = 0; i < 2 * SetEntries; i++)
        {
            long* entry = EntryAt(tag, i);
            if ((ulong)Volatile.Read(ref entry[0]) == tag)
            {
                return entry;
            }
        }

        return null;
    }

    /// <summary>Of the entries of a tag the one in which this worker counts, or else the first.</summary>
    private long* FindOwn(ulong tag)
    {
        long* found = null;
        for (int i = 0; i < 2 * SetEntries; i++)
        {
            long* entry = EntryAt(tag, i);
            if ((ulong)Volatile.Read(ref entry[0]) == tag)
            {
                if (OwnCount(entry[1 + (_slot % SlotsPerEntry)]) > 0)
                {
                    return entry;
                }

                found = found == null ? entry : found;
            }
        }

        return found;
    }

    /// <summary>Takes an entry that nobody needs; null when there is none. While it is emptied it has no tag that anybody finds.</summary>
    private long* Take(ulong tag, long nowNs)
    {
        for (int i = 0; i < 2 * SetEntries; i++)
        {
            long* entry = EntryAt(tag, i);
            long former = Volatile.Read(ref entry[0]);
            if (!IsUnused(entry, former, nowNs) || Interlocked.CompareExchange(ref entry[0], Busy, former) != former)
            {
                continue;
            }

            // Somebody may have begun to use it just now.
            bool isUnused = IsUnused(entry, former, nowNs);
            if (isUnused)
            {
                new Span<long>(entry + 1, SlotsPerEntry).Clear();
            }

            Volatile.Write(ref entry[0], isUnused ? (long)tag : former);
            if (isUnused)
            {
                return entry;
            }
        }

        return null;
    }

    /// <summary>Whether the entry of a tag equals a fresh one.</summary>
    private bool IsUnused(long* entry, long tag, long nowNs) => (tag & KindMask) switch
    {
        _ when tag == 0 => true,
        _ when tag == Busy => false,
        RatesKind => !HasTimes(entry, nowNs),
        var kind => CountOf(entry, SlotsPerEntry * (((int)kind - FirstGroupKind) % GroupsMost)) == 0,
    };

    private static int KindOf(AddressCount count, int firstSlot) => FirstGroupKind + ((int)count * GroupsMost) + (firstSlot / SlotsPerEntry);

    /// <summary>The entry of an address's rates; null when there is none left.</summary>
    private long* RatesOf(AddressPrefix prefix, long nowNs)
    {
        ulong tag = TagOf(prefix, RatesKind);
        long* entry = Find(tag);
        if (entry == null && (entry = Take(tag, nowNs)) == null)
        {
            Uncounted++;
        }

        return entry;
    }

    private static bool TryPay(ref long paid, long costNs, long burstNs, long nowNs)
    {
        for (int tries = 0; tries < TriesMax; tries++)
        {
            long former = Volatile.Read(ref paid);
            long until = (IsAhead(former, nowNs) ? former : nowNs) + costNs;
            if (until - nowNs > burstNs)
            {
                return false;
            }

            if (Interlocked.CompareExchange(ref paid, until, former) == former)
            {
                return true;
            }
        }

        return true;
    }

    private static bool HasTimes(long* entry, long nowNs)
    {
        bool has = false;
        for (int i = 1; i <= 1 + ToldPlace; i++)
        {
            has |= IsAhead(Volatile.Read(ref entry[i]), nowNs);
        }

        return has;
    }

    /// <summary>What an entry counts for slots from a first one on; slots that do not exist have none.</summary>
    private long CountOf(long* entry, int first)
    {
        long sum = 0;
        for (int slot = Math.Max(0, first); slot < Math.Min(first + SlotsPerEntry, RoomLogLayout.WorkerSlots); slot++)
        {
            sum += CountIn(Volatile.Read(ref entry[1 + slot - first]), Volatile.Read(ref EpochOf(slot)));
        }

        return sum;
    }

    private long OwnCount(long word) => CountIn(word, _epoch);

    private static long CountIn(long word, uint epoch)
    {
        long count = (uint)word;
        return (uint)(word >> EpochShift) == epoch && count <= CountMax ? count : 0;
    }

    /// <summary>Changes this worker's count, unless the entry has become another one's meanwhile.</summary>
    private bool TryWrite(ref long word, long former, long count) =>
        Interlocked.CompareExchange(ref word, WordOf(count), former) == former;

    private long WordOf(long count) => count == 0 ? 0 : ((long)_epoch << EpochShift) | count;
}
