using System.Text;
using Appliance.Protocols.Http;

namespace Appliance.Tests.Protocols.Http;

/// <summary>Responses (RFC 9112): whole, cut anywhere, and wrong.</summary>
public sealed class HttpResponseReaderTests
{
    private const int BodyBytesMax = 16;

    /// <summary>A response, then status, body, and whether another one may follow.</summary>
    public static TheoryData<string, int, string, bool> Valid => new()
    {
        { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok", true },
        { "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", 200, "ok", true },
        { "HTTP/1.1 200 \r\ncontent-length:2\r\n\r\nok", 200, "ok", true },
        { "HTTP/1.1 204 No Content\r\n\r\n", 204, "", true },
        { "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, "", true },
        { "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: x, Close\r\n\r\n", 403, "", false },
        { "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok", false },
        { "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 599 x\r\nContent-Length: 0\r\n\r\n", 599, "", true },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200, "ok", true },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\no\r\n00A \r\n0123456789\r\n0\r\nA: b\r\nC: d\r\n\r\n", 200, "o0123456789", true },
        { "HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n0123456789abcdef", 200, "0123456789abcdef", true },
    };

    /// <summary>Wrong from some byte on; never whole before.</summary>
    public static TheoryData<string, HttpReadStatus> Invalid => new()
    {
        { "HTTP/2.0 200 OK\r\n\r\n", HttpReadStatus.Malformed },
        { "HTTP/1.x 200 OK\r\n\r\n", HttpReadStatus.Malformed },
        { "http/1.1 200 OK\r\n\r\n", HttpReadStatus.Malformed },
        { "\r\nHTTP/1.1 200 OK\r\n\r\n", HttpReadStatus.Malformed },
        { "HTTP/1.1  200 OK\r\n\r\n", HttpReadStatus.Malformed },
        { "HTTP/1.1 20 OK\r\n\r\n", HttpReadStatus.Malformed },
        { "HTTP/1.1 2000 OK\r\n\r\n", HttpReadStatus.Malformed },
        { "HTTP/1.1 099 OK\r\n\r\n", HttpReadStatus.Malformed },
        { "HTTP/1.1 600 OK\r\n\r\n", HttpReadStatus.Malformed },
        { "HTTP/1.1 101 Switching Protocols\r\n\r\n", HttpReadStatus.Malformed },
        { "HTTP/1.1 200 OK\r\nA b: c\r\n\r\n", HttpReadStatus.Malformed },
        { "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", HttpReadStatus.Malformed },
        { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", HttpReadStatus.Malformed },
        { "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok", HttpReadStatus.Malformed },
        { "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok", HttpReadStatus.Malformed },
        { "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nok", HttpReadStatus.Malformed },
        { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", HttpReadStatus.Malformed },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", HttpReadStatus.Malformed },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", HttpReadStatus.Malformed },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", HttpReadStatus.Malformed },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", HttpReadStatus.Malformed },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n00000001\r\n", HttpReadStatus.Malformed },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nok\r\n", HttpReadStatus.Malformed },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11\r\n", HttpReadStatus.TooLarge },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n01234567\r\n9\r\n", HttpReadStatus.TooLarge },
        { "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n", HttpReadStatus.TooLarge },
        { "HTTP/1.1 200 OK\r\nA: " + new string('x', HttpResponseReader.HeadBytesMax) + "\r\n\r\n", HttpReadStatus.TooLarge },
    };

    [Theory]
    [MemberData(nameof(Valid))]
    public void Response_is_read_when_it_is_whole_and_not_before(string text, int status, string body, bool keepsAlive)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(text);
        for (int length = 0; length < bytes.Length; length++)
        {
            Assert.Equal(HttpReadStatus.Incomplete, Read(bytes[..length], hasEnded: true, out _, out _, out _, out _));
        }

        byte[] more = [.. bytes, .. "HTTP"u8];
        Assert.Equal(HttpReadStatus.Complete, Read(more, hasEnded: false, out int readStatus, out string readBody, out bool keeps, out int consumed));
        Assert.Equal((status, body, keepsAlive, bytes.Length), (readStatus, readBody, keeps, consumed));
    }

    [Theory]
    [MemberData(nameof(Invalid))]
    public void Wrong_response_is_never_whole(string text, HttpReadStatus expected)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(text);
        Assert.Equal(expected, Read(bytes, hasEnded: false, out _, out _, out _, out _));
        for (int length = 0; length < bytes.Length; length++)
        {
            Assert.NotEqual(HttpReadStatus.Complete, Read(bytes[..length], hasEnded: false, out _, out _, out _, out _));
        }
    }

    [Fact]
    public void Body_without_a_length_lasts_until_the_end()
    {
        byte[] bytes = Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\n\r\nok");
        Assert.Equal(HttpReadStatus.Incomplete, Read(bytes, hasEnded: false, out _, out _, out _, out _));
        Assert.Equal(HttpReadStatus.Complete, Read(bytes, hasEnded: true, out _, out string body, out bool keepsAlive, out _));
        Assert.Equal(("ok", false), (body, keepsAlive));
        Assert.Equal(HttpReadStatus.TooLarge, Read([.. bytes, .. new byte[BodyBytesMax]], hasEnded: false, out _, out _, out _, out _));
    }

    [Fact]
    public void Header_counts_when_there_is_one_of_its_name()
    {
        byte[] bytes = Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\nContent-Type: a\r\nX: 1\r\nx: 2\r\n\r\n");
        Assert.Equal(HttpReadStatus.Complete, HttpResponseReader.ReadHead(bytes, out var head));
        Assert.Equal(("a", "", ""), (Text(head.Only("content-type"u8)), Text(head.Only("x"u8)), Text(head.Only("y"u8))));
    }

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.ASCII.GetString(bytes);

    private static HttpReadStatus Read(byte[] bytes, bool hasEnded, out int status, out string body, out bool keepsAlive, out int consumed)
    {
        (body, keepsAlive, consumed) = ("", false, 0);
        var read = HttpResponseReader.ReadHead(bytes, out var head);
        status = head.Status;
        if (read == HttpReadStatus.Complete)
        {
            read = HttpResponseReader.ReadBody(head, bytes, hasEnded, new byte[BodyBytesMax], out var found, out consumed);
            (body, keepsAlive) = (Text(found), head.KeepsAlive);
        }

        return read;
    }
}
