namespace Appliance.Ipc;

/// <summary>
/// A stretch of every room's ring, behind the entries of the index for as many bytes of records of the smallest size: those of all rooms
/// lie one behind the other.
/// </summary>
/// <param name="Start">Where it begins in the ring.</param>
/// <param name="End">Where it ends in the ring.</param>
/// <param name="Offset">Where that of the first room lies in the segment.</param>
/// <param name="Stride">From that of one room to that of the next one.</param>
public readonly record struct RoomPiece(int Start, int End, long Offset, long Stride)
{
    /// <summary>Bytes of its entries; the ring's lie behind them.</summary>
    public int IndexBytes => IndexBytesOf(End - Start);

    /// <summary>Where that of a room lies in the segment.</summary>
    public long OffsetOf(int slot) => Offset + (slot * Stride);

    /// <summary>Bytes of the entries for so many bytes of a ring.</summary>
    public static int IndexBytesOf(int ringBytes) => ringBytes / RoomLogLayout.RecordBytesMin * sizeof(long);
}
