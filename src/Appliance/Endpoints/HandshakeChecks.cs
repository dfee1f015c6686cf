using System.Text;
using Appliance.Connections;
using Appliance.Metrics;
using Appliance.Protocols.Http;
using Appliance.Protocols.WebSocket;

namespace Appliance.Endpoints;

/// <summary>Looks whether a request may become a WebSocket; null when nothing speaks against it.</summary>
internal delegate Refusal? HandshakeCheck(int fd, in HttpRequest request);

/// <summary>What every handshake has to pass, whatever it leads to: the first check that fails refuses it.</summary>
internal sealed class HandshakeChecks
{
    private readonly WorkerContext _context;
    private readonly int _placesMax;
    private readonly HandshakeCheck[] _rows;
    private readonly HandshakeCheck[] _afterAnswer;

    /// <summary>The checks of a worker, whose process has descriptors for so many clients.</summary>
    public HandshakeChecks(WorkerContext context, AddressLimits addresses, TokenGate tokens, int placesMax)
    {
        _context = context;
        _placesMax = placesMax;
        _rows =
        [
            IsWellFormed,
            (int fd, in HttpRequest _) => addresses.CheckHandshakes(fd) ?? addresses.CheckConnections(fd),
            HasAllowedOrigin,
            tokens.Check,
            IsNotBanned,
            HasPlace,
        ];
        _afterAnswer = [(int fd, in HttpRequest _) => addresses.CheckConnections(fd), IsNotBanned, HasPlace];
    }

    /// <summary>The first refusal; null for none.</summary>
    public Refusal? Find(int fd, in HttpRequest request) => Find(_rows, fd, request);

    /// <summary>The first refusal of a request that a back end lets in (<c>--auth ask</c>): what may have changed since it was asked.</summary>
    public Refusal? FindAfterAnswer(int fd, in HttpRequest request) => Find(_afterAnswer, fd, request);

    private static Refusal? Find(HandshakeCheck[] rows, int fd, in HttpRequest request)
    {
        foreach (var check in rows)
        {
            if (check(fd, request) is { } refusal)
            {
                return refusal;
            }
        }

        return null;
    }

    /// <summary>A request that only asks whether it would get in has no form of a handshake.</summary>
    private static Refusal? IsWellFormed(int fd, in HttpRequest request) => !Handshake.IsAskedFor(request) ? null : Handshake.Check(request) switch
    {
        HandshakeRefusal.None => null,
        HandshakeRefusal.MethodNotGet => new(RejectReason.Method, "a WebSocket handshake must use GET", "Allow: GET\r\n"),
        HandshakeRefusal.HttpTooOld => new(RejectReason.Handshake, "a WebSocket handshake must use HTTP/1.1"),
        HandshakeRefusal.ConnectionNotUpgrade =>
            new(RejectReason.Handshake, "a WebSocket needs the headers 'Upgrade: websocket' and 'Connection: Upgrade'"),
        HandshakeRefusal.VersionNot13 =>
            new(RejectReason.WebSocketVersion, "Sec-WebSocket-Version must be 13", "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"),
        HandshakeRefusal.BadKey => new(RejectReason.Handshake, "exactly one Sec-WebSocket-Key is required, 16 bytes in base64"),
        HandshakeRefusal.HasBody => new(RejectReason.Handshake, "a handshake must not have a body"),
        HandshakeRefusal.BadProtocol => new(RejectReason.Handshake, "Sec-WebSocket-Protocol must be names without blanks, separated by commas"),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>The refusal has the value that would let the page in, for whoever reads the answer or the log.</summary>
    private Refusal? HasAllowedOrigin(int fd, in HttpRequest request)
    {
        var origins = _context.Settings.AllowedOrigins;
        if (origins.Allow(request, request.Header("host"u8)) || origins.Allow(request, ForwardedHost(fd, request)))
        {
            return null;
        }

        var text = request.Header("origin"u8);
        string origin = request.HasOne("origin"u8) && (Origin.TryParse(text, out _) || text.SequenceEqual("null"u8))
            ? Encoding.ASCII.GetString(text)
            : "https://HOST";
        return new Refusal(
            RejectReason.Origin,
            $"a web page of another site than the host of this request must not connect: --allow-origin {origin} lets it in; behind a proxy, "
            + "the proxy must pass on the Host header with its port, or send X-Forwarded-Host and be a --trusted-proxy");
    }

    /// <summary>The host that the client has asked, as a trusted proxy says it; empty for none. No page can set this header.</summary>
    private ReadOnlySpan<byte> ForwardedHost(int fd, in HttpRequest request) =>
        _context.Table[fd].Is(ConnectionFlags.Forwarded) && request.HasOne("x-forwarded-host"u8) ? request.Header("x-forwarded-host"u8) : default;

    /// <summary>By its own address, a trusted proxy's word counting, and by the user of its token.</summary>
    private Refusal? IsNotBanned(int fd, in HttpRequest request)
    {
        var rules = _context.Moderation.Rules;
        if (!rules.HasBans)
        {
            return null;
        }

        ref var connection = ref _context.Table[fd];
        var user = _context.Table.IdentityOf(fd) is { } identity ? identity.User : default;
        return rules.BanOf(connection.IpHigh, connection.IpLow, user, _context.Clock.UnixMs / 1000) is { } ban
            ? new Refusal(RejectReason.Banned, Removal.Banned(ban))
            : null;
    }

    private Refusal? HasPlace(int fd, in HttpRequest request)
    {
        int places = Math.Min(_context.Settings.MaxConnections, _placesMax);
        if (_context.Table.TryMakePlace(fd, places))
        {
            return null;
        }

        if (places == _context.Settings.MaxConnections)
        {
            return new Refusal(RejectReason.Full, $"all {places} places are taken (--max-connections); try again later", Refusal.RetryLater);
        }

        _context.Observer.OnDescriptorsExhausted(nameof(Native.Errno.EMFILE));
        return new Refusal(
            RejectReason.Full, $"all {places} places that the descriptors of this process allow are taken; try again later", Refusal.RetryLater);
    }
}
