using System.Text;
using Appliance.Protocols.Http;
using Appliance.Protocols.WebSocket;

namespace Appliance.Tests.Protocols.WebSocket;

/// <summary>The opening handshake (RFC 6455, 4.2).</summary>
public sealed class HandshakeTests
{
    private const string Key = "dGhlIHNhbXBsZSBub25jZQ==";

    private static readonly string[] Fields =
        ["Host: a", "Upgrade: websocket", "Connection: Upgrade", $"Sec-WebSocket-Key: {Key}", "Sec-WebSocket-Version: 13"];

    public static TheoryData<string, string[], HandshakeRefusal> Requests => new()
    {
        { "GET / HTTP/1.1", Fields, HandshakeRefusal.None },
        { "GET /any/path?room=a HTTP/1.1", Fields, HandshakeRefusal.None },
        { "GET / HTTP/1.2", Fields, HandshakeRefusal.None },
        { "GET / HTTP/1.1", With("UPGRADE: WebSocket"), HandshakeRefusal.None },
        { "GET / HTTP/1.1", With("Connection: keep-alive, Upgrade"), HandshakeRefusal.None },
        { "GET / HTTP/1.1", [.. Fields, "Connection: keep-alive"], HandshakeRefusal.None },
        { "GET / HTTP/1.1", [.. Fields, "Content-Length: 0"], HandshakeRefusal.None },
        { "POST / HTTP/1.1", Fields, HandshakeRefusal.MethodNotGet },
        { "get / HTTP/1.1", Fields, HandshakeRefusal.MethodNotGet },
        { "GET / HTTP/1.0", Fields, HandshakeRefusal.HttpTooOld },
        { "GET / HTTP/1.1", With("Connection: keep-alive"), HandshakeRefusal.ConnectionNotUpgrade },
        { "GET / HTTP/1.1", With("Connection: not-Upgrade"), HandshakeRefusal.ConnectionNotUpgrade },
        { "GET / HTTP/1.1", With("Upgrade: h2c"), HandshakeRefusal.ConnectionNotUpgrade },
        { "GET / HTTP/1.1", With("Upgrade:"), HandshakeRefusal.ConnectionNotUpgrade },
        { "GET / HTTP/1.1", With("Sec-WebSocket-Version: 8"), HandshakeRefusal.VersionNot13 },
        { "GET / HTTP/1.1", With("Sec-WebSocket-Version: 013"), HandshakeRefusal.VersionNot13 },
        { "GET / HTTP/1.1", With("Sec-WebSocket-Version:"), HandshakeRefusal.VersionNot13 },
        { "GET / HTTP/1.1", With("Sec-WebSocket-Key:"), HandshakeRefusal.BadKey },
        { "GET / HTTP/1.1", With("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA"), HandshakeRefusal.BadKey },
        { "GET / HTTP/1.1", With("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAAA"), HandshakeRefusal.BadKey },
        { "GET / HTTP/1.1", With("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAA="), HandshakeRefusal.BadKey },
        { "GET / HTTP/1.1", With("Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!=="), HandshakeRefusal.BadKey },
        { "GET / HTTP/1.1", [.. Fields, $"Sec-WebSocket-Key: {Key}"], HandshakeRefusal.BadKey },
        { "GET / HTTP/1.1", [.. Fields, "Content-Length: 5"], HandshakeRefusal.HasBody },
        { "GET / HTTP/1.1", [.. Fields, "Transfer-Encoding: chunked"], HandshakeRefusal.HasBody },
        { "GET / HTTP/1.1", [.. Fields, "Sec-WebSocket-Protocol: mqtt, chat"], HandshakeRefusal.None },
        { "GET / HTTP/1.1", [.. Fields, "Sec-WebSocket-Protocol: a b"], HandshakeRefusal.BadProtocol },
    };

    [Theory]
    [MemberData(nameof(Requests))]
    public void Request_is_checked(string requestLine, string[] fields, HandshakeRefusal expected) =>
        Assert.Equal(expected, Handshake.Check(Read(requestLine, fields)));

    [Theory]
    [InlineData(true, "Upgrade: websocket")]
    [InlineData(true, "Sec-WebSocket-Key: x")]
    [InlineData(false, "Upgrade: h2c")]
    [InlineData(false, "Accept: text/html")]
    public void WebSocket_is_asked_for(bool expected, string field) => Assert.Equal(expected, Handshake.IsAskedFor(Read("GET / HTTP/1.1", [field])));

    [Fact]
    public void Accept_is_the_one_of_the_RFC()
    {
        byte[] accept = new byte[Handshake.AcceptBytes];
        Handshake.WriteAccept(Encoding.ASCII.GetBytes(Key), accept);
        Assert.Equal("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", Encoding.ASCII.GetString(accept));
    }

    [Fact]
    public void Response_is_written()
    {
        byte[] response = new byte[Handshake.ResponseBytes(default)];
        Assert.Equal(response.Length, Handshake.WriteResponse(Read("GET / HTTP/1.1", Fields), default, response));
        Assert.Equal(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
            Encoding.ASCII.GetString(response));
    }

    [Fact]
    public void Response_names_the_protocol_that_is_taken()
    {
        byte[] response = new byte[Handshake.ResponseBytes("chat"u8)];
        Assert.Equal(response.Length, Handshake.WriteResponse(Read("GET / HTTP/1.1", Fields), "chat"u8, response));
        Assert.EndsWith("+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n", Encoding.ASCII.GetString(response), StringComparison.Ordinal);
    }

    public static TheoryData<string[], string, bool> Offers => new()
    {
        { [], "", true },
        { ["chat"], "chat", true },
        { ["appliance.v1"], "appliance.v1", true },
        { ["chat, appliance.v1"], "chat", true },
        { ["appliance.v1,chat"], "appliance.v1", true },
        { ["superchat, chat"], "chat", true },
        { ["superchat", "appliance.v1", "chat"], "appliance.v1", true },
        { ["mqtt", "amqp"], "", true },
        { ["\t chat \t"], "chat", true },
        { [",, ,chat,"], "chat", true },
        { [""], "", true },
        { [" , "], "", true },
        { ["Chat"], "", true },
        { ["CHAT, APPLIANCE.V1"], "", true },
        { ["appliance.v10", "chats", "chat.v1"], "", true },
        { [string.Join(", ", Enumerable.Range(0, 100).Select(i => $"p{i}")) + ", chat"], "chat", true },
        { [.. Enumerable.Range(0, 100).Select(i => $"p{i}"), "appliance.v1"], "appliance.v1", true },
        { ["chat appliance.v1"], "", false },
        { ["chat, a/b"], "chat", false },
        { ["chat;q=1"], "", false },
        { ["\"chat\""], "", false },
        { ["chat", "ä"], "chat", false },
    };

    [Theory]
    [MemberData(nameof(Offers))]
    public void First_protocol_that_is_known_is_taken(string[] offers, string expected, bool isWellFormed)
    {
        var request = Read("GET / HTTP/1.1", [.. Fields, .. offers.Select(offer => $"sec-websocket-PROTOCOL: {offer}")]);
        Assert.Equal((expected, isWellFormed), (Encoding.ASCII.GetString(SubProtocols.Choose(request, out bool actual)), actual));
    }

    private static HttpRequest Read(string requestLine, string[] fields)
    {
        byte[] bytes = Encoding.Latin1.GetBytes($"{requestLine}\r\n{string.Concat(fields.Select(field => field + "\r\n"))}\r\n");
        Assert.Equal(HttpReadStatus.Complete, HttpRequestReader.Read(bytes, out var request, out _));
        return request;
    }

    /// <summary>The fields with one in the place of that of its name.</summary>
    private static string[] With(string field) =>
        [.. Fields.Select(old => old.StartsWith(field[..field.IndexOf(':', StringComparison.Ordinal)], StringComparison.OrdinalIgnoreCase) ? field : old)];
}
