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
public sealed unsafe partial class LogDelivery
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

    /// <summary>Of each request to a connection whose bytes are sealed: how many of its view's bytes it stands for.</summary>
    private readonly int[] _plainBytes = new int[Sender.RequestsMax];

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

            if (connection.Outbox == 0 || connection.Transport != 0 || HasLogBytes(connection))
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

    private bool ListIsFull => _requestCount == Sender.RequestsMax || _requestBytes >= RequestBytesMax || SealedIsFull;

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
        HoldWhole(audience);
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

            if (connection.Outbox != 0 || connection.Position < tail || !connection.IsClient || HasUnsent(connection, fd))
            {
                long before = _counters.Figures.Deliveries;
                long sinceNs = audience.Serve(connection.Position);
                Flush(fd);
                NoteLatency(before, sinceNs, MonotonicClock.ReadNs());
                continue;
            }

            ref var request = ref _requests[_requestCount];
            request.Descriptor = fd;
            request.Bytes = view.Read(connection.Position, end.Position, out request.Count);
            if (connection.Transport != 0 && !TrySeal(view, ref request, audience.Erasures, out _plainBytes[_requestCount]))
            {
                continue;
            }

            _requestCount++;
            _requestBytes += request.Count;
            oldest = Math.Min(oldest, connection.Position);
        }

        if (_requestCount > first)
        {
            long sinceNs = audience.Serve(oldest);
            _parts.Add(new Part(view, audience.Served, end, sinceNs, audience.Erasures, _requestCount - first));
        }
    }

    /// <summary>Sends the list, and counts.</summary>
    private void Submit()
    {
        _sender.Submit(_requests.AsSpan(0, _requestCount));
        int first = 0;
        long nowNs = MonotonicClock.ReadNs();
        foreach (ref readonly var part in CollectionsMarshal.AsSpan(_parts))
        {
            long before = _counters.Figures.Deliveries;
            Note(part, first);
            first += part.Requests;
            NoteLatency(before, part.SinceNs, nowNs);
        }

        _parts.Clear();
        _requestCount = _requestBytes = _sealedBytes = 0;
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
    private void Note(in Part part, int first)
    {
        var view = part.View;
        ref var figures = ref _counters.Figures;
        long safeFrom = view.SafeFrom;
        bool isErased = view.Erasures != part.Erasures;
        for (int i = first; i < first + part.Requests; i++)
        {
            ref readonly var request = ref _requests[i];
            ref var connection = ref _table[request.Descriptor];
            if (connection.Position < safeFrom && connection.Transport == 0)
            {
                // Overwritten while the kernel copied: what went out may be torn.
                Reset(request.Descriptor);
                continue;
            }

            long from = connection.Position;
            int sent = request.Result.Ok ? request.Result.Value : 0;
            if (isErased && connection.Transport == 0 && view.HasTombstone(from, from + sent))
            {
                Reset(request.Descriptor);
                continue;
            }

            figures.SentBytes += sent;
            bool isShort = connection.Transport != 0 && !KeepUnsent(request);
            connection.Position += connection.Transport == 0 ? sent : _plainBytes[i];
            bool isUsual = from == part.Start.Position && connection.Position == part.End.Position;
            figures.Deliveries += isUsual ? part.End.NextId - part.Start.NextId : view.CountRecords(from, connection.Position);
            if (isShort || connection.Position < part.End.Position)
            {
                NoteShortSend(request, ref connection, view);
            }
        }
    }

    /// <summary>Not all went out: the rest lies at the ring's start or was not sealed, the kernel's buffer is full, or the peer is gone.</summary>
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

    /// <summary>What stands on the list for the readers of one room.</summary>
    /// <param name="View">What they read.</param>
    /// <param name="Start">Where most of them stand.</param>
    /// <param name="End">Up to there all get.</param>
    /// <param name="SinceNs">When the oldest of it was appended, on the monotonic clock; long.MaxValue: not known.</param>
    /// <param name="Erasures">What <see cref="RoomRing.Erasures"/> was before.</param>
    /// <param name="Requests">How many requests of the list are its members'.</param>
    private readonly record struct Part(RoomRing View, LogEnd Start, LogEnd End, long SinceNs, long Erasures, int Requests);
}
