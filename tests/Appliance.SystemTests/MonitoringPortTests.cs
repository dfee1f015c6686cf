using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>The monitoring port as a server of its own: limits, and that nothing that happens there touches the chat.</summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class MonitoringPortTests
{
    private const int ConnectionsMax = 512;

    [Theory]
    [InlineData("GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n", 404)]
    [InlineData("POST /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 405)]
    [InlineData("GET /metrics HTTP/1.1\r\n\r\n", 400)]
    [InlineData("GET /metrics HTTP/2.0\r\nHost: localhost\r\n\r\n", 505)]
    [InlineData("GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n12345", 413)]
    [InlineData("GET /nagios?warning=nothing HTTP/1.1\r\nHost: localhost\r\n\r\n", 400)]
    [InlineData("\0\u0001\u0002\u0003", 400)]
    [InlineData("\u0016\u0003\u0001\u0002\0\u0001", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: localhost\r\nA: \0\r\n\r\n", 400)]
    public async Task Wrong_request_is_answered_and_closed(string request, int status)
    {
        await using var server = await ApplianceServer.StartAsync(MonitoringPort.Options);
        var port = await MonitoringPort.OfAsync(server);
        await using var client = await RawClient.ConnectAsync(port.Address);
        await client.SendAsync(Encoding.Latin1.GetBytes(request));
        var response = await client.ReadResponseAsync();
        Assert.Equal(status, response.Status);
        Assert.True(status is not (404 or 405) || response.Text.Length > 10);
        if (!request.Contains("nagios", StringComparison.Ordinal))
        {
            Assert.True(await client.ExpectEndAsync());
        }
    }

    [Fact]
    public async Task Head_that_is_too_long_or_too_slow_is_refused()
    {
        await using var server = await ApplianceServer.StartAsync(MonitoringPort.Options);
        var port = await MonitoringPort.OfAsync(server);
        await using var slow = await RawClient.ConnectAsync(port.Address);
        await slow.SendAsync("GET / HTTP/1.1\r\n"u8.ToArray());
        await using var large = await RawClient.ConnectAsync(port.Address);
        await large.SendAsync(RawClient.Request("GET / HTTP/1.1", "Host: localhost", $"Cookie: {new string('c', 20_000)}"));
        Assert.Equal(431, (await large.ReadResponseAsync()).Status);
        Assert.Equal(408, (await slow.ReadResponseAsync()).Status);
        Assert.True(await slow.ExpectEndAsync());
    }

    [Fact]
    public async Task Requests_are_pipelined_and_connections_kept()
    {
        await using var server = await ApplianceServer.StartAsync(MonitoringPort.Options);
        var port = await MonitoringPort.OfAsync(server);
        await using var client = await RawClient.ConnectAsync(port.Address);
        string[] targets = ["/healthz", "/readyz", "/metrics", "/status", "/nagios", "/", "/monitor.js", "/monitor.css"];
        await client.SendAsync(Encoding.ASCII.GetBytes(string.Concat(targets.Select(target => $"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"))));
        foreach (var target in targets)
        {
            var response = await client.ReadResponseAsync();
            Assert.True(response.Status == 200 && response.Body.Length > 0, target);
        }

        await client.SendAsync(RawClient.Request("HEAD /metrics HTTP/1.1", "Host: localhost"));
        Assert.Equal(200, (await client.ReadResponseAsync(toHead: true)).Status);

        // More questions than any buffer holds, none of whose answers is read before all are asked.
        var many = string.Concat(Enumerable.Repeat("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 2000));
        var sending = client.SendAsync(Encoding.ASCII.GetBytes(many));
        for (var i = 0; i < 2000; i++)
        {
            Assert.Equal("ok\n", (await client.ReadResponseAsync()).Text);
        }

        await sending;
        await client.SendAsync(RawClient.Request("HEAD /healthz HTTP/1.1", "Host: localhost"));
        Assert.Null((await client.ReadResponseAsync(toHead: true)).Header("Connection"));
    }

    [Theory]
    [InlineData("GET /healthz HTTP/1.1")]
    [InlineData("HEAD /metrics HTTP/1.1")]
    [InlineData("OPTIONS / HTTP/1.1")]
    [InlineData("GET / HTTP/1.0")]
    public async Task Answer_behind_which_the_connection_ends_says_so(string line)
    {
        await using var server = await ApplianceServer.StartAsync(MonitoringPort.Options);
        await using var client = await RawClient.ConnectAsync((await MonitoringPort.OfAsync(server)).Address);
        await client.SendAsync(RawClient.Request(line, "Host: localhost", "Connection: close"));
        var response = await client.ReadResponseAsync(toHead: line.StartsWith("HEAD", StringComparison.Ordinal));
        Assert.InRange(response.Status, 200, 204);
        Assert.Equal("close", response.Header("Connection"));
        Assert.True(await client.ExpectEndAsync());
    }

    [Fact]
    public async Task Two_hundred_scrapes_at_once_are_all_answered_and_the_chat_goes_on()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(2, ["--announce", "off", .. MonitoringPort.Options]);
        var port = await MonitoringPort.OfAsync(daemon);
        await using var ann = await daemon.JoinAsync();
        var scraping = Task.WhenAll(Enumerable.Range(0, 200).Select(_ => Task.Run(() => port.TextAsync("/metrics"))));
        _ = await ann.SayAndReadAsync("meanwhile");
        Assert.All(await scraping, text => Assert.EndsWith("\n", text, StringComparison.Ordinal));
        Assert.DoesNotContain(daemon.Log, line => line.Contains("monitoring failed", StringComparison.Ordinal));
    }

    /// <summary>More clients than there are places, none of which reads or asks to the end: who asks now is answered all the same.</summary>
    [Fact]
    public async Task Slow_readers_and_silent_clients_keep_nobody_out()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(1, ["--announce", "off", .. MonitoringPort.Options]);
        var port = await MonitoringPort.OfAsync(daemon);
        var descriptors = daemon.Master.Descriptors.Count;
        var memory = MemoryBytes(await port.StatusAsync());
        var clients = new List<RawClient>();
        for (var i = 0; i < ConnectionsMax + 100; i++)
        {
            clients.Add(await RawClient.ConnectAsync(port.Address, receiveBuffer: 1024));
            var request = (i % 3) switch
            {
                0 => string.Concat(Enumerable.Repeat("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 50)),
                1 => "GET /met",
                _ => "appliance.",
            };
            await clients[^1].SendAsync(Encoding.ASCII.GetBytes(request));
        }

        await using var ann = await daemon.JoinAsync();
        _ = await ann.SayAndReadAsync("meanwhile");
        Assert.Equal("ok\n", await port.TextAsync("/healthz"));
        Assert.InRange(daemon.Master.Descriptors.Count, descriptors, descriptors + ConnectionsMax + 2);
        Assert.InRange(MemoryBytes(await port.StatusAsync()) - memory, long.MinValue, 32 << 20);
        foreach (var client in clients)
        {
            client.Reset();
        }

        await daemon.WaitUntilAsync("all connections to be closed", () => daemon.Master.Descriptors.Count <= descriptors + 1);

        static long MemoryBytes(JsonElement status) => status.GetProperty("memory_bytes").GetInt64();
    }

    [Fact]
    public async Task Random_bytes_do_no_harm()
    {
        await using var server = await ApplianceServer.StartAsync(["--announce", "off", .. MonitoringPort.Options]);
        var port = await MonitoringPort.OfAsync(server);
        var random = new Random(7);
        var descriptors = server.DescriptorCount;
        for (var i = 0; i < 200; i++)
        {
            var bytes = new byte[random.Next(1, 3000)];
            random.NextBytes(bytes);
            await using var client = await RawClient.ConnectAsync(port.Address);
            await client.SendAsync(bytes);
        }

        Assert.Equal("ok\n", await port.TextAsync("/healthz"));
        await using var ann = await ChatClient.JoinAsync(server);
        _ = await ann.SayAndReadAsync("still here");
        await server.WaitForDescriptorCountAsync(descriptors + 2);
        Assert.DoesNotContain(server.Log, line => line.Contains("monitoring failed", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Taken_port_is_refused_at_the_start_and_told_by_check()
    {
        using var holder = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        holder.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        holder.Listen();
        var taken = $"127.0.0.1:{((IPEndPoint)holder.LocalEndPoint!).Port}";
        await using var daemon = new ApplianceDaemon();
        var launched = await daemon.LaunchAsync("--proc=1", "--metrics", taken);
        Assert.True(launched.ExitCode == 1, launched.ToString());
        Assert.Contains($"--metrics {taken}", launched.Error, StringComparison.Ordinal);
        Assert.Contains("in use", launched.Error, StringComparison.Ordinal);
        var check = await daemon.RunCommandAsync("--check", "--metrics", taken, "--listen", "127.0.0.1:0");
        Assert.True(check.ExitCode == 1, check.ToString());
        Assert.Contains($"--metrics {taken}", check.Output, StringComparison.Ordinal);
        Assert.Equal(0, (await daemon.RunCommandAsync("--check", "--metrics", "127.0.0.1:0", "--listen", "127.0.0.1:0")).ExitCode);
    }

    [Fact]
    public async Task Port_can_be_a_unix_socket()
    {
        await using var daemon = new ApplianceDaemon();
        var path = Path.Combine(daemon.Folder, "monitor.sock");
        await daemon.StartWorkersAsync(1, "--metrics", $"unix:{path}");
        await using (var client = await RawClient.ConnectAsync(new UnixDomainSocketEndPoint(path)))
        {
            await client.SendAsync(RawClient.Request("GET /healthz HTTP/1.1", "Host: localhost"));
            Assert.Equal(200, (await client.ReadResponseAsync()).Status);
        }

        _ = await daemon.SucceedAsync("stop");
        Assert.False(File.Exists(path), "The socket file is left behind.");
    }
}
