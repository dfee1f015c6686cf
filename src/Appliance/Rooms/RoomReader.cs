using System.Buffers;
using Appliance.Protocols.WebSocket;

namespace Appliance.Rooms;

/// <summary>Some records of a room's log, oldest first.</summary>
/// <param name="AfterId">An id below those of all that are here, and not below any that came before them.</param>
/// <param name="LastId">Id up to which everything is here, or gone.</param>
/// <param name="HasMore">Whether there is more behind it now.</param>
/// <param name="Gap">Whether records behind the id that was asked for are not here any more.</param>
public readonly record struct RoomPage(long AfterId, long LastId, bool HasMore, bool Gap);

/// <summary>
/// Reads a room's log without its lock, for processes that serve no client: a holder of the lock delays all writers, and a reader must not
/// fail by damage in the log. Bytes count as intact only if the tail has not passed them after reading.
/// </summary>
public static unsafe class RoomReader
{
    private const byte LineEnd = (byte)'\n';

    /// <summary>Messages for a reader that asks behind an unknown id: as many as newcomers get by default.</summary>
    private const int UnknownIdMessages = 50;

    /// <summary>An id behind which so many messages lie, announcements between them aside; the newest ones.</summary>
    public static long IdBeforeLast(RoomRing ring, int messages)
    {
        long first = Volatile.Read(ref ring.Header->FirstId);
        long published = ring.PublishedId;
        long id = Math.Min(published, Volatile.Read(ref ring.Header->LastMessageId) + 1);
        long announcements = -(long)RoomRing.AnnouncementsPerMessage * messages;
        long found = published;
        while (messages > 0 && id > first && announcements <= RoomRing.HistoryAnnouncementsMax)
        {
            bool isMessage = RoomRing.IsMessage(ring.KindIn(ring.IndexOf(--id)));
            messages -= isMessage ? 1 : 0;
            announcements += isMessage ? 0 : 1;
            found = isMessage ? id : found;
        }

        return new RoomEpochs(ring.Header).IdOf(found - 1);
    }

    /// <summary>
    /// Writes the JSON of the records behind an id, a line each, until there is no more or no room for the next one. An id that was never given
    /// out here is from before the room's memory was lost, and from a clock that was ahead: the history, with a gap.
    /// </summary>
    /// <param name="ring">The room's log.</param>
    /// <param name="after">The id.</param>
    /// <param name="bytesMax">How much may be written.</param>
    /// <param name="lines">Takes the lines.</param>
    public static RoomPage Read(RoomRing ring, long after, int bytesMax, ArrayBufferWriter<byte> lines)
    {
        long first = Volatile.Read(ref ring.Header->FirstId);
        var epochs = new RoomEpochs(ring.Header);
        long last = epochs.NumberOf(after, out _);
        bool isUnknown = last >= ring.NextId;
        bool gap = last < first - 1 || isUnknown;
        last = isUnknown ? epochs.NumberOf(IdBeforeLast(ring, UnknownIdMessages), out _) : last;
        long id = Math.Max(last + 1, first);
        long afterId = epochs.IdOf(id - 1);
        int written = 0;
        for (long next = ring.PublishedId; id < next; id++)
        {
            long erasures = ring.Erasures;
            long position = ring.PositionIn(Volatile.Read(ref ring.IndexOf(id)));
            if (ring.IsBeingErased(position) || !TryFindPayload(ring, position, out long start, out int length))
            {
                break;
            }

            if (written + length + 1 > bytesMax)
            {
                bool fitsNowhere = written == 0;
                return new RoomPage(afterId, epochs.IdOf(fitsNowhere ? id : id - 1), HasMore: !fitsNowhere || id + 1 < next, gap || fitsNowhere);
            }

            ring.Read(start, lines.GetSpan(length + 1)[..length]);
            Thread.MemoryBarrier();
            if (position < ring.Tail)
            {
                // Overwritten meanwhile; what lies behind may be, too.
                return new RoomPage(afterId, epochs.IdOf(Math.Max(id, Volatile.Read(ref ring.Header->FirstId) - 1)), HasMore: true, Gap: true);
            }

            if (ring.Erasures != erasures)
            {
                // Some record was deleted meanwhile, perhaps this one: once more.
                id--;
                continue;
            }

            lines.GetSpan(length + 1)[length] = LineEnd;
            lines.Advance(length + 1);
            written += length + 1;
        }

        return new RoomPage(afterId, epochs.IdOf(id - 1), HasMore: false, gap);
    }

    /// <summary>Whether a whole frame lies at a position, and where its payload does (RFC 6455, 5.2).</summary>
    private static bool TryFindPayload(RoomRing ring, long position, out long start, out int length)
    {
        start = 0;
        length = 0;
        long head = ring.Published;
        if (position < ring.Tail || position + 2 > head || ring.ByteAt(position) != FrameHeader.FinalText)
        {
            return false;
        }

        bool isFrame = RoomLogCheck.TryReadFrame(ring, position, out int header, out long bytes);
        start = position + header;
        length = (int)Math.Clamp(bytes, 0, ring.BatchBytesMax);
        return isFrame && bytes <= ring.BatchBytesMax && start + bytes <= head;
    }
}
