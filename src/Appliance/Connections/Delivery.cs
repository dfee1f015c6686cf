using Appliance.Chat;
using Appliance.Ipc;
using Appliance.Loop;
using Appliance.Metrics;
using Appliance.Native;
using Appliance.WebSocket;

namespace Appliance.Connections;

/// <summary>
/// Sends what rooms have got to their clients, straight from the log, and what stands in outboxes. A client's bytes come from two
/// places, the log and its outbox; they change only between frames.
/// </summary>
public sealed unsafe class Delivery : IDisposable
{
    private readonly ConnectionTable _table;
    private readonly ChatRooms _rooms;
    private readonly Sender _sender = new();
    private readonly WorkerCounters _counters;
    private readonly SendRequest[] _requests = new SendRequest[Sender.RequestsMax];

    /// <summary>Serves the clients of these rooms.</summary>
    public Delivery(ConnectionTable table, ChatRooms rooms, WorkerCounters counters)
    {
        _counters = counters;
        _table = table;
        _rooms = rooms;
    }

    /// <summary>Serves every room that has got something, then every outbox that was filled.</summary>
    public void Deliver()
    {
        foreach (var room in _rooms.Dirty)
        {
            room.IsDirty = false;
            room.UnservedBytes = 0;
            Deliver(room);
        }

        _rooms.ClearDirty();
        foreach (int fd in _table.FlushList)
        {
            ref var connection = ref _table[fd];
            if (connection.State != ConnectionState.None && !connection.Is(ConnectionFlags.Doomed | ConnectionFlags.Blocked))
            {
                Flush(fd);
            }
        }

        _table.ClearFlushList();
    }

    /// <summary>Sends one client all that waits for it, until there is no more or the kernel's buffer is full.</summary>
    public void Flush(int fd)
    {
        ref var connection = ref _table[fd];
        bool blocked = false;
        while (!blocked && !connection.Is(ConnectionFlags.Doomed))
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

        if (connection.Is(ConnectionFlags.Doomed))
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

    /// <inheritdoc/>
    public void Dispose() => _sender.Dispose();

    private void Deliver(LocalRoom room)
    {
        long nextId = room.Ring.NextId;
        long head = room.Ring.Head;
        long tail = room.Ring.Tail;
        var members = room.Members;
        int count = 0;
        long deliveredBefore = _counters.Figures.Deliveries;
        foreach (int fd in members)
        {
            ref var connection = ref _table[fd];
            if (connection.Is(ConnectionFlags.Blocked | ConnectionFlags.Doomed) || connection.Position >= head)
            {
                continue;
            }

            if (connection.Outbox != 0 || connection.Position < tail || connection.State != ConnectionState.Chat)
            {
                Flush(fd);
                continue;
            }

            ref var request = ref _requests[count++];
            request.Descriptor = fd;
            request.Bytes = room.Ring.Read(connection.Position, head, out request.Count);
            if (count == Sender.RequestsMax)
            {
                Submit(room, count, head, nextId - room.Served.NextId);
                deliveredBefore = NoteLatency(room, deliveredBefore);
                count = 0;
            }
        }

        Submit(room, count, head, nextId - room.Served.NextId);
        _ = NoteLatency(room, deliveredBefore);
        room.Served = (head, nextId);
    }

    /// <summary>Counts what was delivered since a former count with the age of the oldest that the room had to deliver.</summary>
    private long NoteLatency(LocalRoom room, long before)
    {
        ref var figures = ref _counters.Figures;
        if (figures.Deliveries > before)
        {
            figures.NoteDelivered(figures.Deliveries - before, LoopClock.ReadNs() - room.WaitingSinceNs);
        }

        return figures.Deliveries;
    }

    /// <summary>Sends, and counts; most clients stand where all were served before, and get the same number of records.</summary>
    private void Submit(LocalRoom room, int count, long head, long records)
    {
        var ring = room.Ring;
        ref var figures = ref _counters.Figures;
        var requests = _requests.AsSpan(0, count);
        _sender.Submit(requests);
        long safeFrom = ring.SafeFrom;
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
            bool isUsual = from == room.Served.Head && connection.Position == head;
            figures.Deliveries += isUsual ? records : ring.CountRecords(from, connection.Position);
            if (connection.Position < head)
            {
                NoteShortSend(request, ref connection, ring);
            }
        }
    }

    /// <summary>Not all went out: the rest lies at the ring's start, the kernel's buffer is full, or the peer is gone.</summary>
    private void NoteShortSend(in SendRequest request, ref Connection connection, in RoomRing ring)
    {
        if (!request.Result.Ok && !request.Result.WouldBlock)
        {
            _table.Doom(request.Descriptor);
            return;
        }

        connection.Set(ConnectionFlags.MidFrame, ring.BoundaryFrom(connection.Position) != connection.Position);
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
        && (connection.State == ConnectionState.Chat
            ? connection.Position < _rooms.RoomOf(connection).Ring.Head
            : connection.Is(ConnectionFlags.MidFrame));

    /// <summary>Sends from the outbox; false when the kernel's buffer is full.</summary>
    private bool SendOutbox(int fd)
    {
        ref var connection = ref _table[fd];
        var outbox = _table.ExistingOutbox(connection);
        fixed (byte* bytes = outbox.Bytes)
        {
            int flags = HasLogBytes(connection) ? Syscall.MSG_MORE : 0;
            var result = Syscall.Send(fd, bytes, outbox.Count, flags);
            if (!result.Ok)
            {
                return DoomUnlessBlocked(fd, result);
            }

            _counters.Figures.SentBytes += result.Value;
            outbox.Consume(result.Value);
        }

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
        var ring = _rooms.RoomOf(connection).Ring;
        if (connection.Position < ring.Tail)
        {
            SkipWhatIsGone(fd, ring);
            return true;
        }

        bool onlyToBoundary = connection.Outbox != 0 || connection.State != ConnectionState.Chat;
        long end = onlyToBoundary ? ring.BoundaryFrom(connection.Position) : ring.Head;
        byte* bytes = ring.Read(connection.Position, end, out int count);
        var result = Syscall.Send(fd, bytes, count, 0);
        if (connection.Position < ring.SafeFrom)
        {
            Reset(fd);
            return true;
        }

        if (!result.Ok)
        {
            return DoomUnlessBlocked(fd, result);
        }

        _counters.Figures.SentBytes += result.Value;
        _counters.Figures.Deliveries += ring.CountRecords(connection.Position, connection.Position + result.Value);
        connection.Position += result.Value;
        connection.Set(ConnectionFlags.MidFrame, connection.Position != end && ring.BoundaryFrom(connection.Position) != connection.Position);
        return result.Value == count;
    }

    /// <summary>Between frames, a client that was overtaken is told so and goes on from the oldest record; inside one it cannot go on.</summary>
    private void SkipWhatIsGone(int fd, in RoomRing ring)
    {
        ref var connection = ref _table[fd];
        if (connection.Is(ConnectionFlags.MidFrame))
        {
            Reset(fd);
            return;
        }

        _counters.Figures.DroppedSlow++;
        connection.Position = ring.Tail;
        QueueGap(fd, "Some messages are missing here: this connection was too slow for them."u8);
    }

    /// <summary>A stream that was cut inside a frame cannot go on.</summary>
    private void Reset(int fd)
    {
        _counters.Figures.DroppedSlow++;
        _table[fd].Set(ConnectionFlags.Torn, true);
        _table.Doom(fd);
    }

    /// <summary>Tells a client that messages are missing.</summary>
    public void QueueGap(int fd, ReadOnlySpan<byte> text)
    {
        Span<byte> json = stackalloc byte[ChatEncoder.FixedBytesMax];
        WriteFrame(_table.OutboxOf(fd), Opcode.Text, json[..ChatEncoder.WriteGap(json, text)]);
    }

    /// <summary>Adds an unfragmented frame to an outbox.</summary>
    public static void WriteFrame(ByteQueue outbox, Opcode opcode, ReadOnlySpan<byte> payload)
    {
        int header = FrameHeader.ServerBytes(payload.Length);
        var frame = outbox.Reserve(header + payload.Length);
        _ = FrameHeader.WriteServer(frame, opcode, payload.Length);
        payload.CopyTo(frame[header..]);
    }

    /// <summary>False when the kernel's buffer is full; on any other error the peer is gone.</summary>
    private bool DoomUnlessBlocked(int fd, SysResult result)
    {
        if (!result.WouldBlock)
        {
            _table.Doom(fd);
        }

        return !result.WouldBlock;
    }
}
