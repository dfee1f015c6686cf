using System.Text;
using Appliance.Protocols.Http;

namespace Appliance.Tests.Protocols.Http;

/// <summary>Which pages may connect: Host header, Origin header, what is allowed beside it, and the verdict.</summary>
public sealed class AllowedOriginsTests
{
    public static TheoryData<string, string, bool> SameHosts => new()
    {
        { "a.example", "http://a.example", true },
        { "a.example", "https://a.example", true },
        { "A.Example", "HTTP://a.eXample", true },
        { "a.example:80", "http://a.example", true },
        { "a.example", "http://a.example:80", true },
        { "a.example:443", "https://a.example", true },
        { "a.example", "https://a.example:443", true },
        { "a.example:9000", "http://a.example:9000", true },
        { "a.example:9000", "https://a.example:9000", true },
        { "a.example.", "http://a.example", true },
        { "a.example", "http://a.example.", true },
        { "a_b", "http://a_b", true },
        { "xn--mnchen-3ya.example", "https://xn--mnchen-3ya.example", true },
        { "127.0.0.1:9000", "http://127.0.0.1:9000", true },
        { "[::1]:9000", "http://[::1]:9000", true },
        { "[::1]", "http://[0:0:0:0:0:0:0:1]", true },
        { "[::FFFF:1]", "http://[::ffff:1]", true },

        { "a.example", "http://b.example", false },
        { "a.example", "http://www.a.example", false },
        { "www.a.example", "http://a.example", false },
        { "a.example", "http://a.example.evil.example", false },
        { "a.example", "http://evila.example", false },
        { "a.example", "http://a.example:8080", false },
        { "a.example:9000", "http://a.example", false },
        { "a.example:443", "http://a.example", false },
        { "a.example:80", "https://a.example", false },
        { "a.example:8443", "https://a.example", false },
        { "127.0.0.1:9000", "http://localhost:9000", false },
        { "localhost:9000", "http://127.0.0.1:9000", false },
        { "127.0.0.1:9000", "http://127.0.0.2:9000", false },
        { "[::1]", "http://[::2]", false },
        { "[::1]", "http://127.0.0.1", false },
        { "127.0.0.1", "http://[::ffff:127.0.0.1]", false },

        // What is no page of the web, or no origin at all.
        { "localhost", "capacitor://localhost", false },
        { "a.example", "ws://a.example", false },
        { "a.example", "file://", false },
        { "a.example", "null", false },
        { "null", "null", false },
        { "a.example", "", false },
        { "a.example", "a.example", false },
        { "a.example", "//a.example", false },
        { "a.example", "http://", false },
        { "a.example", "http:///a.example", false },
        { "a.example", "http:/a.example", false },
        { "a.example", "http://a.example/", false },
        { "a.example", "http://a.example/path", false },
        { "a.example", "http://a.example?", false },
        { "a.example", "http://a.example#", false },
        { "a.example", "http://user@a.example", false },
        { "a.example", "http://a.example@evil.example", false },
        { "a.example", "http://a.example http://b.example", false },
        { "a.example", "http://b.example, http://a.example", false },
        { "a.example", "http://a.example:0", false },
        { "a.example", "http://a.example:65536", false },
        { "a.example", "http://a.example:8x", false },
        { "a.example", "http://a.example:-80", false },
        { "a.example", "http://a..example", false },
        { "a.example", "http://.a.example", false },
        { "a.example", "http://a.example..", false },
        { "a.example", "http://a.example\\", false },
        { "a.example", "http://a%2eexample", false },
        { "a.example", "http://*", false },
        { "a.example", "*", false },
        { "[::1]", "http://::1", false },
        { "[::1]", "http://[::1", false },
        { "[::1]", "http://[::1]x", false },
        { "[fe80::1]", "http://[fe80::1%25eth0]", false },
        { "", "http://a.example", false },
        { "", "http://", false },
    };

    public static TheoryData<string[], string, bool> Added => new()
    {
        { ["https://chat.example"], "https://chat.example", true },
        { ["https://chat.example"], "https://chat.example:443", true },
        { ["https://chat.example:443"], "https://chat.example", true },
        { ["HTTPS://CHAT.example."], "https://chat.example", true },
        { ["https://chat.example"], "http://chat.example", false },
        { ["https://chat.example"], "https://chat.example:8443", false },
        { ["https://chat.example"], "https://a.chat.example", false },
        { ["https://chat.example:8443"], "https://chat.example:8443", true },
        { ["https://chat.example:8443"], "https://chat.example", false },
        { ["chat.example"], "https://chat.example", true },
        { ["chat.example"], "http://chat.example", true },
        { ["chat.example"], "http://chat.example:8080", false },
        { ["chat.example"], "app://chat.example", false },
        { ["chat.example:8080"], "http://chat.example:8080", true },
        { ["chat.example:8080"], "https://chat.example:8080", true },
        { ["chat.example:80"], "http://chat.example", true },
        { ["chat.example:80"], "https://chat.example", false },
        { ["*.example.org"], "https://a.example.org", true },
        { ["*.example.org"], "https://a.b.example.org", true },
        { ["*.example.org"], "http://A.EXAMPLE.ORG.", true },
        { ["*.example.org"], "https://example.org", false },
        { ["*.example.org"], "https://.example.org", false },
        { ["*.example.org"], "https://evilexample.org", false },
        { ["*.example.org"], "https://example.org.evil", false },
        { ["*.example.org"], "https://a.example.org:8443", false },
        { ["https://*.example.org:8443"], "https://a.example.org:8443", true },
        { ["https://*.example.org:8443"], "http://a.example.org:8443", false },
        { ["http://[::1]:3000"], "http://[0::1]:3000", true },
        { ["http://192.0.2.1"], "http://192.0.2.1", true },
        { ["capacitor://localhost"], "capacitor://localhost", true },
        { ["chrome-extension://abcdefgh"], "chrome-extension://abcdefgh", true },
        { ["https://a.example", "https://b.example"], "https://a.example", true },
        { ["https://a.example", "https://b.example"], "https://b.example", true },
        { ["https://a.example", "https://b.example"], "https://c.example", false },
        { ["https://a.example", "https://b.example"], "http://asked.example", true },
        { ["null"], "null", true },
        { ["null"], "NULL", false },
        { ["null"], "file://", false },
        { ["null"], "https://evil.example", false },
        { ["same-host"], "https://evil.example", false },
        { ["same-host"], "https://asked.example", true },
        { ["any"], "https://evil.example", true },
        { ["any"], "null", true },
        { ["any"], "", true },
        { ["any"], "nonsense", true },
    };

    [Theory]
    [MemberData(nameof(SameHosts))]
    public void Page_of_the_host_that_is_asked_may_connect(string host, string origin, bool allowed) =>
        Assert.Equal(allowed, Allow(AllowedOrigins.SameHost, host, $"Origin: {origin}\r\n"));

    [Theory]
    [MemberData(nameof(Added))]
    public void Pages_may_be_added(string[] given, string origin, bool allowed) =>
        Assert.Equal(allowed, Allow(With(given), "asked.example", $"Origin: {origin}\r\n"));

    [Theory]
    [InlineData("", true)]
    [InlineData("X-Origin: http://b.example\r\n", true)]
    [InlineData("origin: http://a.example\r\n", true)]
    [InlineData("ORIGIN:http://a.example \t\r\n", true)]
    [InlineData("Origin:\r\n", false)]
    [InlineData("Origin: http://a.example\r\nOrigin: http://a.example\r\n", false)]
    [InlineData("Origin: http://a.example\r\nOrigin: http://b.example\r\n", false)]
    [InlineData("Origin: http://b.example\r\nX-Forwarded-Host: b.example\r\n", false)]
    public void One_header_or_none(string headers, bool allowed) => Assert.Equal(allowed, Allow(AllowedOrigins.SameHost, "a.example", headers));

    [Theory]
    [InlineData("")]
    [InlineData("*")]
    [InlineData("*.")]
    [InlineData("**.example.org")]
    [InlineData("*example.org")]
    [InlineData("a.*.org")]
    [InlineData("*.*.org")]
    [InlineData("*.127.0.0.1")]
    [InlineData("*.[::1]")]
    [InlineData("https://")]
    [InlineData("://a.example")]
    [InlineData("1http://a.example")]
    [InlineData("https://a.example/")]
    [InlineData("https://a.example/path")]
    [InlineData("https://user@a.example")]
    [InlineData("https://münchen.example")]
    [InlineData("https://a.example:0")]
    [InlineData("https://a.example:https")]
    [InlineData("https://a.example, https://b.example")]
    [InlineData("https://a.example https://b.example")]
    public void What_no_browser_says_cannot_be_added(string text) => Assert.Null(AllowedOrigins.SameHost.TryAdd(text));

    [Fact]
    public void Number_is_limited_and_what_is_there_counts_once()
    {
        var origins = With([.. Enumerable.Range(0, AllowedOrigins.PatternsMax).Select(i => $"https://{i}.example")]);
        Assert.Null(origins.TryAdd("https://one.more.example"));
        Assert.Same(origins, origins.TryAdd("https://7.example"));
        Assert.NotNull(origins.TryAdd("any"));
    }

    [Fact]
    public void Is_written_as_it_was_given()
    {
        Assert.Equal("same-host", AllowedOrigins.SameHost.ToString());
        Assert.Equal("https://A.example *.b.example null", With(["https://A.example", "*.b.example", "same-host", "null"]).ToString());
    }

    private static AllowedOrigins With(string[] given) => given.Aggregate(AllowedOrigins.SameHost, (origins, text) => origins.TryAdd(text)!);

    private static bool Allow(AllowedOrigins origins, string host, string headers)
    {
        byte[] bytes = Encoding.UTF8.GetBytes($"GET / HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n");
        Assert.Equal(HttpReadStatus.Complete, HttpRequestReader.Read(bytes, out var request, out _));
        return origins.Allow(request, request.Header("host"u8));
    }
}
