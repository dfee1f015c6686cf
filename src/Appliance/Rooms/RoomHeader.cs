using System.Runtime.InteropServices;
using Appliance.Native;

namespace Appliance.Rooms;

/// <summary>
/// One room. The lock, what readers watch and what only writers use lie on cache lines of their own. Positions count bytes since
/// the room was made and only grow.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
public unsafe struct RoomHeader
{
    /// <summary>Size of a header.</summary>
    public const int Bytes = 1024;

    /// <summary>Longest name of a room, in bytes.</summary>
    public const int NameBytesMax = 64;

    /// <summary>Taken for every append and every look into the index.</summary>
    [FieldOffset(0)]
    public fixed byte Lock[Syscall.MutexBytes];

    /// <summary>Position of the oldest byte that may be read; advanced before anything is overwritten.</summary>
    [FieldOffset(64)]
    public long Tail;

    /// <summary>Of what lies below this position the memory was given back; not above the tail. Zero in a segment of an older server.</summary>
    [FieldOffset(72)]
    public long Freed;

    /// <summary>
    /// Grows by two with each record that is overwritten where it is, which is odd meanwhile: it lies where every reader looks anyway. Zero in
    /// a segment of an older server.
    /// </summary>
    [FieldOffset(80)]
    public long Erasures;

    /// <summary>Position of the record that is being overwritten, or was last; written before <see cref="Erasures"/> becomes odd.</summary>
    [FieldOffset(88)]
    public long ErasedFrom;

    /// <summary>Position behind the newest byte; published last.</summary>
    [FieldOffset(128)]
    public long Head;

    /// <summary>Position up to which the journal has everything on disk.</summary>
    [FieldOffset(136)]
    public long Synced;

    /// <summary>Number of the record at <see cref="Synced"/>, as <see cref="FirstId"/> counts.</summary>
    [FieldOffset(144)]
    public long SyncedId;

    /// <summary>Id of the record at <see cref="Tail"/>; under the lock.</summary>
    [FieldOffset(192)]
    public long FirstId;

    /// <summary>Id that the next record gets; under the lock.</summary>
    [FieldOffset(200)]
    public long NextId;

    /// <summary>Id of the last record that a person said, 0 for none; under the lock.</summary>
    [FieldOffset(208)]
    public long LastMessageId;

    /// <summary>When somebody last joined, left or wrote, in milliseconds of the monotonic clock.</summary>
    [FieldOffset(216)]
    public long UsedMs;

    /// <summary>From this number on a record's number is its id. What is older came from a journal and has lower ids.</summary>
    [FieldOffset(224)]
    public long EpochId;

    /// <summary>Number of the record that has the first entry of the index: the room's first, so that small rooms use its beginning.</summary>
    [FieldOffset(232)]
    public long IndexBase;

    /// <summary>Bytes of announcements that messages have not made up for yet; under the lock. Zero in a segment of an older server.</summary>
    [FieldOffset(240)]
    public long AnnouncedBytes;

    /// <summary>Bytes of <see cref="Name"/>.</summary>
    [FieldOffset(256)]
    public int NameBytes;

    /// <summary>The room's name.</summary>
    [FieldOffset(260)]
    public fixed byte Name[NameBytesMax];

    /// <summary>How many former epochs there are, the newest first.</summary>
    [FieldOffset(328)]
    public int FormerCount;

    /// <summary>Zero. A room in which it is not is of a version that this one does not know, and begins anew.</summary>
    [FieldOffset(332)]
    public uint Reserved;

    /// <summary>Number of the first record of each former epoch.</summary>
    [FieldOffset(336)]
    public fixed long FormerFirsts[RoomEpochs.FormerMax];

    /// <summary>By how much the ids of each former epoch are lower than its numbers.</summary>
    [FieldOffset(400)]
    public fixed long FormerShifts[RoomEpochs.FormerMax];

    /// <summary>Position in the log of all machines up to which the room has everything; 0 while there is none.</summary>
    [FieldOffset(464)]
    public long OuterPosition;

    /// <summary>Id of the record at <see cref="OuterPosition"/>.</summary>
    [FieldOffset(472)]
    public long OuterId;

    /// <summary>Which log of all machines these two speak of; 0 for none.</summary>
    [FieldOffset(480)]
    public ulong OuterLog;

    /// <summary>Clients in the room now, by worker's slot.</summary>
    [FieldOffset(512)]
    public fixed int Members[RoomLogLayout.WorkerSlots];
}
