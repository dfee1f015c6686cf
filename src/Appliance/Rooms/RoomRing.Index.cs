namespace Appliance.Rooms;

/// <summary>Where readers begin, by the index of records.</summary>
public readonly unsafe partial struct RoomRing
{
    /// <summary>Start of a newcomer's history of that many messages, with the announcements between them.</summary>
    public LogStart StartOfHistory(int messages)
    {
        Enter();
        long start = HistoryPosition(messages);
        Exit();
        return new LogStart(start, Gap: false);
    }

    /// <summary>
    /// Start of a reader that has everything up to and including an id: right behind the id, if all of that is still there. Otherwise, and for an
    /// unknown id: the start of a newcomer, with a gap. For an id of a former epoch also with a gap, as records in between may be lost.
    /// </summary>
    public LogStart StartAfter(long id, int messages)
    {
        Enter();
        long first = _header->FirstId;
        long next = _header->NextId;
        long number = new RoomEpochs(_header).NumberOf(id, out bool isFormer);
        var start = number >= first - 1 && number < next
            ? new LogStart(PositionOf(number + 1), isFormer)
            : new LogStart(HistoryPosition(messages), Gap: true);
        Exit();
        return start;
    }

    /// <summary>The first record start at or behind a position; the head when there is none.</summary>
    public long BoundaryFrom(long position)
    {
        Enter();
        long boundary = PositionOf(Search(position));
        Exit();
        return boundary;
    }

    /// <summary>The id before the first record at or behind a position: a gap carries it, and the client counts on from there.</summary>
    public long IdBefore(long position)
    {
        Enter();
        long id = new RoomEpochs(_header).IdOf(Search(position) - 1);
        Exit();
        return id;
    }

    /// <summary>Number of the first record at or behind a position; that of the next one when there is none.</summary>
    internal long NumberFrom(long position)
    {
        Enter();
        long number = Search(position);
        Exit();
        return number;
    }

    /// <summary>Position of the record of a number, of the head for those that are not there yet; <see cref="RoomView.Gone"/> for one that was.</summary>
    internal long PositionFrom(long number)
    {
        Enter();
        long position = number < _header->FirstId ? RoomView.Gone : PositionOf(Math.Min(number, _header->NextId));
        Exit();
        return position;
    }

    /// <summary>How many records begin between two positions, of those that are still there.</summary>
    public long CountRecords(long from, long to)
    {
        Enter();
        long count = Search(to) - Search(from);
        Exit();
        return count;
    }

    /// <summary>The first id whose record begins at or behind a position; under the lock.</summary>
    private long Search(long position)
    {
        long low = _header->FirstId;
        long high = _header->NextId;
        while (low < high)
        {
            long middle = low + ((high - low) / 2);
            if (PositionOf(middle) < position)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    private long HistoryPosition(int messages)
    {
        // The newest announcements are passed over at once, however many they are.
        long id = Math.Min(_header->NextId, _header->LastMessageId + 1);
        long start = _header->Head;
        long announcements = -(long)AnnouncementsPerMessage * messages;
        while (messages > 0 && id > _header->FirstId && announcements <= HistoryAnnouncementsMax)
        {
            long entry = IndexOf(--id);
            if (IsMessage(KindIn(entry)))
            {
                messages--;
                start = PositionIn(entry);
            }
            else
            {
                announcements++;
            }
        }

        return start;
    }
}
