using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>Behind a proxy the server knows its clients: by the PROXY protocol, by headers of a trusted proxy, and by nothing that a client invents.</summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class ProxyTests
{
    private static readonly byte[] Version2 =
    [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, 0x21, 0x11, 0, 12, 198, 51, 100, 7, 10, 0, 0, 1, 0x12, 0x34, 0, 80,
    ];

    public static TheoryData<byte[], string> Headers => new()
    {
        { "PROXY TCP4 192.0.2.1 10.0.0.1 56324 443\r\n"u8.ToArray(), "192.0.2.1" },
        { "PROXY TCP6 2001:db8::7 ::1 56324 443\r\n"u8.ToArray(), "2001:db8::7" },
        { "PROXY UNKNOWN\r\n"u8.ToArray(), "127.0.0.1" },
        { Version2, "198.51.100.7" },
        { [.. Version2[..12], 0x20, 0x00, 0, 0], "127.0.0.1" },
    };

    /// <summary>Header and request come in any pieces, the frame behind them as well.</summary>
    [Theory]
    [MemberData(nameof(Headers))]
    public async Task Header_says_who_the_client_is(byte[] header, string address)
    {
        await using var server = await ApplianceServer.StartAsync("--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0,proxy");
        var rooms = 0;
        foreach (var piece in (int[])[1000, header.Length, header.Length - 1, 7, 1])
        {
            byte[] all = [.. header, .. RawClient.UpgradeRequest($"/?room={rooms++}"), .. ClientFrame.Encode([ClientFrame.Text(ChatClient.Json("first"))])];
            var raw = await RawClient.ConnectAsync(ProxyAddress(server));
            if (piece == 1)
            {
                await raw.SendChoppedAsync(all, piece);
            }
            else
            {
                var first = Math.Min(piece, all.Length);
                await raw.SendAsync(all.AsMemory(0, first));
                await raw.WaitUntilReadAsync();
                await raw.SendAsync(all.AsMemory(first));
            }

            Assert.Equal(101, (await raw.ReadResponseAsync()).Status);
            await using var client = ChatClient.Over(raw);
            Assert.Equal($"{address} connected", (await client.ReadAsync()).Message);
            Assert.Equal("first", (await client.ReadAsync()).Message);
        }
    }

    /// <summary>A proxy that passes TLS on unopened says who the client is before the client's first record, in whatever pieces both come.</summary>
    [Theory]
    [InlineData("192.0.2.1", 10_000)]
    [InlineData("192.0.2.1", 30)]
    [InlineData("2001:db8::7", 1)]
    public async Task Header_comes_before_tls(string address, int pieceBytes)
    {
        await using var scene = await TlsScene.StartAsync(1, "--listen-tls", "127.0.0.1:0,proxy");
        var proxy = AddressIn(scene.Daemon.Log.First(line => line.Contains(",proxy", StringComparison.Ordinal)));
        var header = Encoding.ASCII.GetBytes($"PROXY {(address.Contains(':', StringComparison.Ordinal) ? "TCP6" : "TCP4")} {address} {address} 56324 443\r\n");
        await using var ann = await TlsClient.ConnectAsync(proxy, through: stream => new SplitStream(stream, pieceBytes) { Before = header });
        await ann.EnterAsync("history=0");
        await ann.SayAsync("by tls");
        Assert.Equal("by tls", await ann.ReadAsync());
        Assert.Contains(address, await scene.Daemon.SucceedAsync("clients"), StringComparison.Ordinal);
        _ = await scene.Daemon.SucceedAsync("upgrade");
        await ann.SayAsync("still by tls");
        Assert.Equal("still by tls", await ann.ReadAsync());

        // Without a header nobody gets that far; what is no TLS behind one ends, too.
        await using var none = await RawClient.ConnectAsync(proxy);
        await none.SendAsync(new byte[] { 22, 3, 1, 0, 5, 1, 0, 0, 1, 0 });
        Assert.True(await none.ExpectEndAsync());
        await using var plain = await RawClient.ConnectAsync(proxy);
        await plain.SendAsync((byte[])[.. header, .. RawClient.UpgradeRequest()]);
        Assert.Equal(400, (await plain.ReadResponseAsync()).Status);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\n\r\n")]
    [InlineData("PROXY TCP4 192.0.2.1\r\n")]
    [InlineData("\r\n\r\nGET / HTTP/1.1\r\n")]
    [InlineData("PROXY TCP4 192.0.2.1 192.0.2.2 1 1\r\nno HTTP\r\n\r\n")]
    public async Task Whoever_says_nothing_of_the_kind_is_cut_off(string text)
    {
        await using var server = await ApplianceServer.StartAsync("--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0,proxy");
        await using var client = await RawClient.ConnectAsync(ProxyAddress(server));
        await client.SendAsync(Encoding.ASCII.GetBytes(text));
        if (text.EndsWith("no HTTP\r\n\r\n", StringComparison.Ordinal))
        {
            Assert.Equal(400, (await client.ReadResponseAsync()).Status);
        }

        _ = await client.ExpectEndAsync();
        await using var other = await ChatClient.JoinAsync(server);
        _ = await other.SayAndReadAsync("the others chat");
    }

    [Fact]
    public async Task Silence_ends_with_the_handshakes_time()
    {
        await using var server = await ApplianceServer.StartAsync(
            "--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0,proxy", "--handshake-timeout", "1", "--log-level", "debug");
        await using var client = await RawClient.ConnectAsync(ProxyAddress(server));
        await client.SendAsync("PROXY TCP4 192"u8.ToArray());
        _ = await client.ExpectEndAsync();
        await server.WaitForLogAsync("no PROXY header within 1 seconds");
    }

    /// <summary>nginx and HAProxy reach a server on the same host through a unix socket; clients have their addresses all the same.</summary>
    [Fact]
    public async Task Unix_sockets_know_clients_by_header_or_by_trust()
    {
        var folder = Directory.CreateTempSubdirectory("appliance-proxy-");
        try
        {
            await using var server = await ApplianceServer.StartAsync(
                "--listen", "127.0.0.1:0", "--listen", $"unix:{folder}/proxy.sock,proxy", "--listen", $"unix:{folder}/plain.sock", "--trusted-proxy", "unix");
            var raw = await RawClient.ConnectAsync(new UnixDomainSocketEndPoint($"{folder}/proxy.sock"));
            await raw.SendAsync("PROXY TCP4 192.0.2.1 10.0.0.1 56324 443\r\n"u8.ToArray());
            await AssertIsAsync(raw, "192.0.2.1");
            raw = await RawClient.ConnectAsync(new UnixDomainSocketEndPoint($"{folder}/plain.sock"));
            await AssertIsAsync(raw, "192.0.2.2", "X-Forwarded-For: 192.0.2.2");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Theory]
    [InlineData("192.0.2.1", "X-Forwarded-For: 203.0.113.9, 192.0.2.1")]
    [InlineData("192.0.2.1", "X-Forwarded-For: 203.0.113.9, 192.0.2.1, 127.9.9.9")]
    [InlineData("2001:db8::7", "Forwarded: for=\"[2001:db8::7]:4711\";proto=https")]
    [InlineData("192.0.2.1", "X-Real-IP: 192.0.2.1")]
    [InlineData("127.0.0.1", "X-Forwarded-For: unknown")]
    [InlineData("127.0.0.1")]
    public async Task Headers_of_a_trusted_proxy_count(string address, params string[] headers)
    {
        await using var server = await ApplianceServer.StartAsync("--trusted-proxy", "127.0.0.0/8");
        await AssertIsAsync(await RawClient.ConnectAsync(server), address, headers);
    }

    [Theory]
    [InlineData("X-Forwarded-For: me")]
    [InlineData("X-Forwarded-For: 192.0.2.1", "X-Real-IP: 192.0.2.2")]
    [InlineData("Forwarded: for=192.0.2.1", "X-Forwarded-For: 192.0.2.2")]
    public async Task Contradictions_are_refused(params string[] headers)
    {
        await using var server = await ApplianceServer.StartAsync("--trusted-proxy", "127.0.0.0/8");
        await using var client = await RawClient.ConnectAsync(server);
        await client.SendAsync(RawClient.UpgradeRequest("/", headers));
        var response = await client.ReadResponseAsync();
        Assert.Equal(400, response.Status);
        Assert.Contains("X-Forwarded-For", response.Text, StringComparison.Ordinal);
    }

    /// <summary>Nobody is trusted by default, nor a peer of another network; a reload changes that.</summary>
    [Fact]
    public async Task Headers_of_anybody_else_count_for_nothing()
    {
        await using var server = new ApplianceDaemon();
        var file = Path.Combine(server.Folder, "a.conf");
        await File.WriteAllTextAsync(file, "trusted-proxy = 10.0.0.0/8\n");
        await server.StartWorkersAsync(2, "--config", file);
        await AssertIsAsync(await RawClient.ConnectAsync(server.Address), "127.0.0.1", "X-Forwarded-For: 192.0.2.1", "X-Real-IP: 192.0.2.2");
        await File.WriteAllTextAsync(file, "trusted-proxy = 127.0.0.1\ntrusted-proxy = 10.0.0.0/8\n");
        await server.SucceedAsync("reload");
        await AssertIsAsync(await RawClient.ConnectAsync(server.Address), "192.0.2.1", "X-Forwarded-For: 192.0.2.1, 10.1.1.1");
    }

    /// <summary>A proxy keeps its connection open for requests of many clients.</summary>
    [Fact]
    public async Task Each_request_has_its_client()
    {
        await using var server = await ApplianceServer.StartAsync("--trusted-proxy", "127.0.0.1", "--log-level", "debug");
        await using var proxy = await RawClient.ConnectAsync(server);
        foreach (var header in (string[])["X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 192.0.2.2", "X-Other: 1"])
        {
            await proxy.SendAsync(RawClient.Request("GET / HTTP/1.1", "Host: a", header));
            Assert.Equal(200, (await proxy.ReadResponseAsync()).Status);
        }

        await proxy.SendAsync(RawClient.Request("GET /none HTTP/1.1", "Host: a"));
        Assert.Equal(404, (await proxy.ReadResponseAsync()).Status);
        await server.WaitForLogAsync("127.0.0.1 refused with status 404");
        await using var second = await RawClient.ConnectAsync(server);
        await second.SendAsync(RawClient.Request("GET / HTTP/1.1", "Host: a", "X-Forwarded-For: 192.0.2.1"));
        Assert.Equal(200, (await second.ReadResponseAsync()).Status);
        await second.SendAsync(RawClient.Request("GET /none HTTP/1.1", "Host: a", "X-Forwarded-For: 192.0.2.2"));
        Assert.Equal(404, (await second.ReadResponseAsync()).Status);
        await server.WaitForLogAsync("192.0.2.2 refused with status 404");
    }

    /// <summary>Operators see and end clients, and not the proxy; an upgrade keeps who they are.</summary>
    [Fact]
    public async Task Operators_know_clients()
    {
        await using var server = await ApplianceDaemon.StartAsync(2, "--trusted-proxy", "127.0.0.1");
        var raw = await RawClient.ConnectAsync(server.Address);
        _ = await raw.UpgradeAsync("/", "X-Forwarded-For: 192.0.2.1");
        await using var client = ChatClient.Over(raw);
        Assert.Contains("192.0.2.1", await server.SucceedAsync("clients"), StringComparison.Ordinal);
        await server.SucceedAsync("upgrade");
        Assert.Contains("192.0.2.1", await server.SucceedAsync("clients"), StringComparison.Ordinal);
        await server.SucceedAsync("kick", "192.0.2.1");
        Assert.Equal(1008, await raw.ReadCloseAsync());
    }

    /// <summary>A connection whose header has come in half goes to the next release, and the other half comes there.</summary>
    [Fact]
    public async Task Upgrade_keeps_half_a_header()
    {
        await using var server = await ApplianceDaemon.StartAsync(1, "--listen", "127.0.0.1:0,proxy");
        var line = await server.WaitForLogAsync("127.0.0.1:[0-9]+,proxy");
        await using var client = await RawClient.ConnectAsync(AddressIn(line));
        await client.SendAsync("PROXY TCP4 192.0."u8.ToArray());
        await client.WaitUntilReadAsync();
        await server.SucceedAsync("upgrade");
        await client.SendAsync("2.1 10.0.0.1 1 1\r\n"u8.ToArray());
        await AssertIsAsync(client, "192.0.2.1");
    }

    [Theory]
    [InlineData("--trusted-proxy", "10.0.0.1/8")]
    [InlineData("--trusted-proxy", "proxy.example.org")]
    [InlineData("--trusted-proxy", "10.0.0.0/33")]
    [InlineData("--listen", "127.0.0.1:9000,prox")]
    [InlineData("--metrics", "127.0.0.1:9001,proxy")]
    public async Task Bad_values_are_told(string option, string value)
    {
        var result = await CommandResult.RunAsync(PublishedBinary.FilePath, "--check", option, value);
        Assert.Equal(2, result.ExitCode);
        Assert.Contains(option, result.Error, StringComparison.Ordinal);
        Assert.Contains(value, result.Error, StringComparison.Ordinal);
    }

    private static async Task AssertIsAsync(RawClient raw, string address, params string[] headers)
    {
        _ = await raw.UpgradeAsync("/?history=0&room=" + Guid.NewGuid().ToString("N"), headers);
        await using var client = ChatClient.Over(raw);
        Assert.Equal($"{address} connected", (await client.ReadAsync()).Message);
    }

    private static IPEndPoint ProxyAddress(ApplianceServer server) => AddressIn(server.Log.First(line => line.Contains(",proxy", StringComparison.Ordinal)));

    private static IPEndPoint AddressIn(string line)
    {
        var end = line.IndexOf(",proxy", StringComparison.Ordinal);
        var port = line[(line.LastIndexOf(':', end) + 1)..end];
        return new IPEndPoint(IPAddress.Loopback, int.Parse(port, CultureInfo.InvariantCulture));
    }
}
