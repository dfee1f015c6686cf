using System.Text.Unicode;

namespace Appliance.Rooms;

/// <summary>
/// Memory that survives restarts also preserves damage. Before a log is used again every record of it is looked at; a room with
/// anything wrong begins anew, with ids that go on.
/// </summary>
public static unsafe class RoomLogCheck
{
    private const byte FinalTextFrame = 0x81;

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
            sane = ring.PositionIn(ring.IndexOf(id)) == position && ring.ByteAt(position) == FinalTextFrame && end <= header.Head
                && IsText(ring, position, end);
            position = end;
        }

        return sane && position == header.Head;
    }

    /// <summary>Whether the payload of a frame is UTF-8: a client that got anything else would have to close, again and again.</summary>
    private static bool IsText(RoomRing ring, long start, long end)
    {
        int header = ring.ByteAt(start + 1) switch { 126 => 4, 127 => 10, _ => 2 };
        byte* first = ring.Read(start + header, end, out int count);
        if (count >= end - start - header)
        {
            return Utf8.IsValid(new ReadOnlySpan<byte>(first, count));
        }

        byte[] whole = new byte[end - start - header];
        ring.Read(start + header, whole);
        return Utf8.IsValid(whole);
    }

    /// <summary>Length of the unmasked frame at a position, its header included (RFC 6455, 5.2).</summary>
    internal static long FrameBytes(RoomRing ring, long position)
    {
        int length = ring.ByteAt(position + 1);
        int extended = length == 126 ? 2 : length == 127 ? 8 : 0;
        long payload = extended == 0 ? length : 0;
        for (int i = 0; i < extended; i++)
        {
            payload = (payload << 8) | ring.ByteAt(position + 2 + i);
        }

        return payload is < 0 or > RoomLogLayout.RingBytesMax ? long.MaxValue / 2 : 2 + extended + payload;
    }
}
