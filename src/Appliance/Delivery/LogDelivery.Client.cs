using Appliance.Connections;
using Appliance.Native;
using Appliance.Rooms;

namespace Appliance.Delivery;

/// <summary>What one client gets by itself: the rest of a short send, its outbox, and what it has missed.</summary>
public sealed unsafe partial class LogDelivery
{
    /// <summary>Sends one client all that waits for it, until there is no more or the kernel's buffer is full.</summary>
    public void Flush(int fd)
    {
        ref var connection = ref _table[fd];
        var transport = _table.TransportOf(connection);
        bool blocked = false;
        while (!blocked && !connection.Is(ConnectionFlags.ClosePending))
        {
            if (transport is not null && transport.HasUnsent(fd))
            {
                blocked = !SendUnsent(fd, transport);
            }
            else if (connection.Outbox != 0 && !connection.Is(ConnectionFlags.MidFrame))
            {
                blocked = !SendOutbox(fd);
            }
            else if (HasLogBytes(connection))
            {
                blocked = !SendLog(fd);
            }
            else if (transport is null || !connection.Is(ConnectionFlags.ShutWhenFlushed) || !transport.End(fd))
            {
                break;
            }
        }

        if (connection.Is(ConnectionFlags.ClosePending))
        {
            return;
        }

        bool resumes = !blocked && connection.Is(ConnectionFlags.Paused | ConnectionFlags.Unread);
        if (blocked != connection.Is(ConnectionFlags.Blocked) || resumes)
        {
            _table.SetBlocked(ref connection, blocked);
            connection.Set(ConnectionFlags.Paused, connection.Is(ConnectionFlags.Paused) && !resumes);
            _table.UpdateWatch(fd);
            if (resumes)
            {
                _table.CountRead(ref connection);
            }
        }

        if (!blocked && connection.Is(ConnectionFlags.ShutWhenFlushed))
        {
            connection.Set(ConnectionFlags.ShutWhenFlushed, false);
            connection.State = ConnectionState.Lingering;
            _ = Syscall.Shutdown(fd, Syscall.SHUT_WR);
        }
    }

    /// <summary>A closing client gets no more than the rest of the frame it is in.</summary>
    private bool HasLogBytes(in Connection connection) => connection.MemberIndex >= 0
        && (connection.IsClient
            ? connection.Position < _rooms.AudienceOf(connection).View.Published
            : connection.Is(ConnectionFlags.MidFrame));

    /// <summary>Sends from the outbox; false when the kernel's buffer is full.</summary>
    private bool SendOutbox(int fd)
    {
        ref var connection = ref _table[fd];
        var outbox = _table.ExistingOutbox(connection);
        int flags = HasLogBytes(connection) ? Syscall.MSG_MORE : 0;
        return connection.Transport == 0
            ? TakeFromOutbox(fd, Syscall.Send(fd, outbox.Address, outbox.Count, flags))
            : TakeFromOutbox(fd, SendSealed(fd, outbox.Address, outbox.Count, flags, log: null, out _));
    }

    /// <summary>Takes from the outbox what a send has taken; false when the kernel's buffer is full.</summary>
    private bool TakeFromOutbox(int fd, SysResult sent)
    {
        if (!sent.Ok)
        {
            return MarkForCloseUnlessBlocked(fd, sent);
        }

        ref var connection = ref _table[fd];
        var outbox = _table.ExistingOutbox(connection);
        _counters.Figures.SentBytes += sent.Value;
        outbox.Consume(sent.Value);
        bool isTaken = _table.TransportOf(connection) is { } transport ? !transport.HasUnsent(fd) : outbox.Count == 0;
        if (outbox.Count == 0)
        {
            _table.ReleaseOutbox(ref connection);
        }

        return isTaken;
    }

    /// <summary>Sends from the log, up to the next frame if the outbox waits for one; false when the kernel's buffer is full.</summary>
    private bool SendLog(int fd)
    {
        ref var connection = ref _table[fd];
        var audience = _rooms.AudienceOf(connection);
        var view = audience.View;
        HoldWhole(audience);
        if (connection.Is(ConnectionFlags.ClosePending))
        {
            return true;
        }

        if (connection.Position < view.Tail)
        {
            SkipWhatIsGone(fd, view);
            return true;
        }

        bool onlyToBoundary = connection.Outbox != 0 || connection.State != ConnectionState.Chat;
        long end = onlyToBoundary ? view.BoundaryFrom(connection.Position) : view.Published;
        if (end <= connection.Position)
        {
            // Readers wait for the journal since a moment ago.
            return true;
        }

        _ = view.TailBefore(end);
        byte* bytes = view.Read(connection.Position, end, out int count);
        bool isWhole;
        SysResult result;
        if (connection.Transport == 0)
        {
            result = Syscall.Send(fd, bytes, count, 0);
            isWhole = IsWhole(view, connection.Position, result.Ok ? result.Value : 0, audience.Erasures);
        }
        else
        {
            result = SendSealed(fd, bytes, count, 0, audience, out isWhole);
        }

        if (!isWhole)
        {
            Reset(fd);
            return true;
        }

        if (!result.Ok)
        {
            return MarkForCloseUnlessBlocked(fd, result);
        }

        _counters.Figures.SentBytes += result.Value;
        _counters.Figures.Deliveries += view.CountRecords(connection.Position, connection.Position + result.Value);
        connection.Position += result.Value;
        connection.Set(ConnectionFlags.MidFrame, connection.Position != end && view.BoundaryFrom(connection.Position) != connection.Position);
        return _table.TransportOf(connection) is { } transport ? !transport.HasUnsent(fd) : result.Value == count;
    }

    /// <summary>Between frames, a client that was overtaken gets a gap and goes on from the oldest record; inside a frame it cannot go on.</summary>
    private void SkipWhatIsGone(int fd, in RoomRing view)
    {
        ref var connection = ref _table[fd];
        if (connection.Is(ConnectionFlags.MidFrame))
        {
            Reset(fd);
            return;
        }

        _counters.Figures.DroppedSlow++;
        connection.Position = view.Tail;
        OnGap(fd, "Some messages are missing here: this connection was too slow for them."u8, view.IdBefore(connection.Position));
    }

    /// <summary>
    /// Closes the connections of those who have a part of a message that was deleted since this was called last: the rest of it is not there any
    /// more, and what is there in its place does not go with that part.
    /// </summary>
    private void HoldWhole(Audience audience)
    {
        if (audience.View.Erasures == audience.Erasures)
        {
            return;
        }

        long erasures = audience.View.AwaitErasure();
        foreach (int fd in audience.Members)
        {
            ref var connection = ref _table[fd];
            if (connection.Is(ConnectionFlags.MidFrame) && !connection.Is(ConnectionFlags.ClosePending)
                && audience.View.HasTombstone(connection.Position, connection.Position + 1))
            {
                Reset(fd);
            }
        }

        audience.Erasures = erasures;
    }

    /// <summary>Whether bytes of a view that were just read are what was there before: neither overwritten by newer ones nor by a tombstone.</summary>
    private static bool IsWhole(in RoomRing view, long position, int count, long erasures) =>
        position >= view.SafeFrom && (view.Erasures == erasures || !view.HasTombstone(position, position + count));

    /// <summary>A stream that was cut inside a frame cannot go on.</summary>
    private void Reset(int fd)
    {
        _counters.Figures.DroppedSlow++;
        _table[fd].Set(ConnectionFlags.Torn, true);
        _table.MarkForClose(fd);
    }

    /// <summary>False when the kernel's buffer is full; on any other error the peer is gone.</summary>
    private bool MarkForCloseUnlessBlocked(int fd, SysResult result)
    {
        if (!result.WouldBlock)
        {
            _table.MarkForClose(fd);
        }

        return !result.WouldBlock;
    }
}
