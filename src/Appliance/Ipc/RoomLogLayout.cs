using System.Runtime.InteropServices;
using Appliance.Metrics;
using Appliance.Native;

namespace Appliance.Ipc;

/// <summary>
/// What lies where in the segment of the room logs. All offsets are bytes from its start, all numbers little-endian:
/// <code>
/// 0                     SegmentHeader            one page
/// WorkersOffset         WorkerHeader, 2048 bytes a slot, 128 of workers and the journal's, to the next page
/// DirtyOffset           a bit a room for each slot: "has got something"; a slot's bits fill whole cache lines
/// DirectoryOffset       name hash, 8 bytes a room   (0: the slot is free), to the next page
/// HeadersOffset         RoomHeader, 1024 bytes a room, to the next page
/// RoomsOffset           of every room the first 7 KiB of its ring, behind their part of its index (8 bytes an entry), to the next page;
///                       then the next 56 KiB of every room, and so on: see <see cref="RoomPiece"/>
/// </code>
/// The segment is made without reserving memory: a page counts once it is touched. That the beginnings of many rooms lie together
/// makes small rooms cheap: a page of the page table covers 256 of them, in each process, where rings that lie apart take one each.
/// </summary>
public sealed class RoomLogLayout
{
    /// <summary>"APPLROOM", the first eight bytes.</summary>
    public const ulong Magic = 0x4D4F4F524C505041;

    /// <summary>Changes with every change of this page; a segment of a version that is not taken over is never touched.</summary>
    public const uint NewestVersion = 5;

    /// <summary>The oldest version that is taken over: there, each room's ring is one piece.</summary>
    public const uint OldestVersion = 4;

    /// <summary>No record is shorter, so that an index of ring bytes / 64 entries covers the whole ring.</summary>
    public const int RecordBytesMin = 64;

    /// <summary>Smallest ring: 16 times the guard that the largest allowed message needs at default limits.</summary>
    public const int RingBytesMin = 64 << 10;

    /// <summary>Largest ring: positions inside it, and lengths sent from it, stay an int.</summary>
    public const int RingBytesMax = 1 << 30;

    /// <summary>Workers that a daemon can have.</summary>
    public const int WorkersMax = 64;

    /// <summary>
    /// Slots of workers: twice as many, because during an upgrade the workers of two masters serve side by side. Worker n has slot n
    /// or slot n + <see cref="WorkersMax"/>, in turns.
    /// </summary>
    public const int WorkerSlots = 2 * WorkersMax;

    /// <summary>The slot of the journal, which is told and woken as workers are.</summary>
    public const int JournalSlot = WorkerSlots;

    /// <summary>All slots.</summary>
    public const int Slots = WorkerSlots + 1;

    private const int PageBytes = 4096;
    private const int CacheLineBytes = 64;
    private const int WordBits = 64;

    /// <summary>Of a ring's first piece: with its part of the index it fills two pages.</summary>
    private const int FirstPieceBytes = 7 << 10;

    /// <summary>How many times as large as the one before a piece is.</summary>
    private const int PieceGrowth = 8;

    private readonly RoomPiece[] _pieces;

    /// <summary>The layout for that many rooms with rings of that many bytes, rounded up to a power of two.</summary>
    public RoomLogLayout(int rooms, int ringBytes, uint version = NewestVersion)
    {
        Version = version;
        Rooms = rooms;
        RingBytes = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Clamp(ringBytes, RingBytesMin, RingBytesMax));
        IndexEntries = RingBytes / RecordBytesMin;
        GuardBytes = RingBytes / 8;
        WorkersOffset = PageBytes;
        DirtyOffset = PageAlign(WorkersOffset + (Slots * WorkerHeader.Bytes));
        DirtyWords = (rooms + WordBits - 1) / WordBits;
        DirtyStride = (long)((DirtyWords * sizeof(ulong)) + CacheLineBytes - 1) / CacheLineBytes * CacheLineBytes;
        DirectoryOffset = PageAlign(DirtyOffset + (Slots * DirtyStride));
        HeadersOffset = PageAlign(DirectoryOffset + ((long)rooms * sizeof(ulong)));
        RoomsOffset = PageAlign(HeadersOffset + ((long)rooms * RoomHeader.Bytes));
        _pieces = [.. Split(version == OldestVersion ? RingBytes : FirstPieceBytes)];
        SegmentBytes = _pieces[^1].OffsetOf(rooms);
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

    /// <summary>Where the rooms' pieces start.</summary>
    public long RoomsOffset { get; }

    /// <summary>The pieces of each room, in the order of its ring.</summary>
    public ReadOnlySpan<RoomPiece> Pieces => _pieces;

    /// <summary>Size of the whole segment.</summary>
    public long SegmentBytes { get; }

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

    /// <summary>Each piece is larger than the one before; the last one takes what is left, so that it is no small rest.</summary>
    private IEnumerable<RoomPiece> Split(int bytes)
    {
        long offset = RoomsOffset;
        for (int start = 0; start < RingBytes; bytes *= PieceGrowth)
        {
            int left = RingBytes - start;
            int length = left < 2L * bytes ? left : bytes;
            var piece = new RoomPiece(start, start + length, offset, PageAlign(length + RoomPiece.IndexBytesOf(length)));
            yield return piece;
            offset = piece.OffsetOf(Rooms);
            start = piece.End;
        }
    }

    private static long PageAlign(long bytes) => (bytes + PageBytes - 1) & ~(long)(PageBytes - 1);
}

/// <summary>Whether a journal is kept of the rooms.</summary>
public enum JournalState
{
    /// <summary>No.</summary>
    None = 0,

    /// <summary>Yes, and it is told of everything.</summary>
    Kept = 1,

    /// <summary>Yes, and nobody reads what it has not got on disk.</summary>
    Awaited = 2,
}

/// <summary>The first page of the segment.</summary>
[StructLayout(LayoutKind.Explicit, Size = 4096)]
public unsafe struct SegmentHeader
{
    /// <summary>Longest text about a reload.</summary>
    public const int ReloadTextBytesMax = 2048;

    /// <summary>Longest text about a reopening of the log.</summary>
    public const int ReopenTextBytesMax = 512;

    /// <summary><see cref="RoomLogLayout.Magic"/>, written last when a segment is made.</summary>
    [FieldOffset(0)]
    public ulong Magic;

    /// <summary><see cref="RoomLogLayout.NewestVersion"/> of whoever has made the segment.</summary>
    [FieldOffset(8)]
    public uint Version;

    /// <summary>How many rooms there can be.</summary>
    [FieldOffset(12)]
    public int Rooms;

    /// <summary>Bytes of one room's ring.</summary>
    [FieldOffset(16)]
    public int RingBytes;

    /// <summary>The master's process; 0 for none.</summary>
    [FieldOffset(20)]
    public int MasterPid;

    /// <summary>When the daemon became ready, in milliseconds since 1970.</summary>
    [FieldOffset(24)]
    public long ReadyMs;

    /// <summary>How often the configuration was read again, whatever came of it: written behind the other figures of it.</summary>
    [FieldOffset(32)]
    public int Reloads;

    /// <summary>How often the log was reopened, whatever came of it: written behind the text about it.</summary>
    [FieldOffset(36)]
    public int Reopens;

    /// <summary>Worker processes asked for.</summary>
    [FieldOffset(40)]
    public int Workers;

    /// <summary>Slot of the first worker: 0, or after every other upgrade <see cref="RoomLogLayout.WorkersMax"/>.</summary>
    [FieldOffset(44)]
    public int FirstSlot;

    /// <summary>How often an upgrade was tried and failed: written behind the text that says why.</summary>
    [FieldOffset(48)]
    public int FailedUpgrades;

    /// <summary>Whether a journal is kept of the rooms, and whether readers wait for it.</summary>
    [FieldOffset(52)]
    public JournalState Journal;

    /// <summary>The errno for which the journal cannot be written now; 0: it can.</summary>
    [FieldOffset(56)]
    public Errno JournalError;

    /// <summary>Records of rooms that were given up before the journal had them on disk, since it last looked.</summary>
    [FieldOffset(60)]
    public int JournalMissed;

    /// <summary>Guards the directory: finding a free slot, naming it, freeing it.</summary>
    [FieldOffset(64)]
    public fixed byte Lock[Syscall.MutexBytes];

    /// <summary>Slots of workers that were ever used, a bit each.</summary>
    [FieldOffset(128)]
    public fixed ulong UsedSlots[RoomLogLayout.WorkerSlots / 64];

    /// <summary>Which file the rooms' <see cref="RoomHeader.Synced"/> speaks of: the identity in its header.</summary>
    [FieldOffset(144)]
    public ulong JournalIdentity;

    /// <summary>How long the file is when it holds all up to <see cref="RoomHeader.Synced"/> and nothing else; 0: nobody knows.</summary>
    [FieldOffset(152)]
    public long JournalBytes;

    /// <summary>
    /// Until when, in milliseconds of the monotonic clock, no room can be given up, as a search has found; cleared when a room is left. These
    /// two are zero in a segment of an older server.
    /// </summary>
    [FieldOffset(192)]
    public long NoSpareUntilMs;

    /// <summary>1 while rooms that are in use are cut because all together take as much memory as they may: no new one is made.</summary>
    [FieldOffset(200)]
    public int MemoryIsShort;

    /// <summary>
    /// <c>--worker-timeout</c> in force, in seconds, by the master that ends workers; 0 when nobody does. Zero in a segment of an older server.
    /// </summary>
    [FieldOffset(204)]
    public int WorkerTimeoutSeconds;

    /// <summary>Bytes of <see cref="ReloadText"/>.</summary>
    [FieldOffset(1024)]
    public int ReloadTextBytes;

    /// <summary>What came of the last reload, in words: what was wrong, or what needs a restart; UTF-8.</summary>
    [FieldOffset(1028)]
    public fixed byte ReloadText[ReloadTextBytesMax];

    /// <summary>Bytes of <see cref="ReopenText"/>.</summary>
    [FieldOffset(3080)]
    public int ReopenTextBytes;

    /// <summary>Why the log could not be reopened the last time; empty when it was; UTF-8.</summary>
    [FieldOffset(3084)]
    public fixed byte ReopenText[ReopenTextBytesMax];

    /// <summary>Odd while the sampler writes a border of an interval, here and in the workers' headers, and another number afterwards.</summary>
    [FieldOffset(3600)]
    public uint SampleSequence;

    /// <summary>The border at which the last whole interval began.</summary>
    [FieldOffset(3608)]
    public ServerSnapshot Before;

    /// <summary>The border at which it ended.</summary>
    [FieldOffset(3608 + ServerSnapshot.Bytes)]
    public ServerSnapshot After;

    /// <summary>1 once the server stops.</summary>
    [FieldOffset(3864)]
    public int Stopping;

    /// <summary>The least workers there may be.</summary>
    [FieldOffset(3868)]
    public int WorkersLeast;

    /// <summary>The most workers there may be.</summary>
    [FieldOffset(3872)]
    public int WorkersMost;

    /// <summary>1 while the sampler rests: nothing has happened since its last border, and whoever does something wakes it.</summary>
    [FieldOffset(3876)]
    public int SamplerRests;

    /// <summary>When its last rest ended, in monotonic nanoseconds; before that nobody has woken a loop.</summary>
    [FieldOffset(3880)]
    public long ResumedNs;
}
