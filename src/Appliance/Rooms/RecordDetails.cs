using System.Runtime.InteropServices;

namespace Appliance.Rooms;

/// <summary>What a record of a room's log is.</summary>
public enum RecordKind
{
    /// <summary>An announcement of the server.</summary>
    System = 0,

    /// <summary>What a person said: it counts as history.</summary>
    Chat = 1,

    /// <summary>Something that happened and is nothing to be read again.</summary>
    Event = 2,

    /// <summary>It stands for another record, whose text is gone.</summary>
    Tombstone = 3,
}

/// <summary>
/// What is known of a record beside its bytes and its kind. Most records have none, and no memory is touched for them.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
public readonly record struct RecordDetails
{
    /// <summary>Size of the details of a record.</summary>
    public const int Bytes = 32;

    /// <summary>Whose connection sent it: its number in bits 0 to 31, the slot of the worker that took it in 32 to 39, the machine in 48 to 63.</summary>
    [field: FieldOffset(0)]
    public ulong Origin { get; init; }

    /// <summary>Who sent it: a number that the server makes of the user's id; 0 for nobody that it knows.</summary>
    [field: FieldOffset(8)]
    public ulong Sender { get; init; }

    /// <summary>Id of the record that it speaks of; 0 for none.</summary>
    [field: FieldOffset(16)]
    public long About { get; init; }
}

/// <summary>How far a follower of the rooms is in one of them.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FollowerMark
{
    /// <summary>Size of a mark.</summary>
    public const int Bytes = 16;

    /// <summary>Position up to which it has everything.</summary>
    public long Position;

    /// <summary>Number of the record there, as <see cref="RoomHeader.FirstId"/> counts.</summary>
    public long Number;
}
