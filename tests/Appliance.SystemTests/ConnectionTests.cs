using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>A client's life: announcements, keep-alive, listeners of all kinds, the server's stop.</summary>
public sealed class ConnectionTests
{
    private const int CrowdSize = 200;

    [Fact]
    public async Task Joins_and_leaves_are_announced_by_address()
    {
        await using var server = await ApplianceServer.StartAsync();
        await using var ann = await ChatClient.JoinAsync(server);
        var own = await ann.ReadAsync();
        Assert.Equal(["type", "message", "id", "time"], own.Json.Select(member => member.Key));
        Assert.Equal(("system", "127.0.0.1 connected"), (own.Type, own.Message));
        var previous = own.IdNumber;
        foreach (var orderly in new[] { true, false })
        {
            await using var bob = await ChatClient.JoinAsync(server, "history=0");
            var joined = await ann.ReadAsync();
            Assert.Equal(("system", "127.0.0.1 connected"), (joined.Type, joined.Message));
            if (orderly)
            {
                await bob.Raw.SendAsync(ClientFrame.Close(1000));
                Assert.Equal(1000, await bob.Raw.ReadCloseAsync());
            }
            else
            {
                bob.Raw.Reset();
            }

            var left = await ann.ReadAsync();
            Assert.Equal(("system", "127.0.0.1 disconnected"), (left.Type, left.Message));
            Assert.Equal((previous + 1, previous + 2), (joined.IdNumber, left.IdNumber));
            previous = left.IdNumber;
        }
    }

    [Fact]
    public async Task Count_is_announced_instead_of_addresses()
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "count");
        await using var ann = await ChatClient.JoinAsync(server);
        _ = await ann.ReadUntilAsync(message => Says(message, "1 online"));
        await using (var bob = await ChatClient.JoinAsync(server, "history=0"))
        {
            _ = await ann.ReadUntilAsync(message => Says(message, "2 online"));
        }

        _ = await ann.ReadUntilAsync(message => Says(message, "1 online"));

        static bool Says(ChatMessage message, string text)
        {
            Assert.Equal("system", message.Type);
            Assert.DoesNotContain("127.0.0.1", message.Message, StringComparison.Ordinal);
            return message.Message == text;
        }
    }

    /// <summary>200 join, then 200 leave: single announcements and sums together must account for each of them, in far fewer messages.</summary>
    [Fact]
    public async Task Many_joins_and_leaves_are_summed_up()
    {
        await using var server = await ApplianceServer.StartAsync();
        await using var ann = await ChatClient.JoinAsync(server);
        _ = await ann.ReadAsync();
        var crowd = await Task.WhenAll(Enumerable.Range(0, CrowdSize).Select(_ => ChatClient.JoinAsync(server, "history=0")));
        var joinMessages = await ReadChangesAsync("connected");
        foreach (var client in crowd)
        {
            client.Raw.Reset();
        }

        var leaveMessages = await ReadChangesAsync("disconnected");
        Assert.InRange(joinMessages + leaveMessages, 2, (2 * CrowdSize) - 1);

        async Task<int> ReadChangesAsync(string verb)
        {
            var (messages, changes) = (0, 0);
            while (changes < CrowdSize)
            {
                var message = await ann.ReadAsync();
                Assert.Equal("system", message.Type);
                var sum = Regex.Match(message.Message!, $@"\b(?<count>[0-9]+) {verb}$", RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1));
                changes += message.Message == $"127.0.0.1 {verb}" ? 1 : sum.Success ? int.Parse(sum.Groups["count"].Value, CultureInfo.InvariantCulture) : 0;
                messages++;
            }

            Assert.Equal(CrowdSize, changes);
            return messages;
        }
    }

    [Fact]
    public async Task Server_pings_and_a_client_that_answers_stays()
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "off", "--ping", "1", "--timeout", "4");
        await using var client = await RawClient.OpenAsync(server);
        for (var i = 0; i < 5; i++)
        {
            var ping = await client.ReadFrameAsync();
            Assert.Equal(Opcode.Ping, ping.Opcode);
            await client.SendAsync(new ClientFrame(Opcode.Pong, ping.Payload));
        }

        await client.SendAsync(ClientFrame.Text(ChatClient.Json("alive")));
        ServerFrame frame;
        do
        {
            frame = await client.ReadFrameAsync();
        }
        while (frame.Opcode == Opcode.Ping);
        Assert.Contains("\"alive\"", frame.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Client_that_falls_silent_is_closed_and_announced()
    {
        await using var server = await ApplianceServer.StartAsync("--ping", "1", "--timeout", "4");
        await using var ann = await ChatClient.JoinAsync(server);
        _ = await ann.ReadAsync();
        await using var silent = await RawClient.OpenAsync(server, "/?history=0");
        Assert.Equal("127.0.0.1 connected", (await ann.ReadAsync()).Message);
        Assert.Equal("127.0.0.1 disconnected", (await ann.ReadAsync()).Message);
        try
        {
            while (true)
            {
                var frame = await silent.ReadFrameAsync();
                Assert.Contains(frame.Opcode, new[] { Opcode.Text, Opcode.Ping, Opcode.Close });
            }
        }
        catch (EndOfStreamException)
        {
            // Ended by the server, as it must be.
        }
    }

    [Fact]
    public async Task Stop_closes_every_client_with_1001()
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "off");
        await using var ann = await RawClient.OpenAsync(server);
        await using var bob = await RawClient.OpenAsync(server, "/?room=other");
        await using var plain = await RawClient.ConnectAsync(server);
        var stopping = server.StopAsync();
        foreach (var client in new[] { ann, bob })
        {
            Assert.Equal(1001, await client.ReadCloseAsync());
            await client.SendAsync(ClientFrame.Close(1001));
            await client.ExpectEndAsync();
        }

        Assert.Equal(0, await stopping);
    }

    [Fact]
    public async Task Listeners_of_all_kinds_serve_one_room()
    {
        var folder = Directory.CreateTempSubdirectory("appliance-listen-");
        try
        {
            var path = Path.Combine(folder.FullName, "chat.sock");
            await using var server = await ApplianceServer.StartAsync(
                "--announce", "off", "--listen", "127.0.0.1:0", "--listen", "[::1]:0", "--listen", $"unix:{path}");
            var line = await server.WaitForLogAsync(@"http://\[::1\]:[0-9]+/");
            var port = int.Parse(
                Regex.Match(line, @"http://\[::1\]:(?<port>[0-9]+)/", RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1)).Groups["port"].Value,
                CultureInfo.InvariantCulture);
            EndPoint[] addresses = [server.Address, new IPEndPoint(IPAddress.IPv6Loopback, port), new UnixDomainSocketEndPoint(path)];
            var clients = new List<ChatClient>();
            foreach (var address in addresses)
            {
                var raw = await RawClient.ConnectAsync(address);
                await raw.UpgradeAsync("/");
                clients.Add(ChatClient.Over(raw));
            }

            foreach (var sender in clients)
            {
                await sender.SayAsync("to all");
                foreach (var client in clients)
                {
                    Assert.Equal("to all", (await client.ReadAsync()).Message);
                }
            }

            foreach (var client in clients)
            {
                await client.DisposeAsync();
            }

            Assert.Equal(0, await server.StopAsync());
            Assert.False(File.Exists(path), "The Unix socket is left behind.");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
