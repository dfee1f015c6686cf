using System.Text;
using Appliance.Connections;
using Appliance.Identity;
using Appliance.Metrics;
using Appliance.Protocols.Http;
using Appliance.Protocols.WebSocket;

namespace Appliance.Endpoints;

/// <summary>
/// Requests for a WebSocket that wait until a back end says whether they get one (<c>--auth ask</c>). The request stays where unfinished ones are, with
/// what comes behind it; the answer is acted on as if the request had just come.
/// </summary>
internal sealed class AuthorizeEndpoint : Endpoint, ISubRequestHandler
{
    /// <summary>
    /// Bytes that wait behind a request: a client must not send any before it has the answer (RFC 6455, 4.1), but some send a first message along.
    /// </summary>
    internal const int EarlyBytesMax = 16 << 10;

    private const string Undecided = "it cannot be decided now whether this request gets in; try again later";
    private const string Challenge = "WWW-Authenticate: Bearer realm=\"appliance\"\r\n";

    private readonly WorkerContext _context;
    private readonly EndpointTable _endpoints;
    private readonly RouteTable _routes;
    private readonly HttpResponder _responder;
    private readonly ConnectionTable _table;
    private TokenReader _claims;

    /// <summary>The endpoint of a worker.</summary>
    public AuthorizeEndpoint(WorkerContext context, EndpointTable endpoints, RouteTable routes, HttpResponder responder)
    {
        (_context, _endpoints, _routes, _responder, _table) = (context, endpoints, routes, responder, context.Table);
        SubRequests = new SubRequests(context, this);
        _claims = Claims();
        _table.OnUnasked = SubRequests.Abandon;
    }

    /// <summary>What is asked.</summary>
    public SubRequests SubRequests { get; }

    /// <inheritdoc/>
    public override long SilenceMsMax => _context.Settings.AuthTimeoutSeconds * 1000L;

    /// <summary>The settings have changed: questions that are under way stay so.</summary>
    public void OnSettings()
    {
        _claims = Claims();
        SubRequests.OnSettings();
    }

    /// <inheritdoc/>
    public override void OnEntered(int fd)
    {
        _table[fd].HeardMs = _context.NowMs;
        _context.ArmIn(fd, SilenceMsMax);
        if (!SubRequests.TryAsk(fd))
        {
            OnFailed(fd, $"{SubRequests.WaitingMax} requests wait for an answer already");
        }
    }

    /// <inheritdoc/>
    public override void OnBytes(int fd, Span<byte> bytes)
    {
        var head = _table.HeadOf(ref _table[fd]);
        head.Append(bytes);
        if (head.Count > HttpRequestReader.HeadBytesMax + EarlyBytesMax)
        {
            Refuse(fd, new Refusal(
                RejectReason.HeadTooLarge, $"more than {EarlyBytesMax} bytes behind a handshake that is not answered yet; messages must wait for the answer"));
        }
    }

    /// <inheritdoc/>
    public override void OnTimer(int fd, long silentMs)
    {
        if (silentMs < SilenceMsMax)
        {
            _context.ArmIn(fd, SilenceMsMax - silentMs);
        }
        else
        {
            OnFailed(fd, $"no {(SubRequests.IsAsked(fd) ? "answer" : "turn to ask")} within {_context.Settings.AuthTimeoutSeconds} seconds (--auth-timeout)");
        }
    }

    /// <inheritdoc/>
    public override void Close(int fd, CloseCode code, bool awaitAnswer, ReadOnlySpan<byte> reason = default) =>
        Refuse(fd, new Refusal(RejectReason.Full, "the server stops; try again later", Refusal.RetryLater));

    /// <inheritdoc/>
    public void OnAnswer(int fd, in HttpResponseHead head, ReadOnlySpan<byte> claims)
    {
        if (_table[fd].Is(ConnectionFlags.ClosePending))
        {
            return;
        }

        switch (head.Status)
        {
            case < 300:
                Admit(fd, claims);
                break;
            case 401:
                var challenge = head.Only("www-authenticate"u8);
                Refuse(fd, new Refusal(
                    RejectReason.AuthUnauthorized,
                    "the application does not know who asks: log in first",
                    challenge.IsEmpty ? Challenge : $"WWW-Authenticate: {Encoding.Latin1.GetString(challenge)}\r\n"));
                break;
            case 403:
                Refuse(fd, new Refusal(RejectReason.AuthForbidden, "the application does not let this request in"));
                break;
            default:
                OnFailed(fd, $"it answers {head.Status}, and must answer 2xx, 401 or 403");
                break;
        }
    }

    /// <inheritdoc/>
    public void OnFailed(int fd, string why)
    {
        if (_table[fd].Is(ConnectionFlags.ClosePending))
        {
            return;
        }

        string url = _context.Settings.AuthUrl?.Text ?? "none";
        _context.Observer.OnUndecided(_table[fd], $"{why}; --auth-url {url} must be reachable from this host and answer in time");
        Refuse(fd, new Refusal(RejectReason.AuthUnavailable, Undecided, Refusal.RetryLater));
    }

    private void Admit(int fd, ReadOnlySpan<byte> claims)
    {
        ClientIdentity? identity = null;
        var fault = claims.IsEmpty ? TokenFault.None : _claims.ReadClaims(claims, _context.Clock.UnixMs / 1000, out identity);
        if (fault != TokenFault.None)
        {
            string why = TokenFaults.Describe(fault).Replace("the token", "its answer", StringComparison.Ordinal);
            OnFailed(fd, $"it lets in, but {why}");
            return;
        }

        if (identity is not null)
        {
            _table.SetIdentity(fd, identity);
        }

        var bytes = Begin(fd);
        var status = HttpRequestReader.Read(bytes, out var request, out int consumed);
        System.Diagnostics.Debug.Assert(status == HttpReadStatus.Complete);
        _routes.Admit(fd, request);
        End(fd, bytes[consumed..]);
    }

    private void Refuse(int fd, Refusal refusal)
    {
        _ = Begin(fd);
        _responder.Refuse(fd, refusal);
        End(fd, default);
    }

    /// <summary>The question is settled: its request is as one that has just come.</summary>
    private Span<byte> Begin(int fd)
    {
        SubRequests.Abandon(fd);
        ref var connection = ref _table[fd];
        connection.State = ConnectionState.Http;
        _responder.IsHead = false;
        return _table.HeadOf(ref connection).Bytes;
    }

    private void End(int fd, Span<byte> rest)
    {
        _endpoints.Enter(fd, rest);
        _table.ReleaseHead(ref _table[fd]);
    }

    /// <summary>Reads what a back end says of a user as the claims of a token, which need no key here and no audience.</summary>
    private TokenReader Claims() => new(KeySet.None, new TokenRules("", "", _context.Settings.AuthLeewaySeconds));
}
