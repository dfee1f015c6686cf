using System.Runtime.InteropServices;
using Appliance.Config;
using Appliance.Ipc;
using Appliance.Loop;
using Appliance.Native;
using Appliance.WebSocket;

namespace Appliance.Connections;

/// <summary>
/// The clients of one worker: takes events of their descriptors and timers, and at the end of a turn appends and delivers what it
/// brought. The worker's loop calls its methods in a fixed order.
/// </summary>
public sealed unsafe class ClientServer : ITimerHandler, IDisposable
{
    /// <summary>Read from one client in one turn: a flood waits for its next turn, behind everybody else.</summary>
    private const int ReadBytesMax = 64 << 10;

    /// <summary>
    /// Read from all clients in one turn: however much comes in, signals, timers and deliveries wait no longer than for this much,
    /// some ten milliseconds.
    /// </summary>
    private const int TurnBytesMax = 512 << 10;

    /// <summary>Taken from one listener in one turn.</summary>
    private const int AcceptsMax = 64;

    /// <summary>How long no connection is taken after the last descriptor is gone.</summary>
    private const int AcceptPauseMs = 500;

    private readonly Poller _poller;
    private readonly TimerWheel _timers;
    private readonly LoopClock _clock;
    private readonly Settings _settings;
    private readonly IConnectionObserver _observer;
    private readonly ConnectionTable _table;
    private readonly ChatRooms _rooms;
    private readonly Delivery _delivery;
    private readonly HttpEndpoint _http;
    private readonly WebSocketEndpoint _webSocket;
    private readonly RoomLog _log;
    private readonly List<int> _listeners = [];
    private readonly int _acceptTimer;
    private byte* _received;
    private int _turnBytes;

    /// <summary>A server for descriptors 0 to <paramref name="capacity"/> - 1.</summary>
    public ClientServer(
        int capacity, Poller poller, LoopClock clock, RoomLog log, WorkerIdentity worker, Settings settings, IConnectionObserver observer)
    {
        _poller = poller;
        _clock = clock;
        _settings = settings;
        _observer = observer;
        _log = log;
        _acceptTimer = capacity + log.Layout.Rooms;
        _timers = new TimerWheel(_acceptTimer + 1, clock.NowMs);
        _table = new ConnectionTable(capacity, poller, _timers);
        _rooms = new ChatRooms(log, worker, _table, _timers, clock, settings);
        _delivery = new Delivery(_table, _rooms);
        _http = new HttpEndpoint(_table, _rooms, _delivery, clock, settings, observer);
        _webSocket = new WebSocketEndpoint(_table, _rooms, _delivery, _timers, clock, settings, observer);
        Operator = new OperatorCommands(worker.Slot, _table, _rooms, _webSocket, log, settings);
        _received = (byte*)NativeMemory.Alloc(ReadBytesMax);
    }

    /// <summary>What operators ask of these clients.</summary>
    public OperatorCommands Operator { get; }

    /// <summary>Connections now.</summary>
    public int ConnectionCount => _table.Count;

    /// <summary>Connections ever.</summary>
    public long Accepted => _table.Accepted;

    /// <summary>Chat messages taken.</summary>
    public long Messages => _rooms.Messages;

    /// <summary>Sends to clients.</summary>
    public long Deliveries => _delivery.Deliveries;

    /// <summary>Says how long the loop may wait now, in milliseconds; -1 for ever. <see cref="EndSleep"/> follows the wait.</summary>
    public int BeginSleep() => _rooms.BeginSleep() ? _timers.MillisecondsToNext(_clock.NowMs) : 0;

    /// <summary>The wait is over: takes note of what other workers did.</summary>
    public void EndSleep() => _rooms.EndSleep();

    /// <summary>Takes over limits that have changed.</summary>
    public void OnSettings()
    {
        _rooms.OnSettings();
        _http.OnSettings();
    }

    /// <summary>Whether the turn has brought so much that it must be delivered before more is taken.</summary>
    public bool TurnIsFull => _turnBytes >= TurnBytesMax || _rooms.MustDeliver;

    /// <summary>Takes connections from a listening socket.</summary>
    public void Listen(int listener)
    {
        _listeners.Add(listener);
        _ = _poller.Add(listener, 0).OrThrow("epoll_ctl");
    }

    /// <summary>Takes those who wait, and then no connection any more; the sockets are the caller's to close.</summary>
    public void StopListening()
    {
        _timers.Cancel(_acceptTimer);
        _listeners.ForEach(OnListener);
        _listeners.ForEach(_poller.Remove);
        _listeners.Clear();
    }

    /// <summary>Takes the connections that wait at a listener.</summary>
    public void OnListener(int listener)
    {
        for (int i = 0; i < AcceptsMax; i++)
        {
            var accepted = Syscall.Accept(listener, out var peer);
            if (accepted.Ok)
            {
                Open(accepted.Value, peer);
            }
            else if (accepted.WouldBlock)
            {
                return;
            }
            else if (accepted.Error is Errno.EMFILE or Errno.ENFILE or Errno.ENOBUFS or Errno.ENOMEM)
            {
                _listeners.ForEach(_poller.Remove);
                _timers.Arm(_acceptTimer, _clock.NowMs + AcceptPauseMs);
                _observer.OnAcceptFailed(accepted.Error.ToString(), AcceptPauseMs);
                return;
            }
        }
    }

    /// <summary>Something happened to a client's socket.</summary>
    public void OnClient(in PollEvent happened)
    {
        int fd = happened.Descriptor;
        ref var connection = ref _table[fd];
        if (connection.Generation != happened.Generation)
        {
            return;
        }

        if (happened.Writable)
        {
            _delivery.Flush(fd);
        }

        if (happened.Readable && !connection.Is(ConnectionFlags.Doomed))
        {
            Read(fd);
        }
    }

    /// <summary>Tells every timer that has run out.</summary>
    public void ExpireTimers() => _timers.Expire(_clock.NowMs, this);

    /// <inheritdoc/>
    public void OnTimer(int timer, long nowMs)
    {
        if (timer < _table.Capacity)
        {
            OnConnectionTimer(timer, nowMs);
        }
        else if (timer < _acceptTimer)
        {
            _rooms.OnTimer(timer);
        }
        else
        {
            _listeners.ForEach(listener => _ = _poller.Add(listener, 0).OrThrow("epoll_ctl"));
        }
    }

    /// <summary>The end of a turn: what came in is appended, delivered, and what has ended is closed.</summary>
    public void EndTurn()
    {
        _rooms.Append();
        _delivery.Deliver();
        foreach (int fd in _table.DoomedList)
        {
            ref var connection = ref _table[fd];
            _rooms.Leave(fd);
            if (connection.Room != ConnectionTable.NoRoom)
            {
                _observer.OnDisconnected(connection, _log.NameOf(connection.Room));
            }

            _table.Close(fd);
        }

        _table.ClearDoomed();
        _turnBytes = 0;
    }

    /// <summary>Begins to close every connection: WebSockets with 1001, others at once.</summary>
    public void CloseAll()
    {
        for (int fd = 0; fd < _table.Capacity && _table.Count > 0; fd++)
        {
            switch (_table[fd].State)
            {
                case ConnectionState.Chat:
                case ConnectionState.Echo:
                    _webSocket.Close(fd, CloseCode.GoingAway, awaitAnswer: true);
                    break;
                case ConnectionState.Http:
                    _table.Doom(fd);
                    break;
                case ConnectionState.None:
                case ConnectionState.Closing:
                case ConnectionState.Lingering:
                    break;
                default:
                    throw new System.Diagnostics.UnreachableException();
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        NativeMemory.Free(_received);
        _received = null;
        _delivery.Dispose();
        _table.Dispose();
        _timers.Dispose();
    }

    private void Open(int fd, in SocketAddress peer)
    {
        if (fd >= _table.Capacity || !_table.Open(fd, peer, _clock.NowMs, _clock.UnixMs))
        {
            _ = Syscall.Close(fd);
            return;
        }

        _timers.Arm(fd, _clock.NowMs + (_settings.HandshakeTimeoutSeconds * 1000L));
    }

    private void Read(int fd)
    {
        var result = Syscall.Receive(fd, _received, ReadBytesMax);
        if (result.WouldBlock)
        {
            return;
        }

        ref var connection = ref _table[fd];
        if (!result.Ok || result.Value == 0)
        {
            OnEnd(fd);
            return;
        }

        var bytes = new Span<byte>(_received, result.Value);
        _turnBytes += result.Value;
        switch (connection.State)
        {
            case ConnectionState.Http:
                OnHttp(fd, bytes);
                break;
            case ConnectionState.Chat:
            case ConnectionState.Echo:
                connection.HeardMs = _clock.NowMs;
                _webSocket.OnBytes(fd, bytes);
                break;
            case ConnectionState.Closing:
                if (!connection.Is(ConnectionFlags.ShutWhenFlushed))
                {
                    _webSocket.OnBytes(fd, bytes);
                }

                break;
            case ConnectionState.Lingering:
                break;
            case ConnectionState.None:
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    private void OnHttp(int fd, Span<byte> bytes)
    {
        var behind = _http.OnBytes(fd, bytes);
        ref var connection = ref _table[fd];
        switch (connection.State)
        {
            case ConnectionState.Chat:
            case ConnectionState.Echo:
                _timers.Arm(fd, _clock.NowMs + (_settings.PingSeconds * 1000L));
                if (!behind.IsEmpty)
                {
                    _webSocket.OnBytes(fd, behind);
                }

                _table.ReleaseHead(ref connection);
                break;
            case ConnectionState.Lingering:
                _timers.Arm(fd, _clock.NowMs + WebSocketEndpoint.CloseTimeoutMs);
                break;
            case ConnectionState.None:
            case ConnectionState.Http:
            case ConnectionState.Closing:
                break;
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    /// <summary>The peer has closed its side. An answer that is still under way goes out; nothing else is owed.</summary>
    private void OnEnd(int fd)
    {
        if (_table[fd].Outbox != 0)
        {
            _delivery.Flush(fd);
        }

        _table.Doom(fd);
    }

    private void OnConnectionTimer(int fd, long nowMs)
    {
        ref var connection = ref _table[fd];
        long silentMs = nowMs - connection.HeardMs;
        switch (connection.State)
        {
            case ConnectionState.Http:
                OnHttpTimer(fd, silentMs);
                break;
            case ConnectionState.Chat:
            case ConnectionState.Echo:
                OnSilence(fd, silentMs);
                break;
            case ConnectionState.Closing:
            case ConnectionState.Lingering:
                OnCloseTimer(fd, silentMs);
                break;
            case ConnectionState.None:
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    private void OnHttpTimer(int fd, long silentMs)
    {
        long leftMs = (_settings.HandshakeTimeoutSeconds * 1000L) - silentMs;
        if (leftMs > 0)
        {
            _timers.Arm(fd, _clock.NowMs + leftMs);
            return;
        }

        _http.OnTimeout(fd);
        _timers.Arm(fd, _clock.NowMs + WebSocketEndpoint.CloseTimeoutMs);
    }

    private void OnSilence(int fd, long silentMs)
    {
        long timeoutMs = _settings.TimeoutSeconds * 1000L;
        long pingMs = _settings.PingSeconds * 1000L;
        if (silentMs >= timeoutMs)
        {
            _webSocket.Close(fd, CloseCode.GoingAway, awaitAnswer: false);
            return;
        }

        long nextMs = pingMs - silentMs;
        if (nextMs <= 0)
        {
            _webSocket.Ping(fd);
            nextMs = Math.Min(pingMs, timeoutMs - silentMs);
        }

        _timers.Arm(fd, _clock.NowMs + nextMs);
    }

    /// <summary>Time to close is over, unless an answer is still under way to a slow reader.</summary>
    private void OnCloseTimer(int fd, long silentMs)
    {
        if (_table[fd].Outbox != 0 && silentMs < _settings.TimeoutSeconds * 1000L)
        {
            _timers.Arm(fd, _clock.NowMs + WebSocketEndpoint.CloseTimeoutMs);
            return;
        }

        _table.Doom(fd);
    }
}
