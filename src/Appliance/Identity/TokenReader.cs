using System.Buffers.Text;
using System.Text.Unicode;
using Appliance.Chat;
using Appliance.Protocols.Json;

namespace Appliance.Identity;

/// <summary>What a token must say of itself beside being signed.</summary>
/// <param name="Audience">What <c>aud</c> must be or have; empty for anything.</param>
/// <param name="Issuer">What <c>iss</c> must be; empty for anything.</param>
/// <param name="LeewaySeconds">How far clocks may differ.</param>
public sealed record TokenRules(string Audience, string Issuer, int LeewaySeconds)
{
    internal byte[] AudienceBytes { get; } = System.Text.Encoding.UTF8.GetBytes(Audience);

    internal byte[] IssuerBytes { get; } = System.Text.Encoding.UTF8.GetBytes(Issuer);
}

/// <summary>
/// Reads JSON Web Tokens (RFC 7519) that are signed (RFC 7515) by a key of a set. The algorithm is the key's; of the header only what must agree counts.
/// Nothing is believed before the signature. Of one thread, because keys and memory are.
/// </summary>
public sealed class TokenReader(KeySet keys, TokenRules rules)
{
    /// <summary>Longest token.</summary>
    public const int TokenBytesMax = 8192;

    private const int HeaderBytesMax = 1024;

    /// <summary>Of an RSA key of 4096 bits.</summary>
    private const int SignatureBytesMax = 512;

    private readonly byte[] _decoded = new byte[TokenBytesMax];
    private readonly byte[] _scratch = new byte[TokenBytesMax];

    /// <summary>Reads a token; the identity is there when nothing is wrong.</summary>
    /// <param name="token">The token: JWS compact serialization.</param>
    /// <param name="unixMs">Milliseconds since 1970.</param>
    /// <param name="identity">Who it is of.</param>
    public TokenFault Read(ReadOnlySpan<byte> token, long unixMs, out ClientIdentity? identity)
    {
        identity = null;
        if (token.Length > TokenBytesMax)
        {
            return TokenFault.TooLong;
        }

        int headerEnd = token.IndexOf((byte)'.');
        int claimsEnd = token.LastIndexOf((byte)'.');
        Span<byte> signature = stackalloc byte[SignatureBytesMax];
        if (headerEnd < 0 || claimsEnd == headerEnd || token[(headerEnd + 1)..claimsEnd].Contains((byte)'.')
            || !StrictBase64Url.TryDecode(token[..headerEnd], _decoded.AsSpan(0, HeaderBytesMax), out int length)
            || !StrictBase64Url.TryDecode(token[(claimsEnd + 1)..], signature, out int signatureLength))
        {
            return TokenFault.Malformed;
        }

        var fault = ReadHeader(_decoded.AsSpan(0, length), out var algorithm, out var keyId, out bool hasKeyId);
        fault = fault == TokenFault.None ? Verify(token[..claimsEnd], signature[..signatureLength], algorithm, keyId, hasKeyId) : fault;
        return fault != TokenFault.None ? fault
            : !StrictBase64Url.TryDecode(token[(headerEnd + 1)..claimsEnd], _decoded, out length) ? TokenFault.Malformed
            : ReadClaims(_decoded.AsSpan(0, length), unixMs / 1000, out identity);
    }

    private TokenFault ReadHeader(ReadOnlySpan<byte> json, out ReadOnlySpan<byte> algorithm, out ReadOnlySpan<byte> keyId, out bool hasKeyId)
    {
        algorithm = keyId = default;
        hasKeyId = false;
        bool isCritical = false;
        var reader = new JsonReader(json, _scratch);
        var names = new MemberNames(stackalloc byte[MemberNames.BytesMax]);
        bool sound = Utf8.IsValid(json) && reader.TryTake('{');
        for (bool more = sound && !reader.NextIs('}'); more; more = sound && reader.TryTake(','))
        {
            sound = reader.TryReadString(out var name) && names.TryAdd(name) && reader.TryTake(':');
            isCritical |= name.SequenceEqual("crit"u8);
            hasKeyId |= name.SequenceEqual("kid"u8);
            sound = sound && (name.SequenceEqual("alg"u8) ? reader.TryReadString(out algorithm)
                : name.SequenceEqual("kid"u8) ? reader.TryReadString(out keyId)
                : reader.TrySkipValue());
        }

        return !sound || !reader.TryTake('}') || !reader.IsAtEnd || !reader.IsText || algorithm.IsEmpty ? TokenFault.Header
            : isCritical ? TokenFault.Critical
            : TokenFault.None;
    }

    private TokenFault Verify(
        ReadOnlySpan<byte> signed, ReadOnlySpan<byte> signature, ReadOnlySpan<byte> algorithm, ReadOnlySpan<byte> keyId, bool hasKeyId)
    {
        bool found = false;
        foreach (var key in keys.Keys)
        {
            bool isMeant = !hasKeyId || key.Id.Length == 0 || keyId.SequenceEqual(key.Id);
            if (!isMeant || !IsName(algorithm, key.Algorithm))
            {
                continue;
            }

            found = true;
            if (key.Verify(signed, signature))
            {
                return TokenFault.None;
            }
        }

        return found ? TokenFault.Signature : TokenFault.Key;
    }

    private static bool IsName(ReadOnlySpan<byte> text, string name) => System.Text.Ascii.Equals(text, name);

    /// <summary>Reads claims as they are, from somebody who is believed without a signature.</summary>
    /// <param name="json">A JSON object of at most <see cref="TokenBytesMax"/> bytes.</param>
    /// <param name="nowSeconds">Seconds since 1970.</param>
    /// <param name="identity">Whom they are of.</param>
    public TokenFault ReadClaims(ReadOnlySpan<byte> json, long nowSeconds, out ClientIdentity? identity)
    {
        identity = null;
        var reader = new JsonReader(json, _scratch);
        var names = new MemberNames(stackalloc byte[MemberNames.BytesMax]);
        if (!Utf8.IsValid(json) || !reader.TryTake('{'))
        {
            return TokenFault.Claims;
        }

        var claims = new Claims { HasAudience = rules.AudienceBytes.Length == 0 };
        bool sound = true;
        for (bool more = !reader.NextIs('}'); more; more = sound && reader.TryTake(','))
        {
            sound = reader.TryReadString(out var name) && names.TryAdd(name) && reader.TryTake(':') && TryReadClaim(ref reader, name, ref claims);
        }

        if (!sound || !reader.TryTake('}') || !reader.IsAtEnd || !reader.IsText)
        {
            return TokenFault.Claims;
        }

        var fault = Check(claims, nowSeconds);
        identity = fault == TokenFault.None ? ClientIdentity.Of(claims.User, claims.Name, claims.Rooms, claims.Info, (long)claims.Expires) : null;
        return fault;
    }

    /// <summary>What is not a claim of ours is passed over (RFC 7519, 4).</summary>
    private bool TryReadClaim(ref JsonReader reader, ReadOnlySpan<byte> name, ref Claims claims) =>
        name.SequenceEqual("sub"u8) ? reader.TryReadString(out claims.User)
        : name.SequenceEqual("name"u8) ? (claims.HasName = true) && reader.TryReadString(out claims.Name)
        : name.SequenceEqual("rooms"u8) ? reader.TryReadValue(out claims.Rooms)
        : name.SequenceEqual("info"u8) ? reader.TryReadValue(out claims.Info)
        : name.SequenceEqual("exp"u8) ? TryReadTime(ref reader, out claims.Expires)
        : name.SequenceEqual("nbf"u8) ? TryReadTime(ref reader, out claims.Begins)
        : name.SequenceEqual("iss"u8) ? reader.TryReadString(out claims.Issuer)
        : name.SequenceEqual("aud"u8) ? TryReadAudience(ref reader, ref claims.HasAudience)
        : reader.TrySkipValue();

    private TokenFault Check(in Claims claims, long nowSeconds)
    {
        long leeway = rules.LeewaySeconds;
        return claims.Expires != 0 && nowSeconds >= claims.Expires + leeway ? TokenFault.Expired
            : nowSeconds < claims.Begins - leeway ? TokenFault.Early
            : !claims.HasAudience ? TokenFault.Audience
            : rules.IssuerBytes.Length > 0 && !claims.Issuer.SequenceEqual(rules.IssuerBytes) ? TokenFault.Issuer
            : !ClientIdentity.IsUser(claims.User) ? TokenFault.Subject
            : claims.HasName && !IsUsersName(claims.Name) ? TokenFault.Name
            : !claims.Rooms.IsEmpty && !RoomClaim.IsValid(claims.Rooms) ? TokenFault.Rooms
            : claims.Info.Length > ClientIdentity.InfoBytesMax ? TokenFault.Info
            : TokenFault.None;
    }

    /// <summary>The same as of names that clients choose, but for their length; the message here is as good as any.</summary>
    private static bool IsUsersName(ReadOnlySpan<byte> name) =>
        new ChatInput { Name = name, Message = "-"u8 }.Check(new ChatLimits(ClientIdentity.NameMax, 1), fromOperator: false) == ChatRefusal.None;

    /// <summary>NumericDate, RFC 7519, 2: seconds since 1970, maybe with a fraction. 0 would mean none, and is long ago all the same.</summary>
    private static bool TryReadTime(ref JsonReader reader, out double seconds)
    {
        bool isTime = reader.TryReadValue(out var text) & Utf8Parser.TryParse(text, out seconds, out int read) && read == text.Length
            && seconds is >= -1e12 and <= 1e12;
        seconds = isTime && seconds < 1 ? 1 : seconds;
        return isTime;
    }

    /// <summary>A text, or a list of texts (RFC 7519, 4.1.3).</summary>
    private bool TryReadAudience(ref JsonReader reader, ref bool isOurs)
    {
        if (!reader.TryTake('['))
        {
            bool isText = reader.TryReadString(out var one);
            isOurs |= isText && one.SequenceEqual(rules.AudienceBytes);
            return isText;
        }

        for (bool more = !reader.NextIs(']'); more; more = reader.TryTake(','))
        {
            if (!reader.TryReadString(out var one))
            {
                return false;
            }

            isOurs |= one.SequenceEqual(rules.AudienceBytes);
        }

        return reader.TryTake(']');
    }

    private ref struct Claims
    {
        public ReadOnlySpan<byte> User;
        public ReadOnlySpan<byte> Name;
        public ReadOnlySpan<byte> Rooms;
        public ReadOnlySpan<byte> Info;
        public ReadOnlySpan<byte> Issuer;
        public double Expires;
        public double Begins;
        public bool HasName;
        public bool HasAudience;
    }
}
