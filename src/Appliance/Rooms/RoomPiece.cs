namespace Appliance.Rooms;

/// <summary>
/// A stretch of every room's ring, behind the entries of the index for as many bytes of records of the smallest size: those of all rooms
/// lie one behind the other. So do, elsewhere, the details of these records.
/// </summary>
/// <param name="Start">Where it begins in the ring.</param>
/// <param name="End">Where it ends in the ring.</param>
/// <param name="Offset">Where that of the first room lies in the segment.</param>
/// <param name="Stride">From that of one room to that of the next one.</param>
public readonly record struct RoomPiece(int Start, int End, long Offset, long Stride)
{
    /// <summary>Where the details of the first room lie in the segment; 0 where there are none.</summary>
    public long Details { get; init; }

    /// <summary>From the details of one room to those of the next one.</summary>
    public long DetailsStride { get; init; }

    /// <summary>How many records it can hold.</summary>
    public int Entries => (End - Start) / RoomLogLayout.RecordBytesMin;

    /// <summary>Bytes of its entries; the ring's lie behind them.</summary>
    public int IndexBytes => Entries * sizeof(long);

    /// <summary>Where that of a room lies in the segment.</summary>
    public long OffsetOf(int slot) => Offset + (slot * Stride);

    /// <summary>Where the details of a room lie in the segment.</summary>
    public long DetailsOf(int slot) => Details + (slot * DetailsStride);
}
