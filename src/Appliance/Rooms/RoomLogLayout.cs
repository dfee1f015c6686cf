using Appliance.Loop;
using Appliance.Metrics;

namespace Appliance.Rooms;

/// <summary>
/// What lies where in the segment of the room logs. All offsets are bytes from its start, all numbers little-endian:
/// <code>
/// 0                     SegmentHeader            one page
/// WorkersOffset         a page a slot, 128 of workers and 8 of followers: WorkerHeader, WorkerFigures, and WorkerSnapshot twice
/// DirtyOffset           a bit a room for each slot: "has got something"; a slot's bits fill whole cache lines
/// DirectoryOffset       name hash, 8 bytes a room   (0: the slot is free), to the next page
/// HeadersOffset         RoomHeader, 1024 bytes a room, to the next page
/// FollowersOffset       FollowerMark, 16 bytes for each of 8 followers, a room, to the next page
/// RoomsOffset           of every room the first 7 KiB of its ring, behind their part of its index (8 bytes an entry), to the next page;
///                       then the next 56 KiB of every room, and so on: see <see cref="RoomPiece"/>
/// DetailsOffset         for each of these pieces, of every room, RecordDetails: 32 bytes an entry of the index, to the next page
/// AreasOffset           a place for each <see cref="SegmentAreaKind"/>
/// </code>
/// The segment is made without reserving memory: a page counts once it is touched. That the beginnings of many rooms lie together
/// makes small rooms cheap: a page of the page table covers 256 of them, in each process, where rings that lie apart take one each.
/// Layouts before have no followers but the journal, no details and no areas, and half a page a slot: see <see cref="HasDetails"/>.
/// </summary>
public sealed class RoomLogLayout
{
    /// <summary>"APPLROOM", the first eight bytes.</summary>
    public const ulong Magic = 0x4D4F4F524C505041;

    /// <summary>Changes with every change of this page; a segment of a version that is not taken over is never touched.</summary>
    public const uint NewestVersion = 6;

    /// <summary>The oldest version that is taken over: there, each room's ring is one piece.</summary>
    public const uint OldestVersion = 4;

    /// <summary>No record is shorter, so that an index of ring bytes / 64 entries covers the whole ring.</summary>
    public const int RecordBytesMin = 64;

    /// <summary>Smallest ring: its guard holds nine of the largest messages that the default settings allow.</summary>
    public const int RingBytesMin = 64 << 10;

    /// <summary>Largest ring: positions inside it, and lengths sent from it, stay an int.</summary>
    public const int RingBytesMax = 1 << 30;

    /// <summary>Part of a ring between its tail and what is overwritten next: an eighth, the largest append.</summary>
    public const int GuardShare = 8;

    /// <summary>Workers that a daemon can have.</summary>
    public const int WorkersMax = 64;

    /// <summary>
    /// Slots of workers: twice as many, because during an upgrade the workers of two masters serve side by side. Worker n has slot n
    /// or slot n + <see cref="WorkersMax"/>, in turns.
    /// </summary>
    public const int WorkerSlots = 2 * WorkersMax;

    /// <summary>Followers: readers with a cursor on every room that are no clients.</summary>
    public const int FollowersMax = 8;

    /// <summary>The slot of the journal, the first of the followers, which are marked and woken like workers.</summary>
    public static WorkerSlot JournalSlot => new(WorkerSlots);

    /// <summary>All slots.</summary>
    public const int Slots = WorkerSlots + FollowersMax;

    /// <summary>The first version with all that is told above; the one before has rings in pieces and nothing behind them.</summary>
    private const uint DetailsVersion = 6;

    private const int PageBytes = 4096;
    private const int CacheLineBytes = 64;
    private const int WordBits = 64;

    /// <summary>Of a ring's first piece: with its part of the index it fills two pages.</summary>
    private const int FirstPieceBytes = 7 << 10;

    /// <summary>How many times as large as the one before a piece is.</summary>
    private const int PieceGrowth = 8;

    /// <summary>Bits of an entry of the index below the position: the kind of record, and whether it has details.</summary>
    private const int EntryBits = 8;

    private readonly RoomPiece[] _pieces;
    private readonly long[] _areas = new long[SegmentArea.Kinds];

    /// <summary>The layout for that many rooms with rings of that many bytes, rounded up to a power of two.</summary>
    public RoomLogLayout(int rooms, int ringBytes, uint version = NewestVersion)
    {
        Version = version;
        Rooms = rooms;
        RingBytes = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Clamp(ringBytes, RingBytesMin, RingBytesMax));
        IndexEntries = RingBytes / RecordBytesMin;
        GuardBytes = RingBytes / GuardShare;
        WorkersOffset = PageBytes;
        HasDetails = version >= DetailsVersion;
        SlotCount = SlotsOf(version);
        WorkerStride = HasDetails ? PageBytes : PageBytes / 2;
        FiguresBytes = HasDetails ? WorkerFigures.Bytes : WorkerFigures.FormerBytes;
        PositionShift = HasDetails ? EntryBits : 1;
        DirtyOffset = PageAlign(WorkersOffset + ((long)SlotCount * WorkerStride));
        DirtyWords = (rooms + WordBits - 1) / WordBits;
        DirtyStride = (long)((DirtyWords * sizeof(ulong)) + CacheLineBytes - 1) / CacheLineBytes * CacheLineBytes;
        DirectoryOffset = PageAlign(DirtyOffset + (SlotCount * DirtyStride));
        HeadersOffset = PageAlign(DirectoryOffset + ((long)rooms * sizeof(ulong)));
        FollowersOffset = PageAlign(HeadersOffset + ((long)rooms * RoomHeader.Bytes));
        RoomsOffset = PageAlign(FollowersOffset + (HasDetails ? (long)rooms * FollowersMax * FollowerMark.Bytes : 0));
        _pieces = [.. Split(version == OldestVersion ? RingBytes : FirstPieceBytes)];
        SegmentBytes = _pieces[^1].OffsetOf(rooms);
        if (HasDetails)
        {
            PlaceDetailsAndAreas();
        }
    }

    /// <summary>Which version's it is.</summary>
    public uint Version { get; }

    /// <summary>How many rooms there can be.</summary>
    public int Rooms { get; }

    /// <summary>Bytes of one room's ring, a power of two.</summary>
    public int RingBytes { get; }

    /// <summary>Entries of one room's index, a power of two.</summary>
    public int IndexEntries { get; }

    /// <summary>
    /// Bytes between what may still be read and what is overwritten next, and so the largest batch of one append: a reader that
    /// was overtaken while the kernel copied its bytes has at least one whole batch of time before they are torn.
    /// </summary>
    public int GuardBytes { get; }

    /// <summary>Bytes of announcements after which no further one is made until something is said: a quarter of a small ring.</summary>
    public int AnnouncedBytesMax => Math.Min(RoomRing.HistoryAnnouncementsMax * RecordBytesMin, RingBytes / 4);

    /// <summary>Where the workers' headers start.</summary>
    public long WorkersOffset { get; }

    /// <summary>Where the workers' bits of rooms start.</summary>
    public long DirtyOffset { get; }

    /// <summary>Words of bits of one worker.</summary>
    public int DirtyWords { get; }

    /// <summary>From one worker's bits to the next one's.</summary>
    public long DirtyStride { get; }

    /// <summary>Where the name hashes start.</summary>
    public long DirectoryOffset { get; }

    /// <summary>Where the room headers start.</summary>
    public long HeadersOffset { get; }

    /// <summary>Where the followers' marks start, where there are some.</summary>
    public long FollowersOffset { get; }

    /// <summary>Where the rooms' pieces start.</summary>
    public long RoomsOffset { get; }

    /// <summary>
    /// Whether there is place for followers beside the journal, for details of records and for areas. Where there is none, in the segment of an
    /// older server that was taken over as it runs, a record is a message or an announcement.
    /// </summary>
    public bool HasDetails { get; }

    /// <summary>Slots that have a header and bits of rooms.</summary>
    public int SlotCount { get; }

    /// <summary>From one slot's header to the next one's.</summary>
    public int WorkerStride { get; }

    /// <summary>Bytes of a set of figures: further ones are not kept there.</summary>
    public int FiguresBytes { get; }

    /// <summary>Bits of an entry of the index below the position.</summary>
    public int PositionShift { get; }

    /// <summary>The pieces of each room, in the order of its ring.</summary>
    public ReadOnlySpan<RoomPiece> Pieces => _pieces;

    /// <summary>Size of the whole segment.</summary>
    public long SegmentBytes { get; private set; }

    /// <summary>Which worker of its master has a slot.</summary>
    public static WorkerNumber NumberOf(WorkerSlot slot) => new(slot.Index % WorkersMax);

    /// <summary>The first slot of the master that runs beside one with a first slot during an upgrade, and takes over from it.</summary>
    public static WorkerSlot OtherFirst(WorkerSlot first) => new(WorkersMax - first.Index);

    /// <summary>The slot of a worker whose master is that of another slot's worker.</summary>
    public static WorkerSlot SlotBeside(WorkerSlot slot, WorkerNumber number) => new(slot.Index - NumberOf(slot).Value + number.Value);

    /// <summary>Slots that a version has.</summary>
    public static int SlotsOf(uint version) => version >= DetailsVersion ? Slots : WorkerSlots + 1;

    /// <summary>The piece in which an offset of a ring lies. Most of a ring that is in full use is the last one's.</summary>
    public ref readonly RoomPiece PieceAt(int offset)
    {
        int piece = _pieces.Length - 1;
        while (offset < _pieces[piece].Start)
        {
            piece--;
        }

        return ref _pieces[piece];
    }

    /// <summary>Where an area lies.</summary>
    public long AreaOffset(SegmentAreaKind kind) => _areas[(int)kind];

    private void PlaceDetailsAndAreas()
    {
        for (int i = 0; i < _pieces.Length; i++)
        {
            _pieces[i] = _pieces[i] with { Details = SegmentBytes, DetailsStride = PageAlign(_pieces[i].Entries * RecordDetails.Bytes) };
            SegmentBytes = _pieces[i].DetailsOf(Rooms);
        }

        for (int kind = 0; kind < _areas.Length; kind++)
        {
            _areas[kind] = SegmentBytes;
            SegmentBytes += SegmentArea.BytesOf((SegmentAreaKind)kind);
        }
    }

    /// <summary>Each piece is larger than the one before; the last one takes what is left, so that it is no small rest.</summary>
    private IEnumerable<RoomPiece> Split(int bytes)
    {
        long offset = RoomsOffset;
        for (int start = 0; start < RingBytes; bytes *= PieceGrowth)
        {
            int left = RingBytes - start;
            int length = left < 2L * bytes ? left : bytes;
            var piece = new RoomPiece(start, start + length, offset, Stride: 0);
            piece = piece with { Stride = PageAlign(length + piece.IndexBytes) };
            yield return piece;
            offset = piece.OffsetOf(Rooms);
            start = piece.End;
        }
    }

    private static long PageAlign(long bytes) => (bytes + PageBytes - 1) & ~(long)(PageBytes - 1);
}
