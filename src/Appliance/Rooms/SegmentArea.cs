using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Appliance.Rooms;

/// <summary>Places of the segment that are kept for what all processes share beside the rooms.</summary>
public enum SegmentAreaKind
{
    /// <summary>A ring of records that wait for other machines.</summary>
    Outbox,

    /// <summary>Who is in which room; the last 2 MiB are for whose names are, whatever the version is: <see cref="NameTable"/>.</summary>
    Members,

    /// <summary>Who is kept out, until when.</summary>
    Bans,

    /// <summary>What each address has used of what it may.</summary>
    Addresses,
}

/// <summary>
/// What is in a place of the segment: nothing while its version is 0. A release that does not know the version leaves the place alone.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
public struct SegmentArea
{
    /// <summary>Size of a description.</summary>
    public const int Bytes = 16;

    /// <summary>How many places there are.</summary>
    public const int Kinds = 4;

    /// <summary>How what is there is laid out; 0: nothing is.</summary>
    [FieldOffset(0)]
    public uint Version;

    /// <summary>Bytes of an entry; of a ring 1.</summary>
    [FieldOffset(4)]
    public uint EntryBytes;

    /// <summary>How many entries fit, as whoever has made it has decided.</summary>
    [FieldOffset(8)]
    public uint Entries;

    /// <summary>Zero.</summary>
    [FieldOffset(12)]
    public uint Reserved;

    /// <summary>How much place is kept for it. Memory that nobody touches costs none.</summary>
    public static long BytesOf(SegmentAreaKind kind) => kind switch
    {
        SegmentAreaKind.Outbox => 16 << 20,
        SegmentAreaKind.Members => 32 << 20,
        SegmentAreaKind.Bans => 1 << 20,
        SegmentAreaKind.Addresses => 16 << 20,
        _ => throw new UnreachableException(),
    };
}
