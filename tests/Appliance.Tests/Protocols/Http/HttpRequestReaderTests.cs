using System.Text;
using Appliance.Protocols.Http;

namespace Appliance.Tests.Protocols.Http;

/// <summary>Request heads (RFC 9112): whole, cut anywhere, and wrong.</summary>
public sealed class HttpRequestReaderTests
{
    private const string Browser =
        "GET /?room=a HTTP/1.1\r\nHost: a:9000\r\nUser-Agent: x (y; z)\r\nAccept: */*\r\nX-Empty:\r\nX-Tab:\t a\tb \t\r\nX-Latin: é\r\n\r\n";

    /// <summary>Request line, then method, path, query and whether it is HTTP/1.1.</summary>
    public static TheoryData<string, string, string, string, bool> Valid => new()
    {
        { "GET / HTTP/1.1", "GET", "/", "", true },
        { "GET / HTTP/1.0", "GET", "/", "", false },
        { "GET / HTTP/1.9", "GET", "/", "", true },
        { "GET /a/b?c=d&e HTTP/1.1", "GET", "/a/b", "c=d&e", true },
        { "GET /? HTTP/1.1", "GET", "/", "", true },
        { "GET /?a?b HTTP/1.1", "GET", "/", "a?b", true },
        { "GET /%20{}|\"<> HTTP/1.1", "GET", "/%20{}|\"<>", "", true },
        { "GET //x://y HTTP/1.1", "GET", "//x://y", "", true },
        { "GET http://host:80/a?b=c HTTP/1.1", "GET", "/a", "b=c", true },
        { "GET http://host HTTP/1.1", "GET", "/", "", true },
        { "GET http://host?b=/c HTTP/1.1", "GET", "/", "b=/c", true },
        { "GET HTTPS://[::1]:80?a HTTP/1.1", "GET", "/", "a", true },
        { "GET ws://host/a HTTP/1.1", "GET", "/a", "", true },
        { "CONNECT host:443 HTTP/1.1", "CONNECT", "host:443", "", true },
        { "OPTIONS * HTTP/1.1", "OPTIONS", "*", "", true },
        { "m-search!#$%&'*+.^_`|~9 / HTTP/1.1", "m-search!#$%&'*+.^_`|~9", "/", "", true },
    };

    public static TheoryData<string, HttpReadStatus> Invalid => new()
    {
        { "\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n", HttpReadStatus.Malformed },
        { "\r\n \r\nGET / HTTP/1.1\r\n\r\n", HttpReadStatus.Malformed },
        { "\nGET / HTTP/1.1\r\n\r\n", HttpReadStatus.Malformed },
        { "GET * HTTP/1.1\r\n\r\n", HttpReadStatus.Malformed },
        { "GET a HTTP/1.1\r\n\r\n", HttpReadStatus.Malformed },
        { "GET ?a HTTP/1.1\r\n\r\n", HttpReadStatus.Malformed },
        { "GET ftp://host/ HTTP/1.1\r\n\r\n", HttpReadStatus.Malformed },
        { "GET http:///a HTTP/1.1\r\n\r\n", HttpReadStatus.Malformed },
        { "GET http://user@host/a HTTP/1.1\r\n\r\n", HttpReadStatus.Malformed },
        { "GET /a#b HTTP/1.1\r\n\r\n", HttpReadStatus.Malformed },
        { " GET / HTTP/1.1\r\n\r\n", HttpReadStatus.Malformed },
        { "GET\r\n\r\n", HttpReadStatus.Malformed },
        { "GET /\r\n\r\n", HttpReadStatus.Malformed },
        { "GET  / HTTP/1.1\r\n\r\n", HttpReadStatus.Malformed },
        { "GET /  HTTP/1.1\r\n\r\n", HttpReadStatus.Malformed },
        { "GET / HTTP/1.1 \r\n\r\n", HttpReadStatus.Malformed },
        { "GET / / HTTP/1.1\r\n\r\n", HttpReadStatus.Malformed },
        { "GET /\tHTTP/1.1\r\n\r\n", HttpReadStatus.Malformed },
        { "GET /é HTTP/1.1\r\n\r\n", HttpReadStatus.Malformed },
        { "G(T / HTTP/1.1\r\n\r\n", HttpReadStatus.Malformed },
        { "GET / http/1.1\r\n\r\n", HttpReadStatus.Malformed },
        { "GET / HTTP/1.x\r\n\r\n", HttpReadStatus.Malformed },
        { "GET / HTTP/1.10\r\n\r\n", HttpReadStatus.Malformed },
        { "GET / HTTPS/1.1\r\n\r\n", HttpReadStatus.Malformed },
        { "GET / HTTP/2.0\r\n\r\n", HttpReadStatus.VersionNotSupported },
        { "GET / HTTP/0.9\r\n\r\n", HttpReadStatus.VersionNotSupported },
        { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HttpReadStatus.VersionNotSupported },
        { "GET / HTTP/1.1\r\nno colon\r\n\r\n", HttpReadStatus.Malformed },
        { "GET / HTTP/1.1\r\n: no name\r\n\r\n", HttpReadStatus.Malformed },
        { "GET / HTTP/1.1\r\nHost : a\r\n\r\n", HttpReadStatus.Malformed },
        { "GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n", HttpReadStatus.Malformed },
        { "GET / HTTP/1.1\r\n Host: a\r\n\r\n", HttpReadStatus.Malformed },
        { "GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n", HttpReadStatus.Malformed },
        { "GET / HTTP/1.1\r\nA: b\rC: d\r\n\r\n", HttpReadStatus.Malformed },
        { "GET / HTTP/1.1\r\nA: \0\r\n\r\n", HttpReadStatus.Malformed },
        { "GET / HTTP/1.1\r\nA: \u007F\r\n\r\n", HttpReadStatus.Malformed },
        { "GET / HTTP/1.1\r\nÄ: b\r\n\r\n", HttpReadStatus.Malformed },
    };

    /// <summary>Beginnings that nothing can make right any more.</summary>
    public static TheoryData<string> Garbage =>
        [
            "\r\n\r\n\r\n\r\n\r\n", "\r\n\r\n\r\n\r\n\r", "\r\r", "\r\n\n", "\n", " ", "\u0016\u0003\u0001", "G\n", "GET\t", "GET / HTTP/1.1\n",
            "GET / HTTP/1.1\r ", "GET / HTTP/1.1\r\nA: \0", "{\"a\"", "\u0081\u0083",
        ];

    [Theory]
    [MemberData(nameof(Valid))]
    public void Request_line_is_read(string line, string method, string path, string query, bool http11)
    {
        var status = HttpRequestReader.Read(Latin($"{line}\r\nHost: a\r\n\r\nrest"), out var request, out int consumed);
        Assert.Equal((HttpReadStatus.Complete, line.Length + 13), (status, consumed));
        Assert.Equal((method, path, query, http11), (Text(request.Method), Text(request.Path), Text(request.Query), request.IsHttp11));
    }

    [Theory]
    [MemberData(nameof(Invalid))]
    public void Wrong_request_is_refused(string text, HttpReadStatus expected)
    {
        Assert.Equal(expected, HttpRequestReader.Read(Latin(text), out _, out int consumed));
        Assert.Equal(0, consumed);
    }

    [Theory]
    [MemberData(nameof(Garbage))]
    public void Garbage_is_told_before_the_head_ends(string text) =>
        Assert.Equal(HttpReadStatus.Malformed, HttpRequestReader.Read(Latin(text), out _, out _));

    [Fact]
    public void Every_beginning_is_incomplete_and_consumes_nothing()
    {
        byte[] bytes = Latin(Browser);
        for (int length = 0; length < bytes.Length; length++)
        {
            Assert.Equal(HttpReadStatus.Incomplete, HttpRequestReader.Read(bytes.AsSpan(0, length), out _, out int consumed));
            Assert.Equal(0, consumed);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(HttpRequestReader.EmptyLinesMax)]
    public void Empty_lines_in_front_are_passed_over(int count)
    {
        byte[] bytes = Latin(string.Concat(Enumerable.Repeat("\r\n", count)) + Browser + "rest");
        for (int length = 0; length < bytes.Length - 4; length++)
        {
            Assert.Equal(HttpReadStatus.Incomplete, HttpRequestReader.Read(bytes.AsSpan(0, length), out _, out _));
        }

        Assert.Equal(HttpReadStatus.Complete, HttpRequestReader.Read(bytes, out var request, out int consumed));
        Assert.Equal((bytes.Length - 4, "GET", "room=a"), (consumed, Text(request.Method), Text(request.Query)));
        Assert.True(HttpRequestReader.IsHead([.. bytes.AsSpan(0, 2 * count), .. "HEAD / "u8]));
        Assert.False(HttpRequestReader.IsHead(bytes));
    }

    [Fact]
    public void Second_request_is_left_where_it_lies()
    {
        byte[] bytes = Latin(Browser + Browser);
        Assert.Equal(HttpReadStatus.Complete, HttpRequestReader.Read(bytes, out _, out int consumed));
        Assert.Equal(Browser.Length, consumed);
    }

    [Fact]
    public void Headers_are_read_in_their_order()
    {
        _ = HttpRequestReader.Read(Latin(Browser), out var request, out _);
        List<string> headers = [];
        foreach (var header in request.Headers)
        {
            headers.Add($"{Text(header.Name)}={Text(header.Value)}");
        }

        Assert.Equal(["Host=a:9000", "User-Agent=x (y; z)", "Accept=*/*", "X-Empty=", "X-Tab=a\tb", "X-Latin=é"], headers);
    }

    [Theory]
    [InlineData(HttpRequestReader.HeadBytesMax, HttpReadStatus.Complete)]
    [InlineData(HttpRequestReader.HeadBytesMax + 1, HttpReadStatus.TooLarge)]
    public void Head_has_a_limit(int length, HttpReadStatus expected)
    {
        const string Start = "GET / HTTP/1.1\r\nA: ";
        byte[] head = Latin(Start + new string('a', length - Start.Length - 4) + "\r\n\r\n");
        Assert.Equal(expected, HttpRequestReader.Read(head, out _, out _));
        Assert.Equal(expected, HttpRequestReader.Read([.. head, .. Latin(Browser)], out _, out _));
    }

    [Fact]
    public void Head_that_never_ends_is_too_large()
    {
        byte[] endless = Latin("GET /" + new string('a', HttpRequestReader.HeadBytesMax));
        Assert.Equal(HttpReadStatus.TooLarge, HttpRequestReader.Read(endless, out _, out _));
        Assert.Equal(HttpReadStatus.TooLarge, HttpRequestReader.Read(endless.AsSpan(0, HttpRequestReader.HeadBytesMax), out _, out _));
        Assert.Equal(HttpReadStatus.Incomplete, HttpRequestReader.Read(endless.AsSpan(0, HttpRequestReader.HeadBytesMax - 1), out _, out _));
    }

    [Fact]
    public void Spoilt_requests_are_read_without_harm() => RandomCases.Check(
        RandomCases.Randomness,
        random =>
        {
            byte[] bytes = Latin(Browser);
            for (int i = random.Next(1, 4); i > 0; i--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            var status = HttpRequestReader.Read(bytes, out var request, out int consumed);
            Assert.Equal(status == HttpReadStatus.Complete, consumed > 0);
            if (status == HttpReadStatus.Complete)
            {
                foreach (var header in request.Headers)
                {
                    Assert.False(header.Name.IsEmpty);
                }
            }
        },
        2000);

    private static byte[] Latin(string text) => Encoding.Latin1.GetBytes(text);

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes);
}
