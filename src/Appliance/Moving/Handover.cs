using System.Buffers.Binary;
using Appliance.Connections;
using Appliance.Loop;
using Appliance.Native;

namespace Appliance.Moving;

/// <summary>What came of giving connections to another worker.</summary>
/// <param name="Given">How many it has taken.</param>
/// <param name="Failed">Whether it is gone or has refused some, which stay here.</param>
public readonly record struct HandoverOutcome(int Given, bool Failed);

/// <summary>
/// Moves connections from one live worker to another, in batches over a unix socket that keeps the boundaries of messages. A batch is
/// under way until its answer comes (how many were taken: all of it or none), and nobody serves it meanwhile; when the other worker dies
/// before it has answered, it never served them, and they go on here.
/// </summary>
public sealed class Handover
{
    private readonly ConnectionTable _table;
    private readonly HandoverPacking _packing;
    private readonly Gathering _gathering;
    private readonly Poller _poller;
    private readonly Queue<(int Socket, int Count, bool IsRoute)> _orders = new();
    private readonly HandoverBatch _giving;
    private readonly HandoverBatch _taking = new();
    private readonly List<int> _sources = [];
    private readonly List<int> _routes = [];
    private readonly List<int> _links = [];
    private int _target = -1;
    private bool _isRoute;
    private bool _isReturning;
    private int _left;
    private int _given;
    private int _cursor;

    /// <summary>Moves connections of this table.</summary>
    public Handover(WorkerContext context, HandoverPacking packing, Gathering gathering)
    {
        _table = context.Table;
        _packing = packing;
        _giving = new HandoverBatch(packing.BatchVersion);
        _gathering = gathering;
        _poller = context.Poller;
    }

    /// <summary>Is told when an order is carried out.</summary>
    public required Action<HandoverOutcome> OnDone { get; init; }

    /// <summary>Whether connections are to be given away.</summary>
    public bool IsGiving => _target >= 0 || _orders.Count > 0;

    /// <summary>Orders so many connections to be given through a socket, one order behind the other.</summary>
    /// <param name="socket">The socket, this worker's from now on.</param>
    /// <param name="count">How many, or <see cref="ControlWord.Everything"/>.</param>
    /// <param name="isRoute">Whether what is given may come back, as long as the other end is open: in an upgrade.</param>
    public void Give(int socket, int count, bool isRoute = false) => _orders.Enqueue((socket, count, isRoute));

    /// <summary>Takes connections that come through a socket, until it ends.</summary>
    /// <param name="socket">The socket, this worker's from now on.</param>
    /// <param name="isRoute">Whether they may be given back.</param>
    public void Take(int socket, bool isRoute = false) => Take(isRoute ? _routes : _sources, socket);

    /// <summary>Takes connections that come through a link of another worker, which lasts, until this worker gives everything away.</summary>
    public void TakeLinked(int socket) => Take(_links, socket);

    /// <summary>
    /// This worker's master is gone in the middle of an upgrade: gives everything to the other one, whose workers are at the other ends of
    /// the links, and takes nothing any more. False when no link is left.
    /// </summary>
    public bool TryReturn()
    {
        _isReturning = true;
        if (_routes.Count > 0)
        {
            _orders.Enqueue((_routes[^1], ControlWord.Everything, IsRoute: true));
            _poller.Remove(_routes[^1]);
            _routes.RemoveAt(_routes.Count - 1);
        }

        return IsGiving;
    }

    /// <summary>
    /// Gives nothing more: every order ends, and what the other worker has not answered for stays here. It may be stopped and wake up any
    /// time later, so its answer must not get through from here on; without it, it serves none of them.
    /// </summary>
    public void Abandon()
    {
        if (_target >= 0)
        {
            _ = Syscall.Shutdown(_target, Syscall.SHUT_RD);
        }

        while (_target >= 0 && _giving.Count > 0)
        {
            Receive(_target);
        }

        if (_target >= 0)
        {
            End(failed: true, hasEnded: true);
        }

        while (_orders.TryDequeue(out var order))
        {
            _ = Syscall.Close(order.Socket);
            OnDone(new HandoverOutcome(0, Failed: true));
        }

        foreach (int route in _routes)
        {
            _poller.Remove(route);
            _ = Syscall.Close(route);
        }

        _routes.Clear();
    }

    /// <summary>Something came through one of the sockets.</summary>
    public void OnReadable(int socket)
    {
        if (socket == _target || _sources.Contains(socket) || _routes.Contains(socket) || _links.Contains(socket))
        {
            Receive(socket);
        }
    }

    /// <summary>
    /// At the end of a turn, when nothing of it is under way any more: gives the next batch, if it is time for one. Orders for which there is
    /// nothing to give end here one after the other: no event would come for those behind them.
    /// </summary>
    public void Continue()
    {
        do
        {
            if (_target < 0 && _orders.TryDequeue(out var order))
            {
                (_target, _left, _given, _isRoute) = (order.Socket, order.Count, 0, order.IsRoute);
                if (!_poller.Add(_target, 0).Ok)
                {
                    End(failed: true, hasEnded: true);
                    continue;
                }

                if (_left == ControlWord.Everything)
                {
                    EndLinks();
                }
            }

            if (_target >= 0 && _giving.Count == 0)
            {
                GiveBatch();
            }
        }
        while (_target < 0 && _orders.Count > 0);
    }

    private void Take(List<int> sockets, int socket)
    {
        if (_poller.Add(socket, 0).Ok)
        {
            sockets.Add(socket);
        }
        else
        {
            // Its end tells the giver, who keeps what it has.
            _ = Syscall.Close(socket);
        }
    }

    /// <summary>Nothing more comes through links: others keep what they would send from now on. What they have sent is taken.</summary>
    private void EndLinks()
    {
        _gathering.Stop();
        while (_links.Count > 0)
        {
            int link = _links[^1];
            _ = Syscall.Shutdown(link, Syscall.SHUT_RD);
            while (_links.Contains(link))
            {
                Receive(link);
            }
        }
    }

    private void GiveBatch()
    {
        bool all = _left == ControlWord.Everything;
        bool someStay = false;
        for (int looked = 0; looked <= _table.HighestDescriptor && _table.Count > 0 && _giving.Count < _left && !_giving.IsFull; looked++)
        {
            _cursor = _cursor < _table.HighestDescriptor ? _cursor + 1 : 0;
            bool suits = _table[_cursor].IsClient || (all && _table[_cursor].State != ConnectionState.None);
            if (suits && _table.TransportOf(_table[_cursor]) is { } transport && !transport.CanMove(_cursor))
            {
                someStay = true;
            }
            else if (suits)
            {
                _packing.Pack(_giving, _cursor);
            }
        }

        if (_giving.Count == 0)
        {
            // What another worker still gives to this one, or may not take, is to be given away, too.
            if (someStay)
            {
                _packing.LimitStay();
            }
            else if (!all || (_sources.Count == 0 && !_gathering.IsUnderWay))
            {
                End(failed: false, hasEnded: false);
            }
        }
        else if (!_giving.Send(_target).Ok)
        {
            _packing.TakeBack(_giving);
            End(failed: true, hasEnded: true);
        }
    }

    /// <summary>Takes the next message of a socket: the answer to what is under way there, connections, or its end.</summary>
    private void Receive(int socket)
    {
        var received = _taking.Receive(socket, out bool whole);
        if (received.WouldBlock)
        {
            return;
        }

        bool isTarget = socket == _target;
        if (!received.Ok || received.Value == 0)
        {
            OnEnd(socket, isTarget);
        }
        else if (isTarget && received.Value == HandoverBatch.AnswerBytes)
        {
            OnAnswer(_taking.Answer);
        }
        else
        {
            TakeBatch(socket, whole);
        }
    }

    private void OnAnswer(int answer)
    {
        if (answer != _giving.Count || answer == 0)
        {
            _packing.TakeBack(_giving);
            End(failed: true, hasEnded: false);
            return;
        }

        _given += _giving.Count;
        _left -= _left == ControlWord.Everything ? 0 : _giving.Count;
        _packing.Forget(_giving);
        if (_left == 0)
        {
            End(failed: false, hasEnded: false);
        }
    }

    private void OnEnd(int socket, bool isTarget)
    {
        if (isTarget)
        {
            _packing.TakeBack(_giving);
            End(failed: true, hasEnded: true);
            return;
        }

        _poller.Remove(socket);
        _ = Syscall.Close(socket);
        _ = _sources.Remove(socket) || _routes.Remove(socket) || _links.Remove(socket);
    }

    /// <summary>An order has come to its end; a route stays open for what may come back.</summary>
    private void End(bool failed, bool hasEnded)
    {
        if (_isRoute && !hasEnded && !_isReturning)
        {
            _routes.Add(_target);
        }
        else
        {
            _poller.Remove(_target);
            _ = Syscall.Close(_target);
        }

        _target = -1;
        OnDone(new HandoverOutcome(_given, failed));
    }

    private void TakeBatch(int socket, bool whole)
    {
        bool watched = whole && !_isReturning && _packing.TryWatch(_taking);
        Span<byte> answer = stackalloc byte[HandoverBatch.AnswerBytes];
        BinaryPrimitives.WriteInt32LittleEndian(answer, watched ? _taking.Count : 0);

        // Nothing that could fail is left, and nothing has been sent to anybody yet. An answer that gets through makes them this worker's,
        // whatever becomes of the giver; one that does not leaves them to it.
        bool answered = Syscall.SendRights(socket, answer, default).Ok;
        if (watched && answered)
        {
            _packing.Unpack(_taking);
        }
        else
        {
            _packing.LetGo(_taking);
        }

        _taking.Clear();
    }
}
