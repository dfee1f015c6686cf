using Appliance.Loop;
using Appliance.Native;

namespace Appliance.Rooms;

/// <summary>One record of a batch that is to be appended.</summary>
/// <param name="Length">Its bytes: a finished WebSocket frame.</param>
/// <param name="IdOffset">Where in it <see cref="RoomRing.IdDigits"/> bytes are kept free for the id; -1 when it stands there already.</param>
/// <param name="Kind">What it is.</param>
public readonly record struct LogRecord(int Length, int IdOffset, RecordKind Kind)
{
    /// <summary>What is known of it beside that.</summary>
    public RecordDetails Details { get; init; }

    /// <summary>True for what a person said, and for what stands in its place: that speaks of no other record.</summary>
    public bool IsMessage => RoomRing.IsMessage(Kind) && Details.About == 0;
}

/// <summary>Where a reader begins, and whether something it asked for is gone.</summary>
/// <param name="Position">Position of a record's first byte, or of the head.</param>
/// <param name="Gap">True when records behind the id it named are not here any more.</param>
public readonly record struct LogStart(long Position, bool Gap);

/// <summary>
/// The log of one room: a ring of bytes and a ring of record starts. Appending and looking into the index take the room's lock;
/// reading bytes takes none: a reader compares its position with the tail before it reads, and with <see cref="SafeFrom"/>
/// after.
/// </summary>
public readonly unsafe partial struct RoomRing
{
    /// <summary>Ids are written with 16 digits, and are exact as a JavaScript number: <see cref="RoomLog.StartId"/> sees to both.</summary>
    public const int IdDigits = 16;

    /// <summary>
    /// How many announcements lie at most between the messages of a newcomer's history, and <see cref="AnnouncementsPerMessage"/> more for
    /// each of these: <see cref="MayAnnounce"/> sees to it, so that looking for where history begins has an end.
    /// </summary>
    public const int HistoryAnnouncementsMax = 1024;

    /// <summary>Announcements for which a message makes place.</summary>
    public const int AnnouncementsPerMessage = 8;

    /// <summary>In an entry of the index: what kind the record is of.</summary>
    private const long KindMask = 0x0F;

    /// <summary>In an entry of the index: the record has details.</summary>
    private const long DetailsFlag = 0x10;

    private readonly SegmentHeader* _segment;
    private readonly RoomHeader* _header;
    private readonly RoomLogLayout _layout;
    private readonly int _slot;

    internal RoomRing(SegmentHeader* segment, RoomHeader* header, RoomLogLayout layout, int slot)
    {
        _segment = segment;
        _header = header;
        _layout = layout;
        _slot = slot;
    }

    /// <summary>Position behind the newest byte.</summary>
    public long Head => Volatile.Read(ref _header->Head);

    /// <summary>Position up to which clients may read: the head, or what the journal has on disk if they wait for it.</summary>
    public long Published => IsAwaited ? Volatile.Read(ref _header->Synced) : Head;

    /// <summary>Number of the record that will be published next.</summary>
    public long PublishedId => IsAwaited ? Volatile.Read(ref _header->SyncedId) : NextId;

    /// <summary>Id of the newest record that is published.</summary>
    public long LastId => new RoomEpochs(_header).IdOf(PublishedId - 1);

    /// <summary>Position of the oldest byte that may be read.</summary>
    public long Tail => Volatile.Read(ref _header->Tail);

    /// <summary>
    /// Bytes from this position on have not been overwritten up to now. Behind the tail by the guard: what was readable before a
    /// read and lies at or above this after it was read whole.
    /// </summary>
    public long SafeFrom
    {
        get
        {
            Thread.MemoryBarrier();
            return Math.Max(Tail - _layout.GuardBytes, Volatile.Read(ref _header->Freed));
        }
    }

    /// <summary>Id that the next record gets.</summary>
    public long NextId => Volatile.Read(ref _header->NextId);

    /// <summary>How many records there are.</summary>
    public long RecordCount => Math.Max(0, NextId - Volatile.Read(ref _header->FirstId));

    /// <summary>The largest batch that one append takes.</summary>
    public int BatchBytesMax => _layout.GuardBytes;

    private bool IsAwaited => Volatile.Read(ref *(int*)&_segment->Journal) == (int)JournalState.Awaited;

    /// <summary>Whether anything that a person said is still there.</summary>
    internal bool HasMessages => _header->LastMessageId >= _header->FirstId;

    /// <summary>
    /// Whether positions and ids can be true at all. Ids may be ahead or behind by one batch after a holder's death, which
    /// <see cref="Repair"/> puts right.
    /// </summary>
    internal bool IsSane => _header->Tail >= 0 && (ulong)(_header->Head - _header->Tail) <= (ulong)_layout.RingBytes
        && (ulong)_header->Freed <= (ulong)_header->Tail && _header->FirstId > 0
        && (ulong)(_header->NextId - _header->FirstId) <= (ulong)(2 * _layout.IndexEntries);

    internal RoomHeader* Header => _header;

    /// <summary>The bytes from a position on that lie in one piece, at most up to <paramref name="end"/>.</summary>
    public byte* Read(long position, long end, out int count)
    {
        int offset = (int)(position & (_layout.RingBytes - 1));
        ref readonly var piece = ref _layout.PieceAt(offset);
        count = (int)Math.Min(end - position, piece.End - offset);
        return BlockOf(piece) + piece.IndexBytes + (offset - piece.Start);
    }

    /// <summary>The tail, for a reader that has read an end of the log before: the ring cannot hold more than lies between them.</summary>
    public long TailBefore(long end)
    {
        long tail = Tail;
        Invariant.Hold(end - tail <= _layout.RingBytes, "end of log against ring", "room {0}: {1} from {2} in {3} bytes", _slot, end, tail, _layout.RingBytes);
        Invariant.Hold(tail <= Head, "tail against head", "room {0}: tail {1}, head {2}", _slot, tail, Head);
        return tail;
    }

    /// <summary>Copies the bytes from a position on, in however many pieces they lie.</summary>
    public void Read(long position, Span<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            byte* from = Read(position, position + bytes.Length, out int count);
            new ReadOnlySpan<byte>(from, count).CopyTo(bytes);
            bytes = bytes[count..];
            position += count;
        }
    }

    /// <summary>Notes that the room is in use: a room that nobody has used for long makes place for another.</summary>
    public void Touch(long nowMs) => Volatile.Write(ref _header->UsedMs, nowMs);

    /// <summary>Clients in the room now, by worker's slot.</summary>
    public ReadOnlySpan<int> Members => new(_header->Members, RoomLogLayout.WorkerSlots);

    /// <summary>Clients in the room now, of all workers.</summary>
    public int MemberCount
    {
        get
        {
            int count = 0;
            foreach (int members in Members)
            {
                count += members;
            }

            return count;
        }
    }

    /// <summary>
    /// Whether an announcement may be appended. Joins and leaves without end would push out what was said, so they may take so many bytes, and
    /// each message makes place for some more.
    /// </summary>
    public bool MayAnnounce => Volatile.Read(ref _header->AnnouncedBytes) < _layout.AnnouncedBytesMax;

    /// <summary>Counts a client of a worker in or out. Only that worker does. A room that is left may be one that can be given up.</summary>
    public void CountMember(WorkerSlot worker, int change)
    {
        int members = _header->Members[worker.Index] + change;
        Volatile.Write(ref _header->Members[worker.Index], members);
        if (members == 0 && _segment->NoSpareUntilMs != 0)
        {
            Volatile.Write(ref _segment->NoSpareUntilMs, 0);
        }
    }

    internal ref long IndexOf(long id)
    {
        ref readonly var piece = ref PieceOf(id, out int entry);
        return ref ((long*)BlockOf(piece))[entry];
    }

    /// <summary>Position of a record that is there, or of the head for the next id.</summary>
    internal long PositionOf(long id) => id == _header->NextId ? _header->Head : PositionIn(IndexOf(id));

    /// <summary>Position in an entry of the index.</summary>
    internal long PositionIn(long entry) => entry >> _layout.PositionShift;

    /// <summary>Kind in an entry of the index: where there is one bit for it, a message or an announcement.</summary>
    internal RecordKind KindIn(long entry) => (RecordKind)(entry & (_layout.HasDetails ? KindMask : 1));

    /// <summary>What is known of a record that is there.</summary>
    internal RecordDetails DetailsOf(long id) => _layout.HasDetails && (IndexOf(id) & DetailsFlag) != 0 ? *DetailsAt(id) : default;

    internal byte ByteAt(long position) => *Read(position, position + 1, out _);

    /// <summary>Gives the next record of an empty room its number. Nobody else uses the room.</summary>
    internal void BeginAt(long number)
    {
        _header->FirstId = _header->NextId = number;

        // Where a ring is one piece, the layout before knew of no base.
        _header->IndexBase = _layout.Pieces.Length > 1 ? number : 0;
    }

    /// <summary>Gives the next record of an empty room a number of another one's log, and all from there on the ids that they have there.</summary>
    internal void BeginAs(RoomRing log, long number)
    {
        BeginAt(number);
        new RoomEpochs(_header).CopyFrom(log._header);
    }

    /// <summary>Records up to a number are not to be had: readers that stand before it find what they read next gone. Nobody else uses the room.</summary>
    internal void SkipTo(long number)
    {
        long position = _header->Head + RoomLogLayout.RecordBytesMin;
        BeginAt(number);
        Volatile.Write(ref _header->Head, position);
        Volatile.Write(ref _header->Tail, position);
    }

    /// <summary>Records have numbers now that are higher by so much: their entries of the index stay where they are. Nobody else uses the room.</summary>
    internal void MoveIndex(long shift)
    {
        if (_layout.Pieces.Length > 1)
        {
            _header->IndexBase += shift;
            return;
        }

        // The layout before knew of no base: the entries move.
        long[] entries = new long[_header->NextId - _header->FirstId];
        for (int i = 0; i < entries.Length; i++)
        {
            entries[i] = IndexOf(_header->FirstId - shift + i);
        }

        for (int i = 0; i < entries.Length; i++)
        {
            IndexOf(_header->FirstId + i) = entries[i];
        }
    }

    /// <summary>
    /// Takes over the newest records of another ring that fit into this one, which is empty, with their ids. Nobody else uses either.
    /// </summary>
    internal void CopyFrom(RoomRing other)
    {
        var from = other._header;
        long id = from->FirstId;
        while (id < from->NextId && from->Head - other.PositionOf(id) > _layout.RingBytes - _layout.GuardBytes)
        {
            id++;
        }

        BeginAs(other, id);
        byte[] record = new byte[Math.Min(BatchBytesMax, other.BatchBytesMax)];
        for (; id < from->NextId; id++)
        {
            long start = other.PositionOf(id);
            int length = (int)(other.PositionOf(id + 1) - start);
            if (length > record.Length)
            {
                BeginAt(id + 1);
                _header->Tail = _header->Head;
                continue;
            }

            other.Read(start, record.AsSpan(0, length));

            Append(record.AsSpan(0, length), [new LogRecord(length, IdOffset: -1, other.KindIn(other.IndexOf(id))) { Details = other.DetailsOf(id) }]);
        }
    }

    internal void WriteEntry(long id, long position, RecordKind kind, in RecordDetails details)
    {
        long flags = (long)kind;
        if (!_layout.HasDetails)
        {
            flags = kind == RecordKind.Chat ? 1 : 0;
        }
        else if (details != default)
        {
            *DetailsAt(id) = details;
            flags |= DetailsFlag;
        }

        IndexOf(id) = (position << _layout.PositionShift) | flags;
    }

    private RecordDetails* DetailsAt(long id)
    {
        ref readonly var piece = ref PieceOf(id, out int entry);
        return (RecordDetails*)((byte*)_segment + piece.DetailsOf(_slot)) + entry;
    }

    /// <summary>The piece in which a record's entry of the index lies, and its place there.</summary>
    private ref readonly RoomPiece PieceOf(long id, out int entry)
    {
        int offset = (int)((id - _header->IndexBase) & (_layout.IndexEntries - 1)) * RoomLogLayout.RecordBytesMin;
        ref readonly var piece = ref _layout.PieceAt(offset);
        entry = (offset - piece.Start) / RoomLogLayout.RecordBytesMin;
        return ref piece;
    }

    private byte* BlockOf(in RoomPiece piece) => (byte*)_segment + piece.OffsetOf(_slot);
}
