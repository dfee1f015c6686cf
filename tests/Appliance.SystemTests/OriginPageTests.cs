using System.Net;
using System.Text.RegularExpressions;
using Appliance.SystemTests.Harness;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Appliance.SystemTests;

/// <summary>Pages of other sites in Chromium: what they try against a server that their visitor can reach, and they cannot.</summary>
[Collection(BrowserGroup.Name)]
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class OriginPageTests(Browser browser)
{
    /// <summary>Opens a WebSocket and says what comes of it: the first message, or that it was closed.</summary>
    private const string Connect = """
        url => new Promise(done => {
          const socket = new WebSocket(url);
          socket.onmessage = event => done('read ' + event.data);
          socket.onclose = event => done('closed ' + event.code);
        })
        """;

    /// <summary>Fetches and says what can be read.</summary>
    private const string Fetch = "url => fetch(url).then(answer => answer.text()).then(text => 'read ' + text, failure => 'failed')";

    /// <summary>Another name for the same host, another host, and the same host with another port.</summary>
    [Theory]
    [InlineData("127.0.0.1", "localhost")]
    [InlineData("127.0.0.1", "127.0.0.1")]
    [InlineData("127.0.0.2", "127.0.0.2")]
    public async Task Page_of_another_site_cannot_connect(string address, string host)
    {
        await using var server = await ApplianceServer.StartAsync("--echo");
        await using var ann = await ChatClient.JoinAsync(server);
        _ = await ann.SayAndReadAsync("for the room alone");
        await using var site = new ForeignSite(IPAddress.Parse(address));
        await using var profile = await browser.NewProfileAsync();
        var page = await profile.NewPageAsync();
        _ = await page.GotoAsync($"http://{host}:{site.Port}/");
        Assert.Equal("closed 1006", await page.EvaluateAsync<string>(Connect, Socket(server)));
        Assert.Equal("closed 1006", await page.EvaluateAsync<string>(Connect, Socket(server) + "echo"));
        Assert.Equal("failed", await page.EvaluateAsync<string>(Fetch, server.Url));
        await AssertRefusedAsync(server, $"http://{host}:{site.Port}");
    }

    /// <summary>A frame with sandbox comes from nowhere, whoever wrote it.</summary>
    [Fact]
    public async Task Page_of_nowhere_cannot_connect()
    {
        await using var server = await ApplianceServer.StartAsync();
        await using var site = new ForeignSite(IPAddress.Loopback, "<iframe sandbox=allow-scripts srcdoc=nowhere></iframe>");
        await using var profile = await browser.NewProfileAsync();
        var page = await profile.NewPageAsync();
        _ = await page.GotoAsync($"http://127.0.0.1:{site.Port}/");
        var frame = await (await page.WaitForSelectorAsync("iframe"))!.ContentFrameAsync();
        Assert.Equal("null", await frame!.EvaluateAsync<string>("() => origin"));
        Assert.Equal("closed 1006", await frame.EvaluateAsync<string>(Connect, Socket(server)));
        await AssertRefusedAsync(server, "null");
    }

    [Fact]
    public async Task Page_that_is_allowed_connects()
    {
        await using var site = new ForeignSite(IPAddress.Parse("127.0.0.2"));
        await using var server = await ApplianceServer.StartAsync("--allow-origin", $"http://127.0.0.2:{site.Port}");
        await using var profile = await browser.NewProfileAsync();
        var page = await profile.NewPageAsync();
        _ = await page.GotoAsync($"http://127.0.0.2:{site.Port}/");
        Assert.StartsWith("read {", await page.EvaluateAsync<string>(Connect, Socket(server)), StringComparison.Ordinal);
    }

    /// <summary>By address and by name, on IPv4 and IPv6.</summary>
    [Fact]
    public async Task Page_of_the_server_connects_by_whatever_name_it_was_asked()
    {
        await using var daemon = new ApplianceDaemon();
        daemon.ChoosePort();
        string[] addresses = ["127.0.0.1", "127.0.0.9", "[::1]"];
        var started = await daemon.LaunchAsync(["--proc=1", .. addresses.SelectMany(address => (string[])["--listen", $"{address}:{daemon.Port}"])]);
        Assert.True(started.ExitCode == 0, started.ToString());
        await using var profile = await browser.NewProfileAsync();
        foreach (var host in addresses.Concat(["localhost", "chat.localhost"]))
        {
            var page = await profile.NewPageAsync();
            _ = await page.GotoAsync($"http://{host}:{daemon.Port}/");
            await Expect(page.GetByRole(AriaRole.Status)).ToHaveTextAsync("Online");
        }
    }

    /// <summary>
    /// The name of a page leads to the monitoring port, as an attacker's name server has it once the page is loaded. For the browser both are one
    /// site, so it would let the page read all.
    /// </summary>
    [Fact]
    public async Task Page_whose_name_is_rebound_reads_nothing_of_the_monitoring_port()
    {
        await using var server = await ApplianceServer.StartAsync(MonitoringPort.Options);
        var port = await MonitoringPort.OfAsync(server);
        await using var chromium = await browser.LaunchAsync("--host-resolver-rules=MAP rebound.example 127.0.0.1");
        await using var profile = await chromium.NewContextAsync();
        var page = await profile.NewPageAsync();
        var site = $"http://rebound.example:{port.Address.Port}/";
        Assert.Equal(403, (await page.GotoAsync(site))!.Status);
        foreach (var path in (string[])["", "status", "metrics", "nagios", "healthz", "history"])
        {
            var read = await page.EvaluateAsync<string>(Fetch, site + path);
            Assert.True(read.Contains("--metrics-host", StringComparison.Ordinal) && read.Length < 300, read);
        }

        Assert.Equal("failed", await page.EvaluateAsync<string>(Fetch, port.Url + "status"));
        _ = await server.WaitForLogAsync("rebound.example:.*--metrics-host");
        _ = await page.GotoAsync($"http://localhost:{port.Address.Port}/");
        await Expect(page.GetByRole(AriaRole.Status)).ToHaveTextAsync("Healthy");
    }

    private static string Socket(ApplianceServer server) => $"ws://127.0.0.1:{server.Port}/";

    private static async Task AssertRefusedAsync(ApplianceServer server, string origin) => _ = await server.WaitForLogAsync(
        $"WRN 3007 127.0.0.1 refused with status 403: .*--allow-origin {Regex.Escape(origin)} ");
}
