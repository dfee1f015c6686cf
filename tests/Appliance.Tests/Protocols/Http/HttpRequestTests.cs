using System.Text;
using Appliance.Protocols.Http;

namespace Appliance.Tests.Protocols.Http;

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
        { false, "Connection: Keep-Alive\r\n", false },
        { false, "Connection: close\r\n", false },
    };

    /// <summary>Header lines, and whether a body follows (RFC 9112, 6.3).</summary>
    public static TheoryData<string, BodyFraming> Bodies => new()
    {
        { "", BodyFraming.None },
        { "Content-Length: 0\r\n", BodyFraming.None },
        { "Content-Length: 000\r\n", BodyFraming.None },
        { "Content-Length: 1\r\n", BodyFraming.Body },
        { "Content-Length: 010\r\n", BodyFraming.Body },
        { "Content-Length: 99999999999999999999999\r\n", BodyFraming.Body },
        { "Transfer-Encoding: chunked\r\n", BodyFraming.Body },
        { "Transfer-Encoding: gzip, chunked\r\n", BodyFraming.Body },
        { "Transfer-Encoding: identity\r\n", BodyFraming.Body },
        { "Content-Length:\r\n", BodyFraming.Ambiguous },
        { "Content-Length: x\r\n", BodyFraming.Ambiguous },
        { "Content-Length: 0x0\r\n", BodyFraming.Ambiguous },
        { "Content-Length: -0\r\n", BodyFraming.Ambiguous },
        { "Content-Length: +0\r\n", BodyFraming.Ambiguous },
        { "Content-Length: 0 0\r\n", BodyFraming.Ambiguous },
        { "Content-Length: 0, 5\r\n", BodyFraming.Ambiguous },
        { "Content-Length: 0\r\nContent-Length: 0\r\n", BodyFraming.Ambiguous },
        { "Content-Length: 0\r\nContent-Length: 5\r\n", BodyFraming.Ambiguous },
        { "Transfer-Encoding:\r\n", BodyFraming.Ambiguous },
        { "Transfer-Encoding: \t \r\n", BodyFraming.Ambiguous },
        { "Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n", BodyFraming.Ambiguous },
        { "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", BodyFraming.Ambiguous },
        { "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", BodyFraming.Ambiguous },
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
    public void Body_is_announced(string lines, BodyFraming expected) => Assert.Equal(expected, Request(lines).Framing);

    [Fact]
    public void Body_of_HTTP_1_0_has_no_encoding() =>
        Assert.Equal(BodyFraming.Ambiguous, Request("Transfer-Encoding: chunked\r\n", http11: false).Framing);

    [Theory]
    [InlineData("Host: a\r\n", true, HttpRefusal.None)]
    [InlineData("Host: a.example:80\r\n", true, HttpRefusal.None)]
    [InlineData("Host: [::1]:80\r\n", true, HttpRefusal.None)]
    [InlineData("Host:\r\n", true, HttpRefusal.None)]
    [InlineData("", false, HttpRefusal.None)]
    [InlineData("Host: a\r\n", false, HttpRefusal.None)]
    [InlineData("", true, HttpRefusal.Host)]
    [InlineData("Host: a\r\nHost: a\r\n", true, HttpRefusal.Host)]
    [InlineData("Host: a\r\nhost: b\r\n", false, HttpRefusal.Host)]
    [InlineData("Host: a, b\r\n", true, HttpRefusal.Host)]
    [InlineData("Host: a,b\r\n", true, HttpRefusal.Host)]
    [InlineData("Host: a b\r\n", true, HttpRefusal.Host)]
    [InlineData("Host: http://a/\r\n", true, HttpRefusal.Host)]
    [InlineData("Host: user@a\r\n", true, HttpRefusal.Host)]
    [InlineData("Host: a\r\nTransfer-Encoding:\r\n", true, HttpRefusal.Framing)]
    public void Gate_looks_at_host_and_framing(string lines, bool http11, HttpRefusal expected) =>
        Assert.Equal(expected, HttpGate.Check(HttpReadStatus.Complete, Request(lines, http11: http11)));

    /// <summary>Every reason has a status that has words of its own, and words.</summary>
    [Fact]
    public void Refusals_have_status_and_words() => Assert.All(Enum.GetValues<HttpRefusal>().Where(one => one != HttpRefusal.None), one =>
        Assert.Contains(HttpGate.WordsOf(one), Text(HttpResponse.Refuse(HttpGate.StatusOf(one), HttpGate.WordsOf(one))), StringComparison.Ordinal));

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
