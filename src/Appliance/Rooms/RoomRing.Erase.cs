namespace Appliance.Rooms;

/// <summary>
/// Deleting one message: its bytes are overwritten where they are, by a tombstone of the same length. Readers take no lock. So
/// <see cref="RoomHeader.Erasures"/> is odd meanwhile and another number afterwards; who finds it as it was before has read no torn record.
/// </summary>
public readonly unsafe partial struct RoomRing
{
    /// <summary>Grows by two with each record that is overwritten where it is; odd while one is.</summary>
    public long Erasures => Volatile.Read(ref _header->Erasures);

    /// <summary>Deletes the text of a message.</summary>
    public ErasureOutcome Erase(long id)
    {
        if (!_layout.HasDetails)
        {
            return ErasureOutcome.NoPlace;
        }

        Enter();
        var epochs = new RoomEpochs(_header);
        long number = epochs.NumberOf(id, out _);
        var outcome = number < _header->FirstId ? ErasureOutcome.Gone
            : number >= _header->NextId || epochs.IdOf(number) != id ? ErasureOutcome.Unknown
            : !IsMessage(KindIn(IndexOf(number))) ? ErasureOutcome.NoMessage
            : ErasureOutcome.Done;
        if (outcome == ErasureOutcome.Done && KindIn(IndexOf(number)) == RecordKind.Chat)
        {
            _header->ErasedFrom = PositionOf(number);
            Thread.MemoryBarrier();
            _header->Erasures++;
            Thread.MemoryBarrier();
            FinishErasure();
        }

        Exit();
        return outcome;
    }

    /// <summary>Waits until no record is being overwritten, and finishes what a process has left that died meanwhile.</summary>
    /// <returns>What <see cref="Erasures"/> is then.</returns>
    public long AwaitErasure()
    {
        Enter();
        long erasures = _header->Erasures;
        Exit();
        return erasures;
    }

    /// <summary>Whether a deleted message lies, with any of its bytes, between two positions.</summary>
    public bool HasTombstone(long from, long to)
    {
        Enter();
        long number = Search(from);
        number -= number > _header->FirstId && PositionOf(number) > from ? 1 : 0;
        bool isFound = false;
        for (; !isFound && number < _header->NextId && PositionOf(number) < to; number++)
        {
            isFound = KindIn(IndexOf(number)) == RecordKind.Tombstone;
        }

        Exit();
        return isFound;
    }

    /// <summary>Up to where a reader may read who finds <see cref="Erasures"/> odd, and asks for it again afterwards.</summary>
    internal long EndBeforeErased(long from, long end)
    {
        long erased = Volatile.Read(ref _header->ErasedFrom);
        return (Erasures & 1) != 0 && erased >= from ? Math.Min(erased, end) : end;
    }

    /// <summary>Whether the record at a position is being overwritten.</summary>
    internal bool IsBeingErased(long position) => (Erasures & 1) != 0 && Volatile.Read(ref _header->ErasedFrom) == position;

    /// <summary>Whether records of a kind are history: what a person said, or what stands in its place.</summary>
    internal static bool IsMessage(RecordKind kind) => kind is RecordKind.Chat or RecordKind.Tombstone;

    /// <summary>Overwrites the record that the header names; under the lock. Done twice it makes no difference.</summary>
    private void FinishErasure()
    {
        long position = _header->ErasedFrom;
        long number = Search(position);
        bool isThere = position >= _header->Tail && number < _header->NextId && PositionOf(number) == position;
        long length = isThere ? PositionOf(number + 1) - position : 0;
        if (length >= RoomLogLayout.RecordBytesMin && length <= _layout.GuardBytes && RoomLogCheck.FrameBytes(this, position) == length)
        {
            byte[] record = new byte[length];
            Read(position, record);
            Erasure.WriteTombstone(record, new RoomEpochs(_header).IdOf(number));
            IndexOf(number) = (IndexOf(number) & ~KindMask) | (long)RecordKind.Tombstone;
            Write(position, record);
            _ = Interlocked.Increment(ref _segment->Erasures);
        }

        Volatile.Write(ref _header->Erasures, (_header->Erasures | 1) + 1);
    }
}
