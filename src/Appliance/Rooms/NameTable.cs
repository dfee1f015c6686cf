using System.Runtime.InteropServices;
using Appliance.Loop;
using Appliance.Native;

namespace Appliance.Rooms;

/// <summary>Who claims a name.</summary>
/// <param name="Owner">The number of a user, or of a connection that is nobody's; never 0.</param>
/// <param name="Address">What the client's address is, so that whoever comes again from there gets its name again; 0 for a user.</param>
public readonly record struct NameOwner(ulong Owner, uint Address);

/// <summary>
/// Whose a name is, over all workers, where each is one user's or connection's alone: at the end of the place that the segment keeps for members.
/// <code>
/// 0     a robust mutex, for whoever looks or writes
/// 64    version (4): 0 until it is made; zero (4); a key (8)
/// 128   sets of 16 entries, 32 bytes each: number of the name (0: free), owner (0: it has ended), its address (4), process of its worker (4), until when
///       it is kept
/// </code>
/// A name is kept for a while: whoever has it keeps it anew before that is over (<see cref="KeptMs"/>), and a killed worker does not, so nothing needs
/// repair. Until then a name whose owner has ended, or whose worker is dead, is for the owner's address alone. Times are those of the clock that all
/// processes share. Which set a name lies in follows from a key of this segment, so nobody can aim at one. A name for which its set has no place is
/// nobody's.
/// </summary>
public sealed unsafe class NameTable
{
    /// <summary>Of all that is told above.</summary>
    public const uint Version = 1;

    /// <summary>How long a name is kept for who has it, or had it.</summary>
    public const int KeptMs = 60_000;

    /// <summary>Bytes of the table.</summary>
    internal const int TableBytes = 2 << 20;

    private const int HeadBytes = 128;
    private const int VersionOffset = 64;
    private const int KeyOffset = 72;
    private const int SetEntries = 16;
    private const int Sets = (TableBytes - HeadBytes) / (SetEntries * Entry.Bytes);

    private readonly RoomLog _log;
    private readonly byte* _base;

    private NameTable(RoomLog log)
    {
        _log = log;
        _base = log.Address + log.Layout.AreaOffset(SegmentAreaKind.Members) + SegmentArea.BytesOf(SegmentAreaKind.Members) - TableBytes;
    }

    private SharedLock Lock => new(_base);

    private ref uint MadeVersion => ref *(uint*)(_base + VersionOffset);

    private ulong Key => *(ulong*)(_base + KeyOffset);

    /// <summary>The table of a segment; null where there is none: the segment is an older server's, or a later release has laid it out.</summary>
    public static NameTable? Open(RoomLog log) => log.Layout.HasDetails && new NameTable(log) is { MadeVersion: Version } table ? table : null;

    /// <summary>Makes the table where there is none yet, before any worker looks for it.</summary>
    /// <param name="log">The rooms.</param>
    /// <param name="isAlone">Whether no other process uses them: then a lock of former ones is made anew.</param>
    public static void Make(RoomLog log, bool isAlone)
    {
        if (!log.Layout.HasDetails)
        {
            return;
        }

        var table = new NameTable(log);
        if (table.MadeVersion == 0)
        {
            Syscall.FillRandom(new Span<byte>(table._base + KeyOffset, sizeof(ulong)));
        }

        if (table.MadeVersion == 0 || (isAlone && table.MadeVersion == Version))
        {
            table.Lock.Initialize();
            Volatile.Write(ref table.MadeVersion, Version);
        }
    }

    /// <summary>The number of a name in this table; never 0.</summary>
    /// <param name="name">The name as it is compared.</param>
    public ulong NumberOf(ReadOnlySpan<byte> name)
    {
        ulong number = Key | 1;
        foreach (byte letter in name)
        {
            ulong high = Math.BigMul(number ^ letter, 0x9E37_79B9_7F4A_7C15, out ulong low);
            number = (high ^ low) + Key;
        }

        return Math.Max(1, number);
    }

    /// <summary>Gives a name to an owner, or keeps it for it; false when it is another one's.</summary>
    public bool TryClaim(ulong name, NameOwner owner, long nowMs)
    {
        _ = Lock.Enter();
        try
        {
            return TryClaim(ref PlaceOf(name, nowMs), name, owner, nowMs);
        }
        finally
        {
            Lock.Exit();
        }
    }

    /// <summary>An owner has another name now, and this one is free; or it has ended, and the name is kept for who comes from its address.</summary>
    public void Release(ulong name, NameOwner owner, bool hasEnded, long nowMs)
    {
        _ = Lock.Enter();
        try
        {
            ref var entry = ref PlaceOf(name, nowMs);
            if (entry.Name == name && entry.Owner == owner.Owner)
            {
                (entry.Owner, entry.UntilMs) = hasEnded ? (owner.Address == 0 ? owner.Owner : 0, nowMs + KeptMs) : (0, 0);
            }
        }
        finally
        {
            Lock.Exit();
        }
    }

    private bool TryClaim(ref Entry entry, ulong name, NameOwner owner, long nowMs)
    {
        if (entry.Name == name && entry.IsKept(nowMs))
        {
            bool isItsOwn = entry.Owner == owner.Owner
                || (owner.Address != 0 && entry.Address == owner.Address && (entry.Owner == 0 || !IsWorker(entry.Process)));
            if (!isItsOwn)
            {
                return false;
            }
        }
        else if (entry.IsKept(nowMs))
        {
            // No place in its set.
            return true;
        }

        entry.Name = 0;
        (entry.Owner, entry.Address, entry.Process, entry.UntilMs) = (owner.Owner, owner.Address, Environment.ProcessId, nowMs + KeptMs);
        entry.Name = name;
        return true;
    }

    private bool IsWorker(int process)
    {
        for (int slot = 0; slot < RoomLogLayout.WorkerSlots; slot++)
        {
            if (_log.Worker(new WorkerSlot(slot)).Pid == process)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The entry of a name; otherwise one that may be its, or when there is none left one of another name.</summary>
    private ref Entry PlaceOf(ulong name, long nowMs)
    {
        var set = new Span<Entry>(_base + HeadBytes + ((long)(name % Sets) * SetEntries * Entry.Bytes), SetEntries);
        int free = 0;
        for (int i = 0; i < set.Length; i++)
        {
            if (set[i].Name == name)
            {
                return ref set[i];
            }

            free = set[i].IsKept(nowMs) ? free : i;
        }

        return ref set[free];
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Entry
    {
        public const int Bytes = 32;

        public ulong Name;
        public ulong Owner;
        public uint Address;
        public int Process;
        public long UntilMs;

        /// <summary>A time further ahead than any name is kept is damage, or of another clock.</summary>
        public readonly bool IsKept(long nowMs) => Name != 0 && UntilMs > nowMs && UntilMs <= nowMs + KeptMs;
    }
}
