using System.Text.Unicode;
using Appliance.Protocols.WebSocket;

namespace Appliance.Rooms;

/// <summary>
/// Memory that survives restarts also preserves damage. Before a log is used again every record of it is looked at; a room with
/// anything wrong begins anew, with ids that go on.
/// </summary>
public static unsafe class RoomLogCheck
{

    /// <summary>More bytes than a room ever gets. The index has 256 times a position, which must not overflow.</summary>
    private const long PositionMax = long.MaxValue >> 9;

    /// <summary>Checks every room of a log that no other process uses; returns how many had to begin anew.</summary>
    public static int Mend(RoomLog log, long unixMs)
    {
        int damaged = 0;
        log.WriteHeader();
        for (int slot = 0; slot < log.Layout.Rooms; slot++)
        {
            if (log.HashAt(slot) == 0)
            {
                continue;
            }

            var ring = log.Ring(slot);
            new SharedLock(ring.Header->Lock).Initialize();
            new Span<int>(ring.Header->Members, RoomLogLayout.WorkerSlots).Clear();
            if (RoomLog.HashOf(log.NameOf(slot)) != log.HashAt(slot))
            {
                log.Release(slot);
                damaged++;
            }
            else if (!IsWhole(ring, log.Layout))
            {
                byte[] name = log.NameOf(slot).ToArray();
                log.Release(slot);
                log.Create(slot, name, RoomLog.HashOf(name), unixMs);
                damaged++;
            }
        }

        return damaged;
    }

    /// <summary>Whether positions, index and frame headers of a room agree with each other from tail to head.</summary>
    private static bool IsWhole(RoomRing ring, RoomLogLayout layout)
    {
        if (!ring.IsSane)
        {
            return false;
        }

        ring.Repair();
        var header = *ring.Header;
        bool sane = header.Tail >= 0 && header.Head >= header.Tail && header.Head <= PositionMax
            && header.Head - header.Tail <= layout.RingBytes - layout.GuardBytes
            && header.FirstId > 0 && header.NextId >= header.FirstId && header.NextId - header.FirstId <= layout.IndexEntries
            && header.EpochId <= header.NextId && header.Reserved == 0;
        long position = header.Tail;
        for (long id = header.FirstId; sane && id < header.NextId; id++)
        {
            long end = position + FrameBytes(ring, position);
            sane = ring.PositionIn(ring.IndexOf(id)) == position && ring.ByteAt(position) == FrameHeader.FinalText && end <= header.Head
                && IsText(ring, position, end);
            position = end;
        }

        return sane && position == header.Head;
    }

    /// <summary>Whether the payload of a frame is UTF-8: a client that got anything else would have to close, again and again.</summary>
    private static bool IsText(RoomRing ring, long start, long end)
    {
        int header = FrameLength.HeaderBytes(ring.ByteAt(start + 1));
        byte* first = ring.Read(start + header, end, out int count);
        if (count >= end - start - header)
        {
            return Utf8.IsValid(new ReadOnlySpan<byte>(first, count));
        }

        byte[] whole = new byte[end - start - header];
        ring.Read(start + header, whole);
        return Utf8.IsValid(whole);
    }

    /// <summary>Length of the frame at a position, its header included; far beyond any ring when none of a server's begins there.</summary>
    internal static long FrameBytes(RoomRing ring, long position) =>
        TryReadFrame(ring, position, out int header, out long payload) && payload <= RoomLogLayout.RingBytesMax
            ? header + payload
            : long.MaxValue / 2;

    /// <summary>Reads the header of the frame at a position: its bytes and those of the payload; false when none of a server's begins there.</summary>
    internal static bool TryReadFrame(RoomRing ring, long position, out int header, out long payload)
    {
        Span<byte> bytes = stackalloc byte[FrameLength.ServerHeaderBytesMax];
        ring.Read(position, bytes);
        return FrameLength.TryReadServer(bytes, out header, out payload);
    }
}
