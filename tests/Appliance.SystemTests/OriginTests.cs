using System.Text;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>Pages of other sites, byte by byte: what a browser sends for them, on both ports, and how it is refused.</summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class OriginTests(OriginTests.OpenServer fixture) : IClassFixture<OriginTests.OpenServer>
{
    private const string Usual = "Host: 127.0.0.1:9000";

    public static TheoryData<string, string[], int> Handshakes => new()
    {
        { "/", [Usual], 101 },
        { "/", [Usual, "Origin: http://127.0.0.1:9000"], 101 },
        { "/", [Usual, "Origin: https://127.0.0.1:9000"], 101 },
        { "/", ["Host: Chat.example", "Origin: https://chat.EXAMPLE"], 101 },
        { "/", ["Host: chat.example:443", "Origin: https://chat.example"], 101 },
        { "/", ["Host: [::1]:9000", "Origin: http://[::1]:9000"], 101 },
        { "/", [Usual, "Origin: https://www.example.org"], 101 },
        { "/", [Usual, "Origin: http://deep.below.example.org"], 101 },
        { "/echo", [Usual, "Origin: https://www.example.org"], 101 },

        { "/", [Usual, "Origin: http://localhost:9000"], 403 },
        { "/", [Usual, "Origin: http://127.0.0.1"], 403 },
        { "/", [Usual, "Origin: http://127.0.0.1:9001"], 403 },
        { "/", [Usual, "Origin: https://evil.example"], 403 },
        { "/", [Usual, "Origin: https://example.org"], 403 },
        { "/", [Usual, "Origin: https://www.example.org:8443"], 403 },
        { "/", [Usual, "Origin: null"], 403 },
        { "/", [Usual, "Origin:"], 403 },
        { "/", [Usual, "Origin: http://127.0.0.1:9000", "Origin: http://127.0.0.1:9000"], 403 },
        { "/", [Usual, "Origin: http://127.0.0.1:9000", "Origin: https://evil.example"], 403 },
        { "/", [Usual, "Origin: http://user@127.0.0.1:9000"], 403 },
        { "/", [Usual, "Origin: https://evil.example", "X-Forwarded-Host: evil.example"], 403 },
        { "/", ["Host:", "Origin: http://"], 403 },
        { "/?room=new", [Usual, "Origin: https://evil.example"], 403 },
        { "/echo", [Usual, "Origin: https://evil.example"], 403 },
        { "http://evil.example/", [Usual, "Origin: https://evil.example"], 403 },
    };

    /// <summary>Name in the Host header, and the status that the monitoring port answers with.</summary>
    public static TheoryData<string, int> Hosts => new()
    {
        { "GET /status HTTP/1.1\r\nHost: 127.0.0.1:9001\r\n\r\n", 200 },
        { "GET /status HTTP/1.1\r\nHost: 127.1.2.3\r\n\r\n", 200 },
        { "GET /status HTTP/1.1\r\nHost: 192.0.2.7:9001\r\n\r\n", 200 },
        { "GET /status HTTP/1.1\r\nHost: [::1]:9001\r\n\r\n", 200 },
        { "GET /status HTTP/1.1\r\nHost: LOCALHOST\r\n\r\n", 200 },
        { "GET /status HTTP/1.1\r\nHost: chat.localhost.:9001\r\n\r\n", 200 },
        { "GET /status HTTP/1.1\r\nHost: monitor.example:9001\r\n\r\n", 200 },
        { "GET /status HTTP/1.1\r\nHost: one.of.pods.example\r\n\r\n", 200 },
        { "GET /status HTTP/1.1\r\nHost:\r\n\r\n", 200 },
        { "GET /status HTTP/1.0\r\n\r\n", 200 },
        { "GET /status HTTP/1.1\r\n\r\n", 400 },
        { "GET /status HTTP/1.1\r\nHost: evil.example:9001\r\n\r\n", 403 },
        { "GET /status HTTP/1.0\r\nHost: evil.example\r\n\r\n", 403 },
        { "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403 },
        { "GET /nothing HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403 },
        { "POST /status HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403 },
        { "OPTIONS * HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403 },
        { "GET /status HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n\r\n", 403 },
        { "GET /status HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n", 403 },
        { "GET /status HTTP/1.1\r\nHost: pods.example\r\n\r\n", 403 },
        { "GET /status HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400 },
    };

    [Theory]
    [MemberData(nameof(Handshakes))]
    public async Task Handshake_gets_its_status(string target, string[] headers, int status)
    {
        await using var client = await RawClient.ConnectAsync(fixture.Server);
        await client.SendAsync(Upgrade(target, headers));
        var response = await client.ReadResponseAsync();
        Assert.True(status == response.Status, $"{response.Head}\n{response.Text}");
        if (status == 403)
        {
            Assert.Contains("--allow-origin ", response.Text, StringComparison.Ordinal);
            Assert.True(await client.ExpectEndAsync());
        }
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task Monitoring_port_answers_by_its_own_names_alone(string request, int status)
    {
        var port = await MonitoringPort.OfAsync(fixture.Server);
        await using var client = await RawClient.ConnectAsync(port.Address);
        await client.SendAsync(Encoding.ASCII.GetBytes(request));
        var response = await client.ReadResponseAsync();
        Assert.True(status == response.Status, $"{response.Head}\n{response.Text}");
        Assert.Equal(status == 403, response.Text.Contains("--metrics-host", StringComparison.Ordinal));
    }

    /// <summary>What a proxy says of the host that was asked counts from a trusted one alone.</summary>
    [Theory]
    [InlineData("127.0.0.1", "X-Forwarded-Host: chat.example", 101)]
    [InlineData("127.0.0.1", "X-Forwarded-Host: chat.example:443", 101)]
    [InlineData("127.0.0.1", "X-Forwarded-Host: chat.example:8443", 403)]
    [InlineData("127.0.0.1", "X-Forwarded-Host: evil.example, chat.example", 403)]
    [InlineData("127.0.0.1", "X-Forwarded-Host: chat.example\r\nX-Forwarded-Host: chat.example", 403)]
    [InlineData("192.0.2.1", "X-Forwarded-Host: chat.example", 403)]
    public async Task Forwarded_host_counts_from_a_trusted_proxy(string proxy, string header, int status)
    {
        await using var server = await ApplianceServer.StartAsync("--trusted-proxy", proxy);
        await using var client = await RawClient.ConnectAsync(server);
        await client.SendAsync(Upgrade("/", [Usual, "Origin: https://chat.example", header]));
        Assert.Equal(status, (await client.ReadResponseAsync()).Status);
    }

    /// <summary>The page itself, and its files, are for all: a browser gives another page nothing of them.</summary>
    [Fact]
    public async Task Pages_are_served_to_all()
    {
        await using var client = await RawClient.ConnectAsync(fixture.Server);
        await client.SendAsync(RawClient.Request("GET / HTTP/1.1", "Host: any.example", "Origin: https://evil.example"));
        var response = await client.ReadResponseAsync();
        Assert.Equal((200, null), (response.Status, response.Header("Access-Control-Allow-Origin")));
    }

    [Fact]
    public async Task Refusals_are_counted_and_logged_within_bounds()
    {
        await using var server = await ApplianceServer.StartAsync(MonitoringPort.Options);
        var port = await MonitoringPort.OfAsync(server);
        for (var i = 0; i < 30; i++)
        {
            await using var client = await RawClient.ConnectAsync(server);
            await client.SendAsync(Upgrade("/", [Usual, "Origin: https://evil.example"]));
            Assert.Contains("--allow-origin https://evil.example ", (await client.ReadResponseAsync()).Text, StringComparison.Ordinal);
            await using var rebound = await RawClient.ConnectAsync(port.Address);
            await rebound.SendAsync(RawClient.Request("GET /status HTTP/1.1", "Host: evil.example"));
            Assert.Equal(403, (await rebound.ReadResponseAsync()).Status);
        }

        var status = await port.WaitForStatusAsync("the refusals", all => all.GetProperty("rejected").GetInt64() == 30);
        Assert.Equal(30, status.GetProperty("rejected_by_reason").GetProperty("origin").GetInt64());
        _ = await server.WaitForLogAsync("WRN 3007 127.0.0.1 refused with status 403: .*--allow-origin https://evil.example ");
        _ = await server.WaitForLogAsync("WRN 1050 .*evil.example.*--metrics-host");
        _ = await server.WaitForLogAsync(@"WRN 3017 \d+ more web pages of other sites refused");
        _ = await server.WaitForLogAsync(@"WRN 1051 \d+ more requests to the monitoring port refused");
        Assert.InRange(server.Log.Count, 0, 60);
    }

    /// <summary>Both are in force with a reload, in every process, and a connection that was allowed stays.</summary>
    [Theory]
    [InlineData("--proc=2")]
    [InlineData("--nofork")]
    public async Task Reload_changes_who_may(string mode)
    {
        await using var daemon = new ApplianceDaemon();
        var file = Path.Combine(daemon.Folder, "appliance.conf");
        await File.WriteAllTextAsync(file, "allow-origin = https://before.example\nmetrics-host = before.example\n");
        var started = await daemon.LaunchAsync(mode, "--config", file, "--metrics", "127.0.0.1:0");
        Assert.True(started.ExitCode == 0, started.ToString());
        var port = await MonitoringPort.OfAsync(daemon);
        await using var early = await RawClient.ConnectAsync(daemon.Address);
        await early.SendAsync(Upgrade("/", [Usual, "Origin: https://before.example"]));
        Assert.Equal(101, (await early.ReadResponseAsync()).Status);
        await File.WriteAllTextAsync(file, "allow-origin = https://after.example\nallow-origin = null\nmetrics-host = *.after.example\n");
        Assert.Equal("reloaded\n", await daemon.SucceedAsync("reload"));
        foreach (var (origin, status) in ((string, int)[])[("https://before.example", 403), ("https://after.example", 101), ("null", 101)])
        {
            for (var i = 0; i < 4; i++)
            {
                await using var client = await RawClient.ConnectAsync(daemon.Address);
                await client.SendAsync(Upgrade("/", [Usual, $"Origin: {origin}"]));
                Assert.Equal(status, (await client.ReadResponseAsync()).Status);
            }
        }

        foreach (var (host, status) in ((string, int)[])[("before.example", 403), ("a.after.example", 200), ("localhost", 200)])
        {
            await using var client = await RawClient.ConnectAsync(port.Address);
            await client.SendAsync(RawClient.Request("GET /readyz HTTP/1.1", $"Host: {host}"));
            Assert.Equal(status, (await client.ReadResponseAsync()).Status);
        }

        await using var ann = ChatClient.Over(early);
        _ = await ann.SayAndReadAsync("still here");
    }

    private static byte[] Upgrade(string target, string[] headers) => RawClient.Request(
        $"GET {target} HTTP/1.1",
        [.. headers, "Upgrade: websocket", "Connection: Upgrade", $"Sec-WebSocket-Key: {RawClient.SampleKey}", "Sec-WebSocket-Version: 13"]);

    /// <summary>Lets some more in than its own pages and names.</summary>
    public sealed class OpenServer() : ServerFixture(
        "--echo", "--allow-origin", "*.example.org", "--metrics", "127.0.0.1:0", "--metrics-host", "monitor.example", "--metrics-host", "*.pods.example");
}
