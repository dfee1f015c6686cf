namespace Appliance.Rooms;

/// <summary>
/// One room in another shape than that of its log: a ring of the same kind, filled once a record from the log, whatever number of clients read
/// it. Its records have the log's numbers and ids, so that a cursor into it can be told as one into the log, and the other way round.
/// </summary>
public sealed class RoomView
{
    /// <summary>A position that every reader finds to be gone.</summary>
    public const long Gone = -1;

    private readonly RoomViews _views;
    private readonly RoomRing _log;
    private RoomCursor _filled;
    private long _erasures;
    private bool _isClosed;

    internal RoomView(RoomViews views, int slot, RoomRing log, RoomRing ring)
    {
        (_views, _log, Slot, Ring) = (views, log, slot, ring);
        _filled = RoomCursor.AtOldest(log);
        _erasures = log.Erasures;
        ring.BeginAs(log, _filled.Number);
        Fill();
    }

    /// <summary>The room's number.</summary>
    public int Slot { get; }

    /// <summary>What its readers read.</summary>
    public RoomRing Ring { get; }

    /// <summary>Writes the records that have been published since into the ring.</summary>
    public void Fill()
    {
        ForgetErased();
        long end = _log.Published;
        bool isRead = true;
        while (isRead && !_isClosed && _filled.Position < end)
        {
            _filled = _views.Read(_log, end, _filled);
            long first = _filled.Number - _views.ReadCount;
            if (first != Ring.NextId)
            {
                // Others have overwritten what lies between.
                Ring.SkipTo(first);
            }

            _views.Append(Ring);
            isRead = _views.ReadCount > 0;
        }
    }

    /// <summary>Where a reader of the log stands in the view; <see cref="Gone"/> when the log, or the view, has not got that any more.</summary>
    /// <param name="position">The first byte of a record of the log, or its head.</param>
    public long FromLog(long position)
    {
        Fill();
        long number = _log.NumberFrom(position);

        // The tail is looked at last: records that were there have been counted.
        return position < _log.Tail ? Gone : Ring.PositionFrom(number);
    }

    /// <summary>Where a reader of the view stands in the log; <see cref="Gone"/> when the view, or the log, has not got that any more.</summary>
    /// <param name="position">The first byte of a record of the view, or its head.</param>
    public long ToLog(long position) => position < Ring.Tail ? Gone : _log.PositionFrom(Ring.NumberFrom(position));

    /// <summary>
    /// Once a message was deleted, what was shaped before is not to be had any more, as if it had been overwritten: the text may be in it. Its
    /// readers get a gap.
    /// </summary>
    private void ForgetErased()
    {
        long erasures = _log.Erasures;
        if (erasures != _erasures && (erasures & 1) == 0)
        {
            _erasures = erasures;
            Ring.SkipTo(Ring.NextId);
        }
    }

    /// <summary>Nobody reads it any more.</summary>
    public void Close()
    {
        _isClosed = true;
        _views.Release(Slot);
    }
}
