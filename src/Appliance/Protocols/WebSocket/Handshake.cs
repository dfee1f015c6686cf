using System.Buffers.Text;
using Appliance.Protocols.Http;
using Org.BouncyCastle.Crypto.Digests;

namespace Appliance.Protocols.WebSocket;

/// <summary>Why a request is not the opening handshake of RFC 6455, 4.2.1.</summary>
public enum HandshakeRefusal
{
    /// <summary>It is one.</summary>
    None,

    /// <summary>The method is not GET.</summary>
    MethodNotGet,

    /// <summary>HTTP/1.0 knows no upgrade.</summary>
    HttpTooOld,

    /// <summary>No Connection header lists "Upgrade".</summary>
    ConnectionNotUpgrade,

    /// <summary>Sec-WebSocket-Version is not 13.</summary>
    VersionNot13,

    /// <summary>Sec-WebSocket-Key is missing, there twice, or not 16 bytes in base64.</summary>
    BadKey,

    /// <summary>A body is announced.</summary>
    HasBody,

    /// <summary>Sec-WebSocket-Protocol lists something that is no token.</summary>
    BadProtocol,
}

/// <summary>The opening handshake (RFC 6455, 4).</summary>
public static class Handshake
{
    /// <summary>Length of a Sec-WebSocket-Accept value.</summary>
    public const int AcceptBytes = 28;

    private const int KeyBytes = 24;
    private const int NonceBytes = 16;
    private const int DigestBytes = 20;

    /// <summary>One for each thread that shakes hands: it is as new after each digest.</summary>
    [ThreadStatic]
    private static Sha1Digest? _digest;

    private static ReadOnlySpan<byte> Guid => "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"u8;

    private static ReadOnlySpan<byte> ResponseStart =>
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "u8;

    private static ReadOnlySpan<byte> ProtocolStart => "\r\nSec-WebSocket-Protocol: "u8;

    /// <summary>Length of the whole response that takes a sub-protocol; empty for none.</summary>
    public static int ResponseBytes(ReadOnlySpan<byte> protocol) =>
        ResponseStart.Length + AcceptBytes + (protocol.IsEmpty ? 0 : ProtocolStart.Length + protocol.Length) + 4;

    /// <summary>Whether a request asks for a WebSocket at all; what does not is plain HTTP.</summary>
    public static bool IsAskedFor(in HttpRequest request) =>
        request.HasToken("upgrade"u8, "websocket"u8) || !request.Header("sec-websocket-key"u8).IsEmpty;

    /// <summary>Checks a request that asks for a WebSocket.</summary>
    public static HandshakeRefusal Check(in HttpRequest request)
    {
        if (!request.Method.SequenceEqual("GET"u8))
        {
            return HandshakeRefusal.MethodNotGet;
        }

        if (!request.IsHttp11)
        {
            return HandshakeRefusal.HttpTooOld;
        }

        if (!request.HasToken("connection"u8, "upgrade"u8) || !request.HasToken("upgrade"u8, "websocket"u8))
        {
            return HandshakeRefusal.ConnectionNotUpgrade;
        }

        if (!request.Header("sec-websocket-version"u8).SequenceEqual("13"u8))
        {
            return HandshakeRefusal.VersionNot13;
        }

        _ = SubProtocols.Choose(request, out bool isWellFormed);
        return !request.HasOne("sec-websocket-key"u8) || !IsKey(request.Header("sec-websocket-key"u8)) ? HandshakeRefusal.BadKey
            : request.Framing != BodyFraming.None ? HandshakeRefusal.HasBody
            : !isWellFormed ? HandshakeRefusal.BadProtocol
            : HandshakeRefusal.None;
    }

    /// <summary>Writes the 101 response to a checked request and returns its length.</summary>
    /// <param name="request">The request.</param>
    /// <param name="protocol">The sub-protocol that is taken; empty for none.</param>
    /// <param name="destination">At least <see cref="ResponseBytes"/>.</param>
    public static int WriteResponse(in HttpRequest request, ReadOnlySpan<byte> protocol, Span<byte> destination)
    {
        ResponseStart.CopyTo(destination);
        WriteAccept(request.Header("sec-websocket-key"u8), destination[ResponseStart.Length..]);
        var rest = destination[(ResponseStart.Length + AcceptBytes)..];
        if (!protocol.IsEmpty)
        {
            ProtocolStart.CopyTo(rest);
            protocol.CopyTo(rest[ProtocolStart.Length..]);
            rest = rest[(ProtocolStart.Length + protocol.Length)..];
        }

        "\r\n\r\n"u8.CopyTo(rest);
        return ResponseBytes(protocol);
    }

    /// <summary>Writes the Sec-WebSocket-Accept value for a key: base64 of the SHA-1 of key and GUID.</summary>
    public static void WriteAccept(ReadOnlySpan<byte> key, Span<byte> destination)
    {
        Span<byte> message = stackalloc byte[KeyBytes + 36];
        key.CopyTo(message);
        Guid.CopyTo(message[KeyBytes..]);
        Span<byte> digest = stackalloc byte[DigestBytes];
        _digest ??= new Sha1Digest();
        _digest.BlockUpdate(message);
        _ = _digest.DoFinal(digest);
        _ = Base64.EncodeToUtf8(digest, destination, out _, out _);
    }

    private static bool IsKey(ReadOnlySpan<byte> key)
    {
        Span<byte> nonce = stackalloc byte[NonceBytes + 2];
        return key.Length == KeyBytes
            && Base64.DecodeFromUtf8(key, nonce, out _, out int bytes) == System.Buffers.OperationStatus.Done
            && bytes == NonceBytes;
    }
}
