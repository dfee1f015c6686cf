using System.Runtime.InteropServices;
using Appliance.Connections;
using Appliance.Loop;
using Appliance.Metrics;
using Appliance.Native;
using Appliance.Rooms;

namespace Appliance.Delivery;

/// <summary>Messages are missing for a client.</summary>
/// <param name="fd">The client.</param>
/// <param name="text">The reason in words, UTF-8.</param>
/// <param name="id">The id behind which the client goes on.</param>
public delegate void GapHandler(int fd, ReadOnlySpan<byte> text, long id);

/// <summary>
/// Sends what rooms have got to their clients, straight from the log, and what stands in outboxes. A client's bytes come from two
/// places, the log and its outbox; they change only between frames.
/// </summary>
public sealed unsafe class LogDelivery
{
    /// <summary>Bytes of a list at most, and those of one client: a few milliseconds.</summary>
    private const int RequestBytesMax = 512 << 10;

    private readonly ConnectionTable _table;
    private readonly ChatRooms _rooms;
    private readonly Sender _sender;
    private readonly WorkerCounters _counters;
    private readonly SendRequest[] _requests = new SendRequest[Sender.RequestsMax];
    private readonly List<Part> _parts = [];
    private int _requestCount;
    private int _requestBytes;

    /// <summary>Serves the clients of these rooms.</summary>
    public LogDelivery(WorkerContext context, ChatRooms rooms, Sender sender)
    {
        _sender = sender;
        _counters = context.Counters;
        _table = context.Table;
        _rooms = rooms;
    }

    /// <summary>Tells a client that messages are missing, in the way of its endpoint.</summary>
    public GapHandler OnGap { get; set; } = (_, _, _) => { };

    /// <summary>
    /// Serves as many clients as one list holds, room after room, then every outbox that was filled. Clients that are served later also get the
    /// records that arrive until then: neither a new message nor another room waits for a complete pass over a large room.
    /// </summary>
    public void Deliver()
    {
        Enlist();
        Submit();
        foreach (int fd in _table.FlushList)
        {
            ref var connection = ref _table[fd];
            if (connection.State == ConnectionState.None || connection.Is(ConnectionFlags.ClosePending | ConnectionFlags.Blocked))
            {
                continue;
            }

            if (connection.Outbox == 0 || HasLogBytes(connection))
            {
                Flush(fd);
                continue;
            }

            var outbox = _table.ExistingOutbox(connection);
            ref var request = ref _requests[_requestCount++];
            request.Descriptor = fd;
            request.Bytes = outbox.Address;
            request.Count = outbox.Count;
            if (_requestCount == Sender.RequestsMax)
            {
                SubmitAnswers();
            }
        }

        SubmitAnswers();
        _table.ClearFlushList();
    }

    /// <summary>Sends a list of outboxes that nothing else waits behind.</summary>
    private void SubmitAnswers()
    {
        var requests = _requests.AsSpan(0, _requestCount);
        _sender.Submit(requests);
        foreach (ref readonly var request in requests)
        {
            int fd = request.Descriptor;
            _ = TakeFromOutbox(fd, request.Result);

            // The rest of it, and what was to happen once it is out.
            Flush(fd);
        }

        _requestCount = 0;
    }

    /// <summary>Sends one client all that waits for it, until there is no more or the kernel's buffer is full.</summary>
    public void Flush(int fd)
    {
        ref var connection = ref _table[fd];
        bool blocked = false;
        while (!blocked && !connection.Is(ConnectionFlags.ClosePending))
        {
            if (connection.Outbox != 0 && !connection.Is(ConnectionFlags.MidFrame))
            {
                blocked = !SendOutbox(fd);
            }
            else if (HasLogBytes(connection))
            {
                blocked = !SendLog(fd);
            }
            else
            {
                break;
            }
        }

        if (connection.Is(ConnectionFlags.ClosePending))
        {
            return;
        }

        bool resumes = !blocked && connection.Is(ConnectionFlags.Paused);
        if (blocked != connection.Is(ConnectionFlags.Blocked) || resumes)
        {
            _table.SetBlocked(ref connection, blocked);
            connection.Set(ConnectionFlags.Paused, connection.Is(ConnectionFlags.Paused) && !resumes);
            _table.UpdateWatch(fd);
        }

        if (!blocked && connection.Is(ConnectionFlags.ShutWhenFlushed))
        {
            connection.Set(ConnectionFlags.ShutWhenFlushed, false);
            connection.State = ConnectionState.Lingering;
            _ = Syscall.Shutdown(fd, Syscall.SHUT_WR);
        }
    }

    private bool ListIsFull => _requestCount == Sender.RequestsMax || _requestBytes >= RequestBytesMax;

    /// <summary>Fills the list. The room that fills it stands behind the others then.</summary>
    private void Enlist()
    {
        while (!ListIsFull && _rooms.Dirty.TryDequeue(out var audience))
        {
            Invariant.Hold(audience.IsDirty, "dirty list against room", "room {0} lacks nothing", audience.Room.Slot);
            Enlist(audience);
            if (audience.IsDirty)
            {
                _rooms.Dirty.Enqueue(audience);
            }
            else
            {
                audience.EndServing();
            }
        }
    }

    /// <summary>Lists what the next readers of a room are to get.</summary>
    private void Enlist(Audience audience)
    {
        var view = audience.View;
        var end = audience.ReadEnd();
        long tail = view.TailBefore(end.Position);
        long oldest = long.MaxValue;
        int first = _requestCount;
        while (!ListIsFull && audience.TryTakeNext(out int fd))
        {
            ref var connection = ref _table[fd];
            Invariant.Hold(
                connection.MemberIndex == audience.TakenPlace && connection.Room == audience.Room.Slot,
                "served member against list",
                "descriptor {0}, room {1} of {2}, place {3} of {4}", fd, connection.Room, audience.Room.Slot, connection.MemberIndex, audience.TakenPlace);
            if (connection.Is(ConnectionFlags.Blocked | ConnectionFlags.ClosePending) || connection.Position >= end.Position)
            {
                continue;
            }

            if (connection.Outbox != 0 || connection.Position < tail || !connection.IsClient)
            {
                long before = _counters.Figures.Deliveries;
                long sinceNs = audience.Serve(connection.Position);
                Flush(fd);
                NoteLatency(before, sinceNs, MonotonicClock.ReadNs());
                continue;
            }

            ref var request = ref _requests[_requestCount++];
            request.Descriptor = fd;
            request.Bytes = view.Read(connection.Position, end.Position, out request.Count);
            _requestBytes += request.Count;
            oldest = Math.Min(oldest, connection.Position);
        }

        if (_requestCount > first)
        {
            long sinceNs = audience.Serve(oldest);
            _parts.Add(new Part(view, audience.Served, end, sinceNs, _requestCount - first));
        }
    }

    /// <summary>Sends the list, and counts.</summary>
    private void Submit()
    {
        var requests = _requests.AsSpan(0, _requestCount);
        _sender.Submit(requests);
        long nowNs = MonotonicClock.ReadNs();
        foreach (ref readonly var part in CollectionsMarshal.AsSpan(_parts))
        {
            long before = _counters.Figures.Deliveries;
            Note(part, requests[..part.Requests]);
            requests = requests[part.Requests..];
            NoteLatency(before, part.SinceNs, nowNs);
        }

        _parts.Clear();
        _requestCount = _requestBytes = 0;
    }

    /// <summary>Counts what was delivered since a former count with the age of the oldest of it.</summary>
    private void NoteLatency(long before, long sinceNs, long nowNs)
    {
        ref var figures = ref _counters.Figures;
        if (figures.Deliveries > before)
        {
            figures.NoteDelivered(figures.Deliveries - before, nowNs - Math.Min(sinceNs, nowNs));
        }
    }

    /// <summary>Takes note of what became of a room's requests. Most clients stood at one position and got the same.</summary>
    private void Note(in Part part, ReadOnlySpan<SendRequest> requests)
    {
        var view = part.View;
        ref var figures = ref _counters.Figures;
        long safeFrom = view.SafeFrom;
        foreach (ref readonly var request in requests)
        {
            ref var connection = ref _table[request.Descriptor];
            if (connection.Position < safeFrom)
            {
                // Overwritten while the kernel copied: what went out may be torn.
                Reset(request.Descriptor);
                continue;
            }

            long from = connection.Position;
            int sent = request.Result.Ok ? request.Result.Value : 0;
            connection.Position += sent;
            figures.SentBytes += sent;
            bool isUsual = from == part.Start.Position && connection.Position == part.End.Position;
            figures.Deliveries += isUsual ? part.End.NextId - part.Start.NextId : view.CountRecords(from, connection.Position);
            if (connection.Position < part.End.Position)
            {
                NoteShortSend(request, ref connection, view);
            }
        }
    }

    /// <summary>Not all went out: the rest lies at the ring's start, the kernel's buffer is full, or the peer is gone.</summary>
    private void NoteShortSend(in SendRequest request, ref Connection connection, in RoomRing view)
    {
        if (!request.Result.Ok && !request.Result.WouldBlock)
        {
            _table.MarkForClose(request.Descriptor);
            return;
        }

        connection.Set(ConnectionFlags.MidFrame, view.BoundaryFrom(connection.Position) != connection.Position);
        if (request.Result.Ok && request.Result.Value == request.Count)
        {
            Flush(request.Descriptor);
            return;
        }

        _table.SetBlocked(ref connection, true);
        _table.UpdateWatch(request.Descriptor);
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
        return TakeFromOutbox(fd, Syscall.Send(fd, outbox.Address, outbox.Count, flags));
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
        if (outbox.Count > 0)
        {
            return false;
        }

        _table.ReleaseOutbox(ref connection);
        return true;
    }

    /// <summary>Sends from the log, up to the next frame if the outbox waits for one; false when the kernel's buffer is full.</summary>
    private bool SendLog(int fd)
    {
        ref var connection = ref _table[fd];
        var view = _rooms.AudienceOf(connection).View;
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
        var result = Syscall.Send(fd, bytes, count, 0);
        if (connection.Position < view.SafeFrom)
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
        return result.Value == count;
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

    /// <summary>What stands on the list for the readers of one room.</summary>
    /// <param name="View">What they read.</param>
    /// <param name="Start">Where most of them stand.</param>
    /// <param name="End">Up to there all get.</param>
    /// <param name="SinceNs">When the oldest of it was appended, on the monotonic clock; long.MaxValue: not known.</param>
    /// <param name="Requests">How many requests of the list are its members'.</param>
    private readonly record struct Part(RoomRing View, LogEnd Start, LogEnd End, long SinceNs, int Requests);
}
