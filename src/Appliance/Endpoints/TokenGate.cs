using System.Text;
using Appliance.Config;
using Appliance.Connections;
using Appliance.Identity;
using Appliance.Metrics;
using Appliance.Protocols.Http;

namespace Appliance.Endpoints;

/// <summary>Who gets in where tokens decide it (<c>--auth jwt</c>): at the handshake, and when a connection brings another token.</summary>
internal sealed class TokenGate
{
    private readonly WorkerContext _context;
    private TokenReader? _reader;

    /// <summary>The gate of a worker.</summary>
    public TokenGate(WorkerContext context)
    {
        _context = context;
        OnSettings();
    }

    /// <summary>Settings have changed, or the keys that they name. Who is in stays in.</summary>
    public void OnSettings()
    {
        var settings = _context.Settings;
        _reader = settings.Auth != AuthMode.Jwt
            ? null
            : new TokenReader(KeySet.Unpack(settings.AuthKeys), new TokenRules(settings.AuthAudience, settings.AuthIssuer, settings.AuthLeewaySeconds));
    }

    /// <summary>Whether a handshake has a token that lets in; from then on the connection has an identity.</summary>
    public Refusal? Check(int fd, in HttpRequest request)
    {
        if (_reader is null)
        {
            return null;
        }

        Span<byte> token = stackalloc byte[TokenReader.TokenBytesMax];
        ClientIdentity? identity = null;
        var fault = TokenPlaces.Find(request, token, out int length);
        fault = fault == TokenFault.None ? _reader.Read(token[..length], _context.Clock.UnixMs, out identity) : fault;
        if (identity is null)
        {
            return Refuse(fault);
        }

        _context.Table.SetIdentity(fd, identity);
        return null;
    }

    /// <summary>Whether a connection may read a room; notes what else it may do there.</summary>
    public Refusal? CheckRoom(int fd, ReadOnlySpan<byte> room)
    {
        if (_context.Table.IdentityOf(fd) is not { } identity)
        {
            return null;
        }

        identity.Rights = identity.RightsIn(room);
        return (identity.Rights & RoomRights.Read) != 0 ? null : new Refusal(
            RejectReason.Forbidden,
            $"room '{Encoding.ASCII.GetString(room)}': the token does not let its user read it (rooms)",
            "WWW-Authenticate: Bearer realm=\"appliance\", error=\"insufficient_scope\"\r\n");
    }

    /// <summary>Takes another token of the same user for a connection that has one; otherwise all stays as it is.</summary>
    /// <param name="fd">The connection.</param>
    /// <param name="token">The token.</param>
    /// <param name="room">The room that it is in.</param>
    public TokenFault Renew(int fd, ReadOnlySpan<byte> token, ReadOnlySpan<byte> room)
    {
        ClientIdentity? renewed = null;
        var fault = token.IsEmpty || _reader is null ? TokenFault.Missing : _reader.Read(token, _context.Clock.UnixMs, out renewed);
        if (renewed is null)
        {
            return fault;
        }

        renewed.Rights = renewed.RightsIn(room);
        fault = !renewed.User.SequenceEqual(_context.Table.IdentityOf(fd)!.User) ? TokenFault.OtherUser
            : (renewed.Rights & RoomRights.Read) == 0 ? TokenFault.Unreadable
            : TokenFault.None;
        if (fault == TokenFault.None)
        {
            _context.Table.SetIdentity(fd, renewed);
        }

        return fault;
    }

    /// <summary>RFC 6750, 3.</summary>
    private static Refusal Refuse(TokenFault fault)
    {
        string why = TokenFaults.Describe(fault);
        string error = fault == TokenFault.Missing ? ""
            : $", error=\"{(fault == TokenFault.Several ? "invalid_request" : "invalid_token")}\", error_description=\"{why}\"";
        return new Refusal(RejectReason.Token, why, $"WWW-Authenticate: Bearer realm=\"appliance\"{error}\r\n");
    }
}
