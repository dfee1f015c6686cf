using System.Security.Cryptography;
using System.Text;
using Appliance.Fuzz.Driver;
using Appliance.Protocols.Http;
using Appliance.Protocols.WebSocket;
using static Appliance.Fuzz.Driver.FuzzException;

namespace Appliance.Fuzz.Targets;

/// <summary>Request heads and the opening handshake.</summary>
internal sealed class HttpTarget : IFuzzTarget
{
    private static readonly string[] Parameters = ["room", "after", "history", "a"];

    public static FuzzTarget Row { get; } = new(
        "http",
        "request heads: read the same in pieces, nothing behind them is touched",
        () => new HttpTarget())
    {
        BytesMax = HttpRequestReader.HeadBytesMax + 64,
        Words =
        [
            "GET / HTTP/1.1\r\n", "HEAD", "OPTIONS", "HTTP/1.0", "HTTP/2.0", "\r\n", "\r\n\r\n", ": ", "?", "&", "=", "%", "%41", "+",
            "://", "http://a/",
            "Host: a\r\n", "Upgrade: websocket\r\n", "Connection: Upgrade\r\n", "Connection: close\r\n", "keep-alive",
            "Sec-WebSocket-Version: 13\r\n",
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n", "Content-Length: ", "Transfer-Encoding: chunked\r\n", "room=", "after=",
            "history=",
        ],
    };

    public void Run(ReadOnlySpan<byte> input)
    {
        var status = HttpRequestReader.Read(input, out var request, out int consumed);
        if (status is not HttpReadStatus.Complete)
        {
            Require(consumed == 0, "nothing is consumed of what is no whole head");
            RequireIncomplete(input, status is HttpReadStatus.Incomplete ? input.Length : 0);
            return;
        }

        Require(
            consumed > 0 && consumed <= input.Length && consumed <= HttpRequestReader.HeadBytesMax,
            "a head lies within its bytes and its limit");
        Require(input[..consumed].EndsWith("\r\n\r\n"u8), "a head ends with an empty line");
        RequireIncomplete(input, consumed);
        Require(
            HttpRequestReader.Read(input[..consumed], out _, out int alone) == HttpReadStatus.Complete && alone == consumed,
            "what follows does not matter");
        Look(request);
    }

    public void Dispose()
    {
    }

    /// <summary>The beginnings of a head ask for more.</summary>
    private static void RequireIncomplete(ReadOnlySpan<byte> input, int length)
    {
        for (int end = length - 1; end > 0; end -= 1 + (end / 3))
        {
            var status = HttpRequestReader.Read(input[..end], out _, out int consumed);
            Require(status == HttpReadStatus.Incomplete && consumed == 0, $"the first {end} of {length} bytes ask for more");
        }
    }

    private static void Look(in HttpRequest request)
    {
        int headers = 0;
        foreach (var header in request.Headers)
        {
            headers++;
            Require(
                !header.Name.IsEmpty && header.Name.IndexOfAny("\r\n: "u8) < 0 && header.Value.IndexOfAny("\r\n\0"u8) < 0,
                "headers have no line ends");
        }

        Require(headers <= HttpRequestReader.HeadBytesMax / 4, "each header has its bytes");
        Require(!request.Path.IsEmpty && request.Path.IndexOfAny(" \r\n?"u8) < 0, "a path has no blanks");
        _ = request.KeepsAlive;
        foreach (string name in Parameters)
        {
            LookAtParameter(request, name);
        }

        if (Handshake.IsAskedFor(request) && Handshake.Check(request) == HandshakeRefusal.None)
        {
            Require(request.Framing == BodyFraming.None && request.IsHttp11, "a handshake has no body");
            var protocol = SubProtocols.Choose(request, out _);
            Span<byte> response = new byte[Handshake.ResponseBytes(protocol)];
            Require(Handshake.WriteResponse(request, protocol, response) == response.Length, "the response has its length");
            string accept = Convert.ToBase64String(SHA1.HashData(
                [.. request.Header("sec-websocket-key"u8), .. "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"u8]));
            Require(
                Encoding.ASCII.GetString(response).Contains($"\r\nSec-WebSocket-Accept: {accept}\r\n", StringComparison.Ordinal),
                "the key is answered");
        }
    }

    private static void LookAtParameter(in HttpRequest request, string name)
    {
        byte[] decoded = new byte[64];
        bool found = request.TryGetParameter(Encoding.ASCII.GetBytes(name), decoded, out int length);
        string[] values = [.. Encoding.Latin1.GetString(request.Query).Split('&')
            .Select(pair => pair.Split('=', 2)).Where(pair => pair[0] == name)
            .Select(pair => pair.Length > 1 ? pair[1] : "")];
        Require(found == values.Length > 0, "a parameter is found where it stands");
        if (length > 0)
        {
            string expected = Encoding.Latin1.GetString(Decode(values[0]));
            Require(Encoding.Latin1.GetString(decoded, 0, length) == expected, "a value is decoded");
        }
    }

    /// <summary>As a form is decoded; any other way than the product's.</summary>
    private static byte[] Decode(string value)
    {
        List<byte> bytes = [];
        for (int i = 0; i < value.Length; i++)
        {
            bytes.Add(value[i] switch
            {
                '+' => (byte)' ',
                '%' => Convert.FromHexString(value.AsSpan(i + 1, 2))[0],
                var letter => (byte)letter,
            });
            i += value[i] == '%' ? 2 : 0;
        }

        return [.. bytes];
    }
}
