namespace Appliance.Rooms;

/// <summary>
/// Which ids a room's records have. The index wants numbers without a gap; ids have one where a journal was filled in that may not hold
/// all that was ever given out. The newest records' numbers are their ids; those of former epochs have lower ids, by a shift for each.
/// </summary>
internal readonly unsafe struct RoomEpochs(RoomHeader* header)
{
    /// <summary>Epochs before the one in which records are appended.</summary>
    public const int FormerMax = 8;

    private int Count => Math.Clamp(header->FormerCount, 0, FormerMax);

    private Span<long> Firsts => new(header->FormerFirsts, FormerMax);

    private Span<long> Shifts => new(header->FormerShifts, FormerMax);

    /// <summary>The number of the record of an id, or of the last one that has a lower id.</summary>
    public long NumberOf(long id, out bool isFormer)
    {
        isFormer = Count > 0 && id < header->EpochId;
        long end = header->EpochId;
        for (int i = 0; isFormer; i++)
        {
            long number = id + Shifts[i];
            if (number >= Firsts[i] || i == Count - 1)
            {
                return Math.Min(number, end - 1);
            }

            end = Firsts[i];
        }

        return id;
    }

    /// <summary>The id of the record of a number.</summary>
    public long IdOf(long number)
    {
        for (int i = 0; number < header->EpochId && i < Count; i++)
        {
            if (number >= Firsts[i] || i == Count - 1)
            {
                return number - Shifts[i];
            }
        }

        return number;
    }

    /// <summary>The next record gets an id that is not the next one. Nobody else uses the room.</summary>
    public void Begin(RoomRing ring, long nextId)
    {
        if (header->FirstId == header->NextId)
        {
            ring.BeginAt(nextId);
            header->EpochId = nextId;
            header->FormerCount = 0;
        }
        else if (nextId != header->NextId)
        {
            EndCurrent(ring);
            Renumber(ring, nextId - header->NextId);
            header->EpochId = nextId;
        }
    }

    /// <summary>Takes over what another room has.</summary>
    public void CopyFrom(RoomHeader* other)
    {
        var former = new RoomEpochs(other);
        header->EpochId = other->EpochId;
        header->FormerCount = former.Count;
        former.Firsts.CopyTo(Firsts);
        former.Shifts.CopyTo(Shifts);
    }

    /// <summary>Makes the current epoch the newest of the former ones, if it has a record; of too many, the oldest one's records go.</summary>
    private void EndCurrent(RoomRing ring)
    {
        if (header->EpochId == header->NextId)
        {
            return;
        }

        int count = Count;
        if (count == FormerMax)
        {
            long first = Math.Max(header->FirstId, Firsts[--count - 1]);
            header->Tail = ring.PositionOf(first);
            header->FirstId = first;
        }

        Firsts[..count].CopyTo(Firsts[1..]);
        Shifts[..count].CopyTo(Shifts[1..]);
        (Firsts[0], Shifts[0]) = (header->EpochId, 0);
        header->FormerCount = count + 1;
    }

    /// <summary>Gives all records higher numbers.</summary>
    private void Renumber(RoomRing ring, long shift)
    {
        header->FirstId += shift;
        header->NextId += shift;
        header->LastMessageId += header->LastMessageId > 0 ? shift : 0;
        ring.MoveIndex(shift);

        for (int i = 0; i < Count; i++)
        {
            Firsts[i] += shift;
            Shifts[i] += shift;
        }
    }
}
