using System.Text;
using Appliance.Http;

namespace Appliance.Tests.Http;

/// <summary>What the headers and the query of a request say.</summary>
public sealed class HttpRequestTests
{
    /// <summary>Header lines, the one to look for, and the first value.</summary>
    public static TheoryData<string, string, string> HeaderValues => new()
    {
        { "Host: a\r\n", "host", "a" },
        { "HOST:a\r\n", "host", "a" },
        { "hOsT: \t a b \t\r\n", "host", "a b" },
        { "A: 1\r\na: 2\r\n", "a", "1" },
        { "X-Host: a\r\n", "host", "" },
        { "Host2: a\r\n", "host", "" },
        { "Host: a:b\r\n", "host", "a:b" },
        { "", "host", "" },
    };

    public static TheoryData<string, bool> ConnectionLines => new()
    {
        { "Connection: upgrade\r\n", true },
        { "Connection: Upgrade\r\n", true },
        { "Connection: keep-alive, Upgrade\r\n", true },
        { "Connection: keep-alive,\tUpgrade ,x\r\n", true },
        { "Connection: ,,upgrade,,\r\n", true },
        { "Connection: close\r\nCONNECTION: upgrade\r\n", true },
        { "Connection: upgraded\r\n", false },
        { "Connection: an upgrade\r\n", false },
        { "Connection: upgrade;q=1\r\n", false },
        { "Connection:\r\n", false },
        { "Upgrade: upgrade\r\n", false },
        { "", false },
    };

    /// <summary>Version, header lines, and whether the connection stays open (RFC 9112, 9.3).</summary>
    public static TheoryData<bool, string, bool> KeepAlive => new()
    {
        { true, "", true },
        { true, "Connection: close\r\n", false },
        { true, "Connection: x, CLOSE\r\n", false },
        { true, "Connection: keep-alive\r\n", true },
        { false, "", false },
        { false, "Connection: Keep-Alive\r\n", true },
        { false, "Connection: close\r\n", false },
    };

    /// <summary>Header lines, and whether a body follows (RFC 9112, 6.3).</summary>
    public static TheoryData<string, bool> Bodies => new()
    {
        { "", false },
        { "Content-Length: 0\r\n", false },
        { "Content-Length: 000\r\n", false },
        { "Content-Length: 1\r\n", true },
        { "Content-Length: 010\r\n", true },
        { "Content-Length: x\r\n", true },
        { "Content-Length: 0, 5\r\n", true },
        { "Content-Length: 0\r\nContent-Length: 5\r\n", true },
        { "Content-Length: +0\r\n", true },
        { "Transfer-Encoding: chunked\r\n", true },
        { "Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n", true },
        { "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", true },
    };

    /// <summary>Query, parameter, and its value; null when it is not there or not to be decoded.</summary>
    public static TheoryData<string, string, string?> Parameters => new()
    {
        { "room=a", "room", "a" },
        { "x=1&room=a&y=2", "room", "a" },
        { "room=a&room=b", "room", "a" },
        { "room=", "room", "" },
        { "room", "room", "" },
        { "room=a=b", "room", "a=b" },
        { "&&room=a&&", "room", "a" },
        { "room=%41%62%2d", "room", "Ab-" },
        { "room=a+b%2B", "room", "a b+" },
        { "room=12345678", "room", "12345678" },
        { "", "room", null },
        { "rooms=a&oroom=b", "room", null },
        { "Room=a", "room", null },
        { "=room", "room", null },
        { "room=%", "room", null },
        { "room=%4", "room", null },
        { "room=%4g", "room", null },
        { "room=%%41", "room", null },
        { "room=123456789", "room", null },
    };

    [Theory]
    [MemberData(nameof(HeaderValues))]
    public void First_header_of_a_name_is_found(string lines, string name, string expected) =>
        Assert.Equal(expected, Text(Request(lines).Header(Bytes(name))));

    [Theory]
    [InlineData("A: 1\r\n", true)]
    [InlineData("a: 1\r\nB: 2\r\n", true)]
    [InlineData("A:\r\n", true)]
    [InlineData("A: 1\r\na: 1\r\n", false)]
    [InlineData("B: 1\r\n", false)]
    public void Header_is_there_once(string lines, bool expected) => Assert.Equal(expected, Request(lines).HasOne("a"u8));

    [Theory]
    [MemberData(nameof(ConnectionLines))]
    public void Token_is_listed(string lines, bool expected) => Assert.Equal(expected, Request(lines).HasToken("connection"u8, "upgrade"u8));

    [Theory]
    [MemberData(nameof(KeepAlive))]
    public void Connection_stays_open(bool http11, string lines, bool expected) => Assert.Equal(expected, Request(lines, http11: http11).KeepsAlive);

    [Theory]
    [MemberData(nameof(Bodies))]
    public void Body_is_announced(string lines, bool expected) => Assert.Equal(expected, Request(lines).HasBody);

    [Theory]
    [MemberData(nameof(Parameters))]
    public void Parameter_is_decoded(string query, string name, string? expected)
    {
        byte[] decoded = new byte[8];
        bool found = Request("", query).TryGetParameter(Bytes(name), decoded, out int length);
        Assert.Equal(expected, found && length >= 0 ? Text(decoded.AsSpan(0, length)) : null);
    }

    [Fact]
    public void Any_bytes_come_back_from_percent_encoding() => RandomCases.Check(RandomCases.Bytes(50), bytes =>
    {
        byte[] decoded = new byte[bytes.Length];
        Assert.Equal(bytes.Length, PercentEncoding.Decode(Bytes(string.Concat(bytes.Select(value => $"%{value:x2}"))), decoded));
        Assert.Equal(bytes, decoded);
    });

    private static HttpRequest Request(string lines, string query = "", bool http11 = true) =>
        new() { HeaderLines = Bytes(lines), Query = Bytes(query), IsHttp11 = http11 };

    private static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(text);

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes);
}
