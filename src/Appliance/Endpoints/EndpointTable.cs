using Appliance.Connections;
using Appliance.Delivery;
using Appliance.Protocols.WebSocket;

namespace Appliance.Endpoints;

/// <summary>The endpoint of each state of a connection.</summary>
public sealed class EndpointTable
{
    private readonly Endpoint?[] _rows = new Endpoint?[(int)ConnectionState.Last + 1];
    private readonly ConnectionTable _table;
    private readonly WorkerContext _context;
    private readonly Pages _pages;
    private readonly TokenGate _tokens;
    private readonly HttpEndpoint _http;
    private readonly AuthorizeEndpoint _authorize;

    /// <summary>The endpoints of a worker.</summary>
    /// <param name="context">The worker.</param>
    /// <param name="rooms">Its rooms.</param>
    /// <param name="delivery">Its delivery.</param>
    /// <param name="placesMax">How many clients may be in by the descriptors of the process, whatever <c>--max-connections</c> says.</param>
    public EndpointTable(WorkerContext context, ChatRooms rooms, LogDelivery delivery, int placesMax)
    {
        _context = context;
        _table = context.Table;
        var addresses = new AddressLimits(context);
        var responder = new HttpResponder(context, addresses);
        _pages = new Pages(context, responder);
        _tokens = new TokenGate(context);
        var chat = new ChatEndpoint(context, rooms, delivery, responder, _tokens, addresses)
        {
            OnJoined = fd => OnJoined(fd),
            OnModerationAsked = request => OnModerationAsked(request),
        };
        OnModerated = chat.OnModerated;
        var echo = new EchoEndpoint(context, rooms, delivery, responder, addresses);
        var routes = new RouteTable(context, new HandshakeChecks(context, addresses, _tokens, placesMax), responder,
        [
            new Route("/echo"u8.ToArray(), IsWebSocket: true, echo.Open) { IsServed = settings => settings.Echo },
            new Route([], IsWebSocket: true, chat.Open),
            new Route("/check"u8.ToArray(), IsWebSocket: false, chat.Check) { IsGuarded = true },
            new Route([], IsWebSocket: false, _pages.Answer),
        ]);
        _rows[(int)ConnectionState.Proxy] = new ProxyEndpoint(context, this, next: ConnectionState.Http);
        _rows[(int)ConnectionState.ProxyTls] = new ProxyEndpoint(context, this, next: ConnectionState.Tls);
        Tls = new TlsEndpoint(context, this, delivery);
        _rows[(int)ConnectionState.Tls] = Tls;
        _http = new HttpEndpoint(context, this, routes, responder);
        _authorize = new AuthorizeEndpoint(context, this, routes, responder);
        _rows[(int)ConnectionState.Http] = _http;
        _rows[(int)ConnectionState.Authorize] = _authorize;
        _rows[(int)ConnectionState.Chat] = chat;
        _rows[(int)ConnectionState.Echo] = echo;
        _rows[(int)ConnectionState.Closing] = new ClosingEndpoint(context, rooms, delivery, addresses);
        _rows[(int)ConnectionState.Lingering] = new LingeringEndpoint(context);
        delivery.OnGap = TellGap;
    }

    /// <summary>Is told how handshakes of TLS end.</summary>
    internal TlsEndpoint Tls { get; }

    /// <summary>Questions to the back end that decides who gets in.</summary>
    internal SubRequests SubRequests => _authorize.SubRequests;

    /// <summary>Gets the descriptor of each client that has joined a room.</summary>
    public Action<int> OnJoined { get; set; } = _ => { };

    /// <summary>Gets requests of clients that may moderate.</summary>
    public Action<string> OnModerationAsked { get; set; } = _ => { };

    /// <summary>Takes the outcomes of such requests.</summary>
    public Action<string> OnModerated { get; }

    /// <summary>The endpoint of a state that a connection can have.</summary>
    public Endpoint this[ConnectionState state] => _rows[(int)state] ?? throw new System.Diagnostics.UnreachableException();

    /// <summary>The settings have changed.</summary>
    public void OnSettings()
    {
        _pages.OnSettings();
        _tokens.OnSettings();
        _authorize.OnSettings();
    }

    /// <summary>Bytes of a connection have come in.</summary>
    public void OnBytes(int fd, Span<byte> bytes) => this[_table[fd].State].OnBytes(fd, bytes);

    /// <summary>A connection has come from another worker.</summary>
    public void OnAdopted(int fd)
    {
        if (_table[fd] is { State: ConnectionState.Http, Head: not 0 })
        {
            _http.Resume(fd);
        }
    }

    /// <summary>A connection has changed its state; what came behind the bytes that changed it belongs to the new one.</summary>
    public void Enter(int fd, Span<byte> rest)
    {
        var endpoint = this[_table[fd].State];
        endpoint.OnEntered(fd);
        if (!rest.IsEmpty)
        {
            endpoint.OnBytes(fd, rest);
        }
    }

    /// <summary>Whether a connection ends by the timer that has run out, unless something unread is there.</summary>
    public bool IsLast(int fd)
    {
        ref var connection = ref _table[fd];
        return _context.NowMs - connection.HeardMs >= this[connection.State].SilenceMsMax;
    }

    /// <summary>The timer of a connection has run out.</summary>
    public void OnTimer(int fd)
    {
        ref var connection = ref _table[fd];
        this[connection.State].OnTimer(fd, _context.NowMs - connection.HeardMs);
    }

    /// <summary>The server ends a connection: <see cref="Endpoint.Close"/>.</summary>
    public void Close(int fd, CloseCode code, ReadOnlySpan<byte> reason) => this[_table[fd].State].Close(fd, code, awaitAnswer: true, reason);

    private void TellGap(int fd, ReadOnlySpan<byte> text, long id) => this[_table[fd].State].OnGap(fd, text, id);
}
