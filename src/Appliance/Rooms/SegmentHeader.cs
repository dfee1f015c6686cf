using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Appliance.Metrics;
using Appliance.Native;

namespace Appliance.Rooms;

/// <summary>Whether a journal is kept of the rooms.</summary>
public enum JournalState
{
    /// <summary>No.</summary>
    None = 0,

    /// <summary>Yes, and every append marks its room for the journal.</summary>
    Kept = 1,

    /// <summary>Yes, and clients read only what is on disk.</summary>
    Awaited = 2,
}

/// <summary>The first page of the segment.</summary>
[StructLayout(LayoutKind.Explicit, Size = 4096)]
public unsafe struct SegmentHeader
{
    /// <summary>Upper half of <see cref="Reserved"/> in a segment of a later release. Anything else there is damage.</summary>
    public const uint ReservedMark = 0x4C52;

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

    /// <summary>Zero; or the <see cref="ReservedMark"/> and bits, of a version that this one does not know whatever <see cref="Version"/> says.</summary>
    [FieldOffset(160)]
    public uint Reserved;

    /// <summary>How many records of all rooms were overwritten where they lie. These two are zero in a segment of an older server.</summary>
    [FieldOffset(168)]
    public long Erasures;

    /// <summary>What <see cref="Erasures"/> was when the writing of the journal's file began: the file has no text of those.</summary>
    [FieldOffset(176)]
    public long JournalErasures;

    /// <summary>
    /// Until when, in milliseconds of the monotonic clock, no room can be given up, as a search has found; cleared when a room is left. These
    /// two are zero in a segment of an older server.
    /// </summary>
    [FieldOffset(192)]
    public long NoSpareUntilMs;

    /// <summary>
    /// 0 while there is enough memory. Above, rooms that are in use are cut because all together take as much as they may: a new one is made only
    /// in the place of one that was given up, of which this less 1 are left.
    /// </summary>
    [FieldOffset(200)]
    public int MemoryIsShort;

    /// <summary>
    /// <c>--worker-timeout</c> in force, in seconds, by the master that ends workers; 0 when nobody does. Zero in a segment of an older server.
    /// </summary>
    [FieldOffset(204)]
    public int WorkerTimeoutSeconds;

    /// <summary>What is in each <see cref="SegmentAreaKind"/>.</summary>
    [FieldOffset(208)]
    private fixed ulong _areas[SegmentArea.Kinds * SegmentArea.Bytes / sizeof(ulong)];

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

    /// <summary>1 while the sampler rests: nothing has happened since its last border, and the next event wakes it.</summary>
    [FieldOffset(3876)]
    public int SamplerRests;

    /// <summary>When its last rest ended, in monotonic nanoseconds; before that nobody has woken a loop.</summary>
    [FieldOffset(3880)]
    public long ResumedNs;

    /// <summary>
    /// Followers that are told of everything, a bit each as their slots follow one another; the first is the journal's, for which
    /// <see cref="Journal"/> stands, and is not set. Zero in a segment of an older server.
    /// </summary>
    [FieldOffset(3888)]
    public uint Followers;

    /// <summary>What is in a place of the segment; only where the layout has such places.</summary>
    [UnscopedRef]
    public ref SegmentArea AreaOf(SegmentAreaKind kind) => ref Unsafe.As<ulong, SegmentArea>(ref _areas[(int)kind * SegmentArea.Bytes / sizeof(ulong)]);
}
