using Appliance.Connections;
using Appliance.Delivery;
using Appliance.Loop;
using Appliance.Native;

namespace Appliance.Moving;

/// <summary>
/// Gathers the clients of a small room at one worker: a client that joins a room with few clients moves to the worker that has most of them.
/// So a message in one of many small rooms wakes one worker and touches the room's memory in one, instead of in nearly all. A server with few
/// clients does not gather them: it would save nothing, and the death of a worker would cost a whole room.
/// Connections go through links, permanent sockets, one to each other worker; the first connection for a worker asks for the link, and stays.
/// </summary>
public sealed class Gathering
{
    /// <summary>Clients of a small room. With more of them, waking another worker costs little beside what it delivers.</summary>
    public const int RoomMembersMax = 32;

    /// <summary>Connections that a worker of a server must have before it gives some of them away.</summary>
    private const int WorkerConnectionsMin = 512;

    private readonly ConnectionTable _table;
    private readonly ChatRooms _rooms;
    private readonly HandoverPacking _packing;
    private readonly Poller _poller;
    private readonly Dictionary<WorkerSlot, Link> _links = [];
    private readonly Queue<Link> _waiting = new();
    private readonly HandoverBatch _giving;
    private readonly HandoverBatch _answer = new();
    private Link? _target;
    private bool _stopped;

    /// <summary>Gives connections of this table.</summary>
    public Gathering(WorkerContext context, ChatRooms rooms, HandoverPacking packing)
    {
        _table = context.Table;
        _rooms = rooms;
        _packing = packing;
        _giving = new HandoverBatch(packing.BatchVersion);
        _poller = context.Poller;
    }

    /// <summary>Connections that this worker must have before it gives some of them away.</summary>
    public int ConnectionsMin { get; init; } = WorkerConnectionsMin;

    /// <summary>Asks for a link to the worker of a slot.</summary>
    public required Action<WorkerSlot> OnWanted { get; init; }

    /// <summary>Whether connections are on their way, and may come back.</summary>
    public bool IsUnderWay => _target is not null;

    /// <summary>Whether there is something to give.</summary>
    public bool IsGiving => _target is null && _waiting.Count > 0;

    /// <summary>A client has come to a room: it is given to the worker that has most of its members at the end of the turn.</summary>
    public void OnJoined(int fd)
    {
        if (_stopped || _table.Count < ConnectionsMin)
        {
            return;
        }

        ref var connection = ref _table[fd];
        if (_rooms.HostOf(connection, RoomMembersMax, connectionsMax: _table.Count + (_table.Count / 8)) is not { } host)
        {
            return;
        }

        if (!_links.TryGetValue(host, out var link))
        {
            _links[host] = new Link { Slot = host };
            OnWanted(host);
        }
        else if (link.Socket >= 0)
        {
            if (link.Newcomers.Count == 0)
            {
                _waiting.Enqueue(link);
            }

            link.Newcomers.Enqueue((fd, connection.Generation));
        }
    }

    /// <summary>The link to the worker of a slot is there; -1: it cannot be made now, and the next newcomer may ask again.</summary>
    public void OnLink(WorkerSlot slot, int socket)
    {
        bool isWanted = !_stopped && _links.ContainsKey(slot);
        if (isWanted && socket >= 0 && _poller.Add(socket, 0).Ok)
        {
            _links[slot].Socket = socket;
            return;
        }

        _ = socket < 0 ? default : Syscall.Close(socket);
        _ = isWanted && _links.Remove(slot);
    }

    /// <summary>Something came through a link: the answer to what is under way there, or its end. False when the socket is none.</summary>
    public bool OnReadable(int socket)
    {
        if (Find(socket) is not { } link)
        {
            return false;
        }

        var received = _answer.Receive(socket, out _);
        if (received.WouldBlock)
        {
            return true;
        }

        bool isAnswer = received.Ok && received.Value == HandoverBatch.AnswerBytes && link == _target;
        if (isAnswer && _answer.Answer == _giving.Count)
        {
            _packing.Forget(_giving);
            _target = null;
            if (_stopped)
            {
                End(link);
            }
        }
        else
        {
            End(link);
        }

        return true;
    }

    /// <summary>At the end of a turn: gives the next batch, if none is under way.</summary>
    public void Continue()
    {
        while (IsGiving)
        {
            var link = _waiting.Dequeue();
            while (!_giving.IsFull && link.Newcomers.TryDequeue(out var newcomer))
            {
                ref var connection = ref _table[newcomer.Descriptor];
                if (connection.Generation == newcomer.Generation && connection.IsClient && !connection.Is(ConnectionFlags.ClosePending))
                {
                    _packing.Pack(_giving, newcomer.Descriptor);
                }
            }

            if (link.Newcomers.Count > 0)
            {
                _waiting.Enqueue(link);
            }

            if (_giving.Count > 0)
            {
                _target = link;
                if (!_giving.Send(link.Socket).Ok)
                {
                    End(link);
                }
            }
        }
    }

    /// <summary>Everything is given away: nobody goes to another worker of this master any more.</summary>
    public void Stop()
    {
        _stopped = true;
        foreach (var link in _links.Values.Where(link => link != _target).ToArray())
        {
            End(link);
        }
    }

    /// <summary>
    /// Connections that could not be given stay, and newcomers gather again. A taker that has not answered yet may be stopped and wake up any time
    /// later, so its answer must fail from here on; without the answer, the taker serves none of them.
    /// </summary>
    public void Resume()
    {
        while (_stopped && _target is { } link)
        {
            _ = Syscall.Shutdown(link.Socket, Syscall.SHUT_RD);
            _ = OnReadable(link.Socket);
        }

        _stopped = false;
    }

    private Link? Find(int socket)
    {
        foreach (var link in _links.Values)
        {
            if (link.Socket == socket)
            {
                return link;
            }
        }

        return null;
    }

    /// <summary>Connections that wait for a link stay here; those in a batch under way come back.</summary>
    private void End(Link link)
    {
        if (link == _target)
        {
            _packing.TakeBack(_giving);
            _target = null;
        }

        link.Newcomers.Clear();
        if (link.Socket >= 0)
        {
            _poller.Remove(link.Socket);
            _ = Syscall.Close(link.Socket);
        }

        _ = _links.Remove(link.Slot);
    }

    /// <summary>The socket to another worker, and the connections that wait for it.</summary>
    private sealed class Link
    {
        public required WorkerSlot Slot { get; init; }

        /// <summary>-1 while it is asked for.</summary>
        public int Socket { get; set; } = -1;

        public Queue<(int Descriptor, uint Generation)> Newcomers { get; } = new();
    }
}
