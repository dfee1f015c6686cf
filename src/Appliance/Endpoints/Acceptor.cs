using Appliance.Connections;
using Appliance.Loop;
using Appliance.Metrics;
using Appliance.Native;
using Appliance.Protocols.Http;
using Appliance.Tls;

namespace Appliance.Endpoints;

/// <summary>The listening sockets of a worker: takes those who wait there into the table.</summary>
public sealed class Acceptor : IDisposable
{
    /// <summary>Taken from one listener in one turn.</summary>
    private const int AcceptsMax = 64;

    /// <summary>Taken at the end from one listener: about as many as a kernel lets wait there.</summary>
    private const int LastAcceptsMax = 4096;

    /// <summary>
    /// Connections that may wait for their handshake: those that come in while others are many round trips away, and no more than a part of
    /// the descriptors that there are, so that silent ones cannot take all.
    /// </summary>
    private const int WaitingMost = 16_384;

    private const int WaitingLeast = 256;
    private const int WaitingShareOfDescriptors = 4;

    /// <summary>How long no connection is taken when there is not even a descriptor to refuse one with.</summary>
    private const int PauseMs = 500;

    /// <summary>Of a request that is refused unread.</summary>
    private const int AskedBytesMax = 4096;

    private static readonly byte[] NoDescriptor =
        HttpResponse.Refuse(503, "this process has no descriptor left for another client (ulimit -n, LimitNOFILE=); try again later", Refusal.RetryLater);

    /// <summary>What a client of TLS understands before its handshake: an alert.</summary>
    private static readonly byte[] NoHandshake = RecordLayer.WriteAlert(TlsAlert.InternalError);

    private readonly ConnectionTable _table;
    private readonly Poller _poller;
    private readonly EndpointTable _endpoints;
    private readonly WorkerContext _context;
    private readonly TimerId _timer;
    private readonly SpareDescriptor _spare = new();
    private readonly List<ListenSocket> _listeners = [];

    /// <summary>How many connections there were when a descriptor was wanting; with fewer there is one again.</summary>
    private int _lackingFrom = int.MaxValue;
    private bool _isPaused;

    /// <summary>No listener yet; <paramref name="timer"/> is the number of its timer.</summary>
    public Acceptor(WorkerContext context, EndpointTable endpoints, TimerId timer)
    {
        _context = context;
        _endpoints = endpoints;
        _table = context.Table;
        _poller = context.Poller;
        _timer = timer;
    }

    /// <summary>Connections that leave the process the descriptors it needs itself: to open its log anew, to take orders of its master.</summary>
    public int ClientsMax { get; init; } = int.MaxValue;

    /// <summary>Whether there was no descriptor for the last one who came, and none has become free since.</summary>
    public bool LacksDescriptors => _table.Count >= _lackingFrom;

    /// <summary>Takes connections from a listening socket.</summary>
    public void Listen(ListenSocket listener)
    {
        _listeners.Add(listener);
        if (!_isPaused && _poller.Add(listener.Descriptor, 0) is { Ok: false } failed)
        {
            PauseFor(failed.Error);
        }
    }

    /// <summary>Takes none any more from a listening socket, which is the caller's to close.</summary>
    public void StopListening(ListenSocket listener)
    {
        _poller.Remove(listener.Descriptor);
        _ = _listeners.Remove(listener);
    }

    /// <summary>Takes those who wait, and then no connection any more; the sockets are the caller's to close.</summary>
    public void Stop()
    {
        if (!_isPaused)
        {
            _listeners.ForEach(listener => TakeWaiting(listener, LastAcceptsMax));
        }

        Pause();
        _listeners.Clear();
    }

    /// <summary>Takes none for now: those who come wait, or are taken by another worker that has the sockets, too.</summary>
    public void Pause()
    {
        _isPaused = true;
        _context.Timers.Cancel(_timer);
        _listeners.ForEach(listener => _poller.Remove(listener.Descriptor));
    }

    /// <summary>Takes connections again.</summary>
    public void Resume()
    {
        if (_isPaused)
        {
            _isPaused = false;
            foreach (var listener in _listeners)
            {
                if (_poller.Add(listener.Descriptor, 0) is { Ok: false } failed)
                {
                    PauseFor(failed.Error);
                    return;
                }
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _spare.Release();

    /// <summary>Takes the connections that wait at a socket; false when it is no listener.</summary>
    public bool OnReadable(int socket)
    {
        foreach (var listener in _listeners)
        {
            if (listener.Descriptor == socket)
            {
                TakeWaiting(listener, _isPaused ? 0 : AcceptsMax);
                return true;
            }
        }

        return false;
    }

    private void TakeWaiting(ListenSocket listener, int most)
    {
        for (int i = 0; i < most; i++)
        {
            bool isFull = _table.Count >= ClientsMax;
            if (isFull && _table.MarkOldestWaitingForClose())
            {
                // Its place is free in the next turn, in which the listener is told of again.
                return;
            }

            var accepted = Syscall.Accept(listener.Descriptor, out var peer);
            if (accepted.Ok && isFull)
            {
                Refuse(accepted.Value, listener.Kind, Errno.EMFILE);
            }
            else if (accepted.Ok)
            {
                Open(accepted.Value, listener.Kind, peer);
            }
            else if (accepted.WouldBlock)
            {
                return;
            }
            else if (accepted.Error is Errno.EMFILE or Errno.ENFILE or Errno.ENOBUFS or Errno.ENOMEM && !TryRefuse(listener, accepted.Error))
            {
                return;
            }
        }
    }

    /// <summary>Refuses whoever comes next with the descriptor that is kept for that; false when nobody is there, or even so there is none.</summary>
    private bool TryRefuse(ListenSocket listener, Errno error)
    {
        _spare.Release();
        var accepted = Syscall.Accept(listener.Descriptor, out _);
        if (accepted.Ok)
        {
            Refuse(accepted.Value, listener.Kind, error);
        }
        else if (!accepted.WouldBlock)
        {
            PauseFor(accepted.Error);
        }

        _spare.Keep();
        return accepted.Ok;
    }

    /// <summary>
    /// Answers whoever has just come with 503, whatever is asked, and closes. What was sent is read first: a reset would overtake the answer.
    /// </summary>
    private unsafe void Refuse(int fd, ListenKind kind, Errno error)
    {
        byte* asked = stackalloc byte[AskedBytesMax];
        _ = Syscall.Receive(fd, asked, AskedBytesMax);
        byte[] refusal = kind is ListenKind.Tls or ListenKind.ProxyTls ? NoHandshake : NoDescriptor;
        fixed (byte* answer = refusal)
        {
            _ = Syscall.Send(fd, answer, refusal.Length, 0);
        }

        _ = Syscall.Shutdown(fd, Syscall.SHUT_WR);
        _ = Syscall.Close(fd);
        _context.Counters.Figures.Rejected[(int)RejectReason.Full]++;
        Note(error);
    }

    private void Note(Errno error)
    {
        _lackingFrom = _table.Count;
        _context.Observer.OnDescriptorsExhausted(error.ToString());
    }

    /// <summary>The host, or a limit of this process, gives no place for another client: takes none for a moment.</summary>
    private void PauseFor(Errno error)
    {
        Pause();
        _context.ArmIn(_timer, PauseMs);
        Note(error);
    }

    /// <summary>What a connection begins with, by what is spoken at the socket that it came to: its state, and how its bytes travel.</summary>
    private static (ConnectionState State, byte Transport) BeginningOf(ListenKind kind) => kind switch
    {
        ListenKind.Chat => (ConnectionState.Http, Transport: 0),
        ListenKind.Proxy => (ConnectionState.Proxy, Transport: 0),
        ListenKind.Tls => (ConnectionState.Tls, TlsTransport.Number),
        ListenKind.ProxyTls => (ConnectionState.ProxyTls, Transport: 0),
        ListenKind.Monitoring => throw new System.Diagnostics.UnreachableException(),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private void Open(int fd, ListenKind kind, in SocketAddress peer)
    {
        var (state, transport) = BeginningOf(kind);
        if (!_table.Open(fd, state, peer, _context.Clock.NowMs, _context.Clock.UnixMs))
        {
            _ = Syscall.Close(fd);
            return;
        }

        _table[fd].Transport = transport;
        _context.Counters.Figures.Accepted++;
        _lackingFrom = int.MaxValue;
        int waitingMax = Math.Min(Math.Clamp(_context.Settings.MaxConnections, WaitingLeast, WaitingMost), _table.Capacity / WaitingShareOfDescriptors);
        if (_table.WaitingCount > waitingMax)
        {
            _ = _table.MarkOldestWaitingForClose(except: fd);
        }

        _endpoints.Enter(fd, default);
    }
}
