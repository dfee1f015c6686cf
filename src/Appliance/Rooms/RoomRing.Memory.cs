using Appliance.Native;

namespace Appliance.Rooms;

/// <summary>How much memory a room takes, and how it gives some back while it is in use.</summary>
public readonly unsafe partial struct RoomRing
{
    /// <summary>The index takes this part of the bytes that it speaks of, at most.</summary>
    private const int IndexShare = RoomLogLayout.RecordBytesMin / sizeof(long);

    private const int PageBytes = 4096;

    /// <summary>Bytes of the ring that have been written to and not been given back.</summary>
    public long TouchedBytes => Math.Clamp(Head - Volatile.Read(ref _header->Freed), 0, _layout.RingBytes);

    /// <summary>Memory that the room takes, about: its ring, as far as it is touched, with its part of the index and the header.</summary>
    public long MemoryBytes => MemoryOf(TouchedBytes);

    /// <summary>Memory that a room takes of whose ring so much is touched.</summary>
    internal static long MemoryOf(long touched) => RoomMemory.RoomBytesMin + touched + (touched / IndexShare);

    /// <summary>
    /// Gives memory back: keeps the newest records, of which at most so many bytes, and a part of that between the tail and what is given
    /// back, for readers that are reading. Returns how much memory the room takes then.
    /// </summary>
    internal long Cut(int bytes)
    {
        Enter();
        MoveTail(_header->Head - (bytes - (bytes / RoomLogLayout.GuardShare)));
        long upTo = _header->Tail - (bytes / RoomLogLayout.GuardShare);
        if (upTo > _header->Freed)
        {
            Discard(upTo);
        }

        Exit();
        return MemoryBytes;
    }

    /// <summary>
    /// Gives back the whole pages of what lies between what was given back before and a position below the tail. Readers compare with
    /// <see cref="RoomHeader.Freed"/>, which is written before. Of what the ring has overwritten since, nothing is touched.
    /// </summary>
    private void Discard(long upTo)
    {
        long overwritten = _header->Head - _layout.RingBytes;
        long position = Math.Max(_header->Freed, overwritten);
        Volatile.Write(ref _header->Freed, upTo);
        Thread.MemoryBarrier();
        while (position < upTo)
        {
            byte* from = Read(position, upTo, out int count);
            byte* end = from + count;
            ref readonly var piece = ref _layout.PieceAt((int)(position & (_layout.RingBytes - 1)));
            byte* block = BlockOf(piece);

            // The page in which the last time ended is whole now; one that newer bytes share, or the index, stays.
            long before = (long)((nuint)from % PageBytes);
            bool isWhole = position - before >= overwritten && from - before >= block + piece.IndexBytes;
            byte* page = from - before + (isWhole || before == 0 ? 0 : PageBytes);
            bool endsPiece = end == block + piece.IndexBytes + (piece.End - piece.Start);
            byte* pageEnd = endsPiece ? block + piece.Stride : end - (long)((nuint)end % PageBytes);
            if (pageEnd > page)
            {
                _ = Syscall.Discard(page, (nuint)(pageEnd - page));
            }

            position += count;
        }
    }
}
