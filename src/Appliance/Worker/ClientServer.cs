using System.Runtime.InteropServices;
using Appliance.Config;
using Appliance.Connections;
using Appliance.Delivery;
using Appliance.Endpoints;
using Appliance.Loop;
using Appliance.Metrics;
using Appliance.Moderation;
using Appliance.Moving;
using Appliance.Rooms;
using Appliance.Tls;

namespace Appliance.Worker;

/// <summary>
/// The clients of one worker: takes events of their descriptors and timers, and at the end of a turn appends and delivers what it
/// brought. The worker's loop calls its methods in a fixed order.
/// </summary>
public sealed unsafe partial class ClientServer : ITimerHandler, IDisposable
{
    /// <summary>Read from one client in one turn: a flood waits for its next turn, behind everybody else.</summary>
    private const int ReadBytesMax = 64 << 10;

    /// <summary>
    /// Read from all clients in one turn: however much comes in, signals, timers and deliveries wait no longer than for this much,
    /// some ten milliseconds.
    /// </summary>
    private const int TurnBytesMax = 512 << 10;

    /// <summary>The same while clients are still to be served: reading takes about as long then as what is served in a turn.</summary>
    private const int BusyTurnBytesMax = 64 << 10;

    private readonly WorkerContext _context;
    private readonly ConnectionTable _table;
    private readonly TlsTransport _tls;
    private readonly ChatRooms _rooms;
    private readonly Sender _sender;
    private readonly LogDelivery _delivery;
    private readonly InvariantAudit _audit;
    private readonly EndpointTable _endpoints;
    private readonly KeepAlive _keepAlive;
    private readonly Handover _handover;
    private readonly Gathering _gathering;
    private readonly Drain _drain;
    private readonly TimerId _acceptTimer;
    private readonly TimerId _namesTimer;
    private readonly int _placesMax;
    private byte* _received;
    private int _turnBytes;

    /// <summary>A server for descriptors 0 to <paramref name="capacity"/> - 1.</summary>
    public ClientServer(int capacity, Poller poller, LoopClock clock, RoomLog log, WorkerIdentity worker, Settings settings, IConnectionObserver observer)
    {
        _acceptTimer = new TimerId(capacity + log.Layout.Rooms);
        var drainTimer = new TimerId(_acceptTimer.Index + 1);
        _namesTimer = new TimerId(drainTimer.Index + 1);
        var timers = new TimerWheel(_namesTimer.Index + 1, clock.NowMs);
        _tls = new TlsTransport(capacity);
        _table = new ConnectionTable(capacity, poller, timers)
        {
            Home = (byte)worker.Slot.Index,
            FirstNumber = Scoreboard.Figures(log, worker.Slot).Accepted,
            Transports = [_tls],
            Clock = clock,
            Addresses = AddressTable.Open(log, worker.Slot),
            Names = NameTable.Open(log),
        };
        _context = new WorkerContext
        {
            Worker = worker,
            Settings = settings,
            Log = log,
            Poller = poller,
            Clock = clock,
            Timers = timers,
            Table = _table,
            Moderation = new ModerationView(ModerationTable.Open(log)),
            Observer = observer,
        };
        _rooms = new ChatRooms(_context);
        _sender = new Sender(settings.Io != IoEngine.Epoll);
        _delivery = new LogDelivery(_context, _rooms, _sender);
        _audit = new InvariantAudit(_table, _rooms);
        int clients = DescriptorBudget.ClientsOf(capacity);
        _placesMax = DescriptorBudget.PlacesOf(clients);
        _endpoints = new EndpointTable(_context, _rooms, _delivery, _placesMax);
        _tls.Observer = _endpoints.Tls;
        Operator = new OperatorCommands(_context, _rooms, _endpoints);
        Acceptor = new Acceptor(_context, _endpoints, _acceptTimer) { ClientsMax = clients };
        _keepAlive = new KeepAlive(_context);
        _drain = new Drain(_context, _endpoints, drainTimer);
        var packing = new HandoverPacking(_context, _rooms) { OnArmed = _keepAlive.PingFirst, OnAdopted = OnAdopted };
        _gathering = new Gathering(_context, _rooms, packing) { OnWanted = slot => OnLinkWanted(slot) };
        _endpoints.OnJoined = _gathering.OnJoined;
        _handover = new Handover(_context, packing, _gathering) { OnDone = EndGiving };
        _received = (byte*)NativeMemory.Alloc(ReadBytesMax);
        KeepNames();
    }

    /// <summary>Is told when connections have been given to another worker.</summary>
    public Action<HandoverOutcome> OnGiven { get; set; } = _ => { };

    /// <summary>Is told when a link to the worker of another slot is wanted.</summary>
    public Action<WorkerSlot> OnLinkWanted { get; set; } = _ => { };

    /// <summary>Gets what a client that may moderate asks for: <see cref="ControlWord.Moderate"/>.</summary>
    public Action<string> OnModerationAsked
    {
        get => _endpoints.OnModerationAsked;
        set => _endpoints.OnModerationAsked = value;
    }

    /// <summary>What operators ask of these clients.</summary>
    public OperatorCommands Operator { get; }

    /// <summary>The outcome of what one of these clients has asked for.</summary>
    public void OnModerated(string outcome) => _endpoints.OnModerated(outcome);

    /// <summary>Connections now.</summary>
    public int ConnectionCount => _table.Count;

    /// <summary>Whether further clients are refused because there is no descriptor for them.</summary>
    public bool LacksDescriptors =>
        Acceptor.LacksDescriptors || (_placesMax < _context.Settings.MaxConnections && _table.Count - _table.WaitingCount >= _placesMax);

    /// <summary>What was counted so far.</summary>
    public ref WorkerFigures Figures => ref _context.Counters.Figures;

    /// <summary>Whether one system call carries the sends of a whole room.</summary>
    public bool SendsTogether => _sender.SendsTogether;

    /// <summary>Bytes that the slowest client has not got.</summary>
    public long MeasureLag() => _rooms.MeasureLag();

    /// <summary>Says how long the loop may wait now, in milliseconds; -1 for ever. <see cref="EndSleep"/> follows the wait.</summary>
    public int BeginSleep()
    {
        bool isIdle = !Operator.IsKicking && !_tls.HasReady && !_endpoints.SubRequests.HasReady;
        return isIdle && _rooms.BeginSleep() ? _context.Timers.MillisecondsToNext(_context.NowMs) : 0;
    }

    /// <summary>The wait is over: takes note of what other workers did.</summary>
    public void EndSleep()
    {
        _rooms.EndSleep();
        if (_context.Moderation.TryUpdate())
        {
            Operator.Enforce();
        }
    }

    /// <summary>The settings in force.</summary>
    public Settings Settings => _context.Settings;

    /// <summary>Makes further handshakes of TLS with the certificates of the settings, if there are some.</summary>
    /// <exception cref="IOException">OpenSSL is missing or refuses them; the former ones stay in use.</exception>
    public void UseCertificates()
    {
        if (Settings.TlsCredentials.Length > 0)
        {
            using var credentials = TlsCredentials.Unpack(Settings.TlsCredentials);
            _tls.Use(credentials);
        }

        _context.Settings = Settings with { TlsCredentials = [] };
    }

    /// <summary>Puts others in force.</summary>
    public void OnSettings(Settings settings)
    {
        _context.Settings = settings;
        _table.RecountAddresses(settings);
        _rooms.OnSettings();
        _endpoints.OnSettings();
        _keepAlive.OnSettings();
        KeepNames();
    }

    /// <summary>Whether the turn has brought so much that it must be delivered before more is taken.</summary>
    public bool TurnIsFull => _turnBytes >= (_rooms.Dirty.Count > 0 ? BusyTurnBytesMax : TurnBytesMax);

    /// <summary>Whether connections are to be given to other workers.</summary>
    public bool IsGiving => _handover.IsGiving || _gathering.IsUnderWay;

    /// <summary>The listening sockets.</summary>
    public Acceptor Acceptor { get; }

    /// <summary>
    /// Gives so many connections to another worker, in the following turns; of <see cref="ControlWord.Everything"/> none is left, and none is taken
    /// any more meanwhile. <see cref="OnGiven"/> tells the outcome.
    /// </summary>
    public void Give(int socket, int count, bool isRoute)
    {
        if (count == ControlWord.Everything)
        {
            Acceptor.Pause();
        }

        _handover.Give(socket, count, isRoute);
    }

    /// <summary>What is not given yet stays here, and others may come again.</summary>
    public void KeepAll()
    {
        _handover.Abandon();
        _gathering.Resume();
        Acceptor.Resume();
    }

    /// <summary>Takes connections that another worker gives.</summary>
    public void Take(int socket, bool isRoute) => _handover.Take(socket, isRoute);

    /// <summary>Takes connections of small rooms that another worker gives through a link.</summary>
    public void TakeLinked(int socket) => _handover.TakeLinked(socket);

    /// <summary>A link that was wanted is there; -1: there is none.</summary>
    public void Link(WorkerSlot slot, int socket) => _gathering.OnLink(slot, socket);

    /// <summary>
    /// Gives everything to the other master of an upgrade, this one's being gone; false when there is none. <see cref="OnGiven"/> tells the
    /// outcome.
    /// </summary>
    public bool TryReturn()
    {
        Acceptor.Pause();
        return _handover.TryReturn();
    }

    /// <summary>A descriptor that is no client's is readable: a listener, or the way to another worker.</summary>
    public void OnDescriptor(int descriptor)
    {
        if (!Acceptor.OnReadable(descriptor) && !_endpoints.SubRequests.OnReady(descriptor) && !_gathering.OnReadable(descriptor))
        {
            _handover.OnReadable(descriptor);
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

        if (happened.Readable && !connection.Is(ConnectionFlags.ClosePending) && !IsRoomFull(connection))
        {
            Read(fd);
        }
    }

    /// <summary>Tells every timer that has run out.</summary>
    public void ExpireTimers() => _context.Timers.Expire(_context.NowMs, this);

    /// <inheritdoc/>
    public void OnTimer(TimerId timer, long nowMs)
    {
        if (timer.Index < _table.Capacity)
        {
            OnConnectionTimer(timer.Index);
        }
        else if (timer.Index < _acceptTimer.Index)
        {
            _rooms.OnTimer(timer);
        }
        else if (timer == _acceptTimer)
        {
            Acceptor.Resume();
        }
        else if (timer == _namesTimer)
        {
            _table.KeepNames();
        }
        else
        {
            _drain.Continue();
        }
    }

    /// <summary>The end of a turn: what came in is appended, delivered, and what has ended is closed.</summary>
    public void EndTurn()
    {
        Operator.Continue();
        _tls.Turn();
        _endpoints.SubRequests.Continue();
        _rooms.Append();
        _delivery.Deliver();
        _rooms.HoldMemory();
        foreach (int fd in _table.PendingCloses)
        {
            _table.HoldPendingClose(fd);
            ref var connection = ref _table[fd];
            _rooms.Leave(fd);
            if (connection.Room != ConnectionTable.NoRoom)
            {
                _context.Observer.OnDisconnected(connection, _context.Log.NameOf(connection.Room));
            }

            SayEnd(fd, connection);
            if (connection.CloseCode != 0 || connection.IsClient)
            {
                _context.Counters.Figures.Closed[CloseKinds.PlaceOf(connection.CloseCode)]++;
            }

            _table.Close(fd);
        }

        _table.ClearPendingCloses();
        _turnBytes = 0;
        _audit.EndTurn(_context.NowMs);
        if (_gathering.IsGiving)
        {
            _gathering.Continue();
        }

        if (_handover.IsGiving)
        {
            _handover.Continue();
        }
    }

    /// <summary>Begins to close every connection, within so many seconds.</summary>
    public void CloseAll(int seconds)
    {
        _gathering.Stop();
        _drain.Begin(seconds);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        NativeMemory.Free(_received);
        _received = null;
        Acceptor.Dispose();
        _sender.Dispose();
        _tls.Dispose();
        _table.Dispose();
        _context.Timers.Dispose();
    }

    /// <summary>What operators have forbidden since its former worker looked binds a connection here.</summary>
    private void OnAdopted(int fd)
    {
        _endpoints.OnAdopted(fd);
        if (_context.Moderation.Rules is { HasBans: true } or { HasRooms: true } && _table[fd].IsClient)
        {
            _ = Operator.TryEnforce(fd);
        }
    }

    /// <summary>What could not be given stays here, and others may come again.</summary>
    private void EndGiving(HandoverOutcome outcome)
    {
        if (outcome.Failed)
        {
            _gathering.Resume();
            Acceptor.Resume();
        }

        OnGiven(outcome);
    }

    /// <summary>A client whose time is over may have sent what only was not read yet, so that is read before it is judged.</summary>
    private void OnConnectionTimer(int fd)
    {
        ref var connection = ref _table[fd];
        if (_endpoints.IsLast(fd) && !connection.Is(ConnectionFlags.ClosePending | ConnectionFlags.Paused) && !IsRoomFull(connection))
        {
            Read(fd);
        }

        if (!connection.Is(ConnectionFlags.ClosePending))
        {
            _endpoints.OnTimer(fd);
        }
    }

    /// <summary>Clients of a full room wait until the room is served: epoll reports their input again.</summary>
    private bool IsRoomFull(in Connection connection) => connection.MemberIndex >= 0 && _rooms.AudienceOf(connection).IsFull;
}
