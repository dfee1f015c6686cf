using System.Net;
using System.Net.Sockets;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>What one address may use, over all workers; each limit is tried from addresses of this host, which are exempt otherwise.</summary>
public sealed class AddressLimitTests
{
    private const int Most = 6;

    /// <summary>Whatever becomes of the workers, each connection counts once, and those that are gone do not.</summary>
    [Fact]
    public async Task Connections_of_one_address_are_counted_over_all_workers()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(
            2, "--announce", "off", "--exempt", "none", "--max-connections-per-address", $"{Most}");
        var clients = await FillAsync(daemon, "127.0.0.2");
        await AssertRefusedAsync(daemon, "127.0.0.2", "--max-connections-per-address");
        await (await OpenAsync(daemon, "127.0.0.3")).DisposeAsync();

        _ = await daemon.SucceedAsync("upgrade");
        await AssertRefusedAsync(daemon, "127.0.0.2", "--max-connections-per-address");
        await clients[0].DisposeAsync();
        clients[0] = await OpenWhenFreeAsync(daemon, "127.0.0.2");

        // Those of a worker that is killed are free at once; the others count on.
        var victim = await daemon.AnyWorkerAsync(new Random(1));
        var sockets = victim.Descriptors.Values.ToHashSet();
        var left = clients.Count(client => !sockets.Contains($"socket:[{SocketDiagnostics.Inode(client.RemoteAddress, client.LocalAddress)}]"));
        await ApplianceDaemon.SignalAsync(victim, "KILL");
        await daemon.WaitForEndAsync(victim);
        _ = await daemon.WaitForLogAsync("died: signal 9");
        for (; left < Most; left++)
        {
            clients.Add(await OpenWhenFreeAsync(daemon, "127.0.0.2"));
        }

        await AssertRefusedAsync(daemon, "127.0.0.2", "--max-connections-per-address");
        _ = await daemon.WaitForLogAsync($"WRN 3011 worker [0-9]+: 127.0.0.2 was refused: .* all {Most} connections .*--max-connections-per-address");
        foreach (var client in clients)
        {
            await client.DisposeAsync();
        }
    }

    [Fact]
    public async Task Reload_changes_the_limit_and_who_is_exempt()
    {
        await using var daemon = new ApplianceDaemon();
        var file = Path.Combine(daemon.Folder, "appliance.conf");
        await File.WriteAllTextAsync(file, "exempt = none\nmax-connections-per-address = 1\n");
        var started = await daemon.LaunchAsync("--config", file, "--proc=1", "--announce", "off");
        Assert.True(started.ExitCode == 0, $"{started}");
        await using var ann = await OpenAsync(daemon, "127.0.0.2");
        await AssertRefusedAsync(daemon, "127.0.0.2", "--max-connections-per-address");
        await File.WriteAllTextAsync(file, "exempt = none\nmax-connections-per-address = 2\n");
        _ = await daemon.SucceedAsync("reload");
        await using var bob = await OpenAsync(daemon, "127.0.0.2");
        await AssertRefusedAsync(daemon, "127.0.0.2", "--max-connections-per-address");
        await File.WriteAllTextAsync(file, "exempt = 127.0.0.2\nmax-connections-per-address = 2\n");
        _ = await daemon.SucceedAsync("reload");
        await using var cid = await OpenAsync(daemon, "127.0.0.2");

        // Who came while exempt counts as soon as that ends: three are in.
        await File.WriteAllTextAsync(file, "exempt = none\nmax-connections-per-address = 3\n");
        _ = await daemon.SucceedAsync("reload");
        await AssertRefusedAsync(daemon, "127.0.0.2", "--max-connections-per-address");
        await cid.DisposeAsync();
        await using var dan = await OpenWhenFreeAsync(daemon, "127.0.0.2");
    }

    /// <summary>Whoever asks and does not read costs memory: of one address only so many may, each of them at whatever worker.</summary>
    [Theory]
    [InlineData("chat")]
    [InlineData("http")]
    public async Task Answers_that_are_not_read_have_a_limit(string what)
    {
        await using var daemon = await ApplianceDaemon.StartAsync(2, "--announce", "off", "--exempt", "none", "--max-unread-per-address", "2");
        await using var reader = ChatClient.Over(await OpenAsync(daemon, "127.0.0.2"));
        List<RawClient> clients = [];
        for (var i = 0; i < 3; i++)
        {
            clients.Add(await RawClient.ConnectAsync(daemon.Address, receiveBuffer: 4096, IPAddress.Parse("127.0.0.2")));
            if (what == "chat")
            {
                Assert.Equal(101, (await AskAsync(clients[i], "history=0")).Status);
            }
        }

        var ask = what == "chat"
            ? ClientFrame.Encode(ClientFrame.Ping(new string('p', 125)))
            : System.Text.Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");

        // More requests at once would be cut off.
        byte[] asks = [.. Enumerable.Repeat(ask, 8).SelectMany(bytes => bytes)];
        var flooding = clients.ConvertAll(client => FloodAsync(client, asks));
        _ = await daemon.WaitForLogAsync("WRN 3011 worker [0-9]+: 127.0.0.2 was refused: .* all 2 connections that do not read .*--max-unread-per-address");
        Assert.True(await await Task.WhenAny(flooding), daemon.Tail());
        _ = await reader.SayAndReadAsync("still here");
        await using var other = ChatClient.Over(await OpenAsync(daemon, "127.0.0.3"));
        _ = await other.SayAndReadAsync("so am I");
        foreach (var client in clients)
        {
            await client.DisposeAsync();
        }

        _ = await Task.WhenAll(flooding);
    }

    /// <summary>Asks until the connection is reset: true; false when we end it.</summary>
    private static async Task<bool> FloodAsync(RawClient client, byte[] asks)
    {
        try
        {
            while (true)
            {
                await client.SendAsync(asks);
                await client.WaitUntilReadAsync();
            }
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            return true;
        }
        catch (Exception e) when (e is ObjectDisposedException or OperationCanceledException)
        {
            return false;
        }
    }

    [Fact]
    public async Task Messages_to_echo_have_the_same_rate()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(1, "--echo", "--exempt", "none", "--max-rate-per-address", "5");
        await using var client = await ConnectAsync(daemon, "127.0.0.2");
        await client.SendAsync(RawClient.UpgradeRequest("/echo", []));
        Assert.Equal(101, (await client.ReadResponseAsync()).Status);
        for (var i = 0; i < 12; i++)
        {
            await client.SendAsync(ClientFrame.Text("x"));
        }

        Assert.Equal(1008, await client.ReadCloseAsync());
    }

    /// <summary>A proxy stands for all its clients; each has its own address.</summary>
    [Fact]
    public async Task Client_behind_a_trusted_proxy_counts_by_its_own_address()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(
            1, "--announce", "off", "--trusted-proxy", "127.0.0.0/8", "--max-connections-per-address", "1");
        await using var ann = await OpenAsync(daemon, "127.0.0.1", "X-Forwarded-For: 192.0.2.1");
        await using var bob = await OpenAsync(daemon, "127.0.0.1", "X-Forwarded-For: 192.0.2.2");
        await AssertRefusedAsync(daemon, "127.0.0.1", "--max-connections-per-address", "X-Forwarded-For: 192.0.2.1");

        // Of IPv6 a /64 is one client, and a /48 has eight times as much.
        List<RawClient> subnets = [];
        for (var subnet = 0; subnet < 8; subnet++)
        {
            subnets.Add(await OpenAsync(daemon, "127.0.0.1", $"X-Forwarded-For: 2001:db8:1:{subnet}::1"));
            await AssertRefusedAsync(daemon, "127.0.0.1", "--max-connections-per-address", $"X-Forwarded-For: 2001:db8:1:{subnet}::2");
        }

        await AssertRefusedAsync(daemon, "127.0.0.1", "--max-connections-per-address", "X-Forwarded-For: 2001:db8:1:9::1");
        await using var other = await OpenAsync(daemon, "127.0.0.1", "X-Forwarded-For: 2001:db8:2::1");
        foreach (var client in subnets)
        {
            await client.DisposeAsync();
        }
    }

    [Fact]
    public async Task Handshakes_have_a_rate()
    {
        // Twenty at once, then one a second.
        await using var daemon = await ApplianceDaemon.StartAsync(2, "--announce", "off", "--exempt", "none", "--max-handshakes-per-address", "1");
        var refused = 0;
        for (var i = 0; i < 40; i++)
        {
            await using var client = await ConnectAsync(daemon, "127.0.0.2");
            refused += (await AskAsync(client, "history=0")).Status == 429 ? 1 : 0;
        }

        Assert.InRange(refused, 1, 20);
        await using var other = await OpenAsync(daemon, "127.0.0.3");
    }

    /// <summary>One address cannot take all rooms; the lobby and rooms that are there are open to it.</summary>
    [Fact]
    public async Task Rooms_are_made_at_a_rate()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(2, "--announce", "off", "--exempt", "none", "--max-rooms-per-address", "3");
        for (var i = 0; i < 3; i++)
        {
            await (await OpenAsync(daemon, "127.0.0.2", query: $"room=r{i}")).DisposeAsync();
        }

        await AssertRefusedAsync(daemon, "127.0.0.2", "--max-rooms-per-address", query: "room=r4");
        await (await OpenAsync(daemon, "127.0.0.2", query: "room=r1")).DisposeAsync();
        await (await OpenAsync(daemon, "127.0.0.2")).DisposeAsync();
        await (await OpenAsync(daemon, "127.0.0.3", query: "room=r4")).DisposeAsync();
    }

    /// <summary>What is refused is answered, and the others' messages are not.</summary>
    [Fact]
    public async Task Messages_and_bytes_have_a_rate()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(
            2, "--announce", "off", "--exempt", "none", "--max-rate", "0", "--max-rate-per-address", "5", "--max-bytes-per-address", "10000");
        await using var ann = ChatClient.Over(await OpenAsync(daemon, "127.0.0.2"));
        await using var bob = ChatClient.Over(await OpenAsync(daemon, "127.0.0.3"));
        for (var i = 0; i < 30; i++)
        {
            await ann.SayAsync($"{i}");
        }

        var read = await ann.ReadUntilAsync(message => message.Type == "error");
        Assert.Equal("too_fast", read[^1].Code);
        _ = await bob.SayAndReadAsync("still here", "bob");
        var metric = await daemon.SucceedAsync("status", "--json");
        Assert.Contains("too_fast", metric, StringComparison.Ordinal);
    }

    private static async Task<List<RawClient>> FillAsync(ApplianceDaemon daemon, string address)
    {
        List<RawClient> clients = [];
        for (var i = 0; i < Most; i++)
        {
            clients.Add(await OpenAsync(daemon, address));
        }

        return clients;
    }

    private static Task<RawClient> ConnectAsync(ApplianceDaemon daemon, string address) =>
        RawClient.ConnectAsync(daemon.Address, from: IPAddress.Parse(address));

    private static async Task<RawClient> OpenAsync(ApplianceDaemon daemon, string address, string? header = null, string query = "history=0")
    {
        var client = await ConnectAsync(daemon, address);
        var answer = await AskAsync(client, query, header);
        Assert.True(answer.Status == 101, $"{answer} {daemon.Tail()}");
        return client;
    }

    private static async Task<HttpResponse> AskAsync(RawClient client, string query, string? header = null)
    {
        await client.SendAsync(RawClient.UpgradeRequest($"/?{query}", header is null ? [] : [header]));
        return await client.ReadResponseAsync();
    }

    /// <summary>A connection that has ended counts until its worker has noticed.</summary>
    private static async Task<RawClient> OpenWhenFreeAsync(ApplianceDaemon daemon, string address) => await TimeLimit.GuardAsync("a free place", async limit =>
    {
        while (true)
        {
            limit.ThrowIfCancellationRequested();
            RawClient? client = null;
            try
            {
                client = await ConnectAsync(daemon, address);
                if ((await AskAsync(client, "history=0")).Status == 101)
                {
                    return client;
                }
            }
            catch (Exception e) when (e is SocketException or EndOfStreamException)
            {
                // Its worker was killed.
            }

            await (client?.DisposeAsync() ?? ValueTask.CompletedTask);
            await Task.Delay(10, limit);
        }
    });

    private static async Task AssertRefusedAsync(ApplianceDaemon daemon, string address, string option, string? header = null, string query = "history=0")
    {
        await using var client = await ConnectAsync(daemon, address);
        var answer = await AskAsync(client, query, header);
        Assert.Equal(429, answer.Status);
        Assert.Contains(option, answer.Text, StringComparison.Ordinal);
    }
}
