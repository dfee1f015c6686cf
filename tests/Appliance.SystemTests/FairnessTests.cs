using System.Globalization;
using System.Text.RegularExpressions;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>One client against all others: what it can take of rooms, history, places, memory and the log, and that the others keep theirs.</summary>
public sealed class FairnessTests
{
    private static readonly TimeSpan RegexLimit = TimeSpan.FromSeconds(1);

    [Fact]
    public async Task Lobby_has_a_place_however_many_rooms_are_named()
    {
        const int Rooms = 8;
        await using var server = await ApplianceServer.StartAsync("--announce", "off", "--max-rooms", $"{Rooms}");
        var crowd = new List<RawClient>();
        for (var i = 0; i < 2 * Rooms; i++)
        {
            crowd.Add(await RawClient.ConnectAsync(server));
            await crowd[^1].SendAsync(RawClient.UpgradeRequest($"/?room=mine{i}"));
            Assert.Equal(i < Rooms - 1 ? 101 : 403, (await crowd[^1].ReadResponseAsync()).Status);
        }

        var said = await server.RunCommandAsync("say", "to whom it may concern");
        Assert.True(said.ExitCode == 0, said.ToString());
        await using (var ann = await ChatClient.JoinAsync(server))
        {
            Assert.Equal("to whom it may concern", (await ann.ReadAsync()).Message);
        }

        // Empty, and the next who wants a room does not get this one.
        await AssertStatusAsync(server, "/?room=another", 403);
        await using var bob = await ChatClient.JoinAsync(server);
        Assert.Equal("to whom it may concern", (await bob.ReadAsync()).Message);
        foreach (var client in crowd)
        {
            await client.DisposeAsync();
        }
    }

    [Fact]
    public async Task One_room_is_the_lobby()
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "off", "--max-rooms", "1");
        await AssertStatusAsync(server, "/?room=another", 403);
        await using var ann = await ChatClient.JoinAsync(server);
        Assert.Equal("hello", (await ann.SayAndReadAsync("hello")).Message);
    }

    /// <summary>The smallest log, which some hundred announcements would fill: they stop, and their sum comes with the next message.</summary>
    [Fact]
    public async Task Joins_and_leaves_push_no_message_out()
    {
        const int AnnouncementsMax = 64 * 1024 / 4 / 95;
        await using var server = await ApplianceServer.StartAsync("--announce", "ip", "--room-size", "65536");
        await using var ann = await ChatClient.JoinAsync(server);
        var said = await ann.SayAndReadAsync("first of all");
        var (announced, joined, left, passers, goesOn) = (0, 0, 0, 0, false);
        var reading = Task.Run(() => ann.ReadUntilAsync(message =>
        {
            Count(message);
            return goesOn && joined >= passers + 1 && left >= passers + 1;
        }));
        for (var after = 0; after < 100; passers++)
        {
            await using var passer = await RawClient.OpenAsync(server, "/?history=0");
            await passer.SendAsync(ClientFrame.Close(1000));
            Assert.Equal(1000, await passer.ReadCloseAsync());
            await passer.ExpectEndAsync();
            after += Volatile.Read(ref announced) > AnnouncementsMax * 9 / 10 ? 1 : 0;
        }

        Assert.InRange(Volatile.Read(ref announced), 0, AnnouncementsMax);
        await using (var bob = await ChatClient.JoinAsync(server, "history=1"))
        {
            Assert.Equal(said.Id, (await bob.ReadAsync()).Id);
        }

        goesOn = true;
        await ann.SayAsync("go on");
        _ = await reading;

        void Count(ChatMessage message)
        {
            var told = Regex.Match(
                message.Message ?? "", "^((?<in>[0-9]+) connected)?(, )?((?<out>[0-9]+) disconnected)?$", RegexOptions.ExplicitCapture, RegexLimit);
            joined += message.Message == "127.0.0.1 connected" ? 1 : told.Groups["in"].Success ? Number(told.Groups["in"].Value) : 0;
            left += message.Message == "127.0.0.1 disconnected" ? 1 : told.Groups["out"].Success ? Number(told.Groups["out"].Value) : 0;
            Volatile.Write(ref announced, announced + (message.Type == "system" ? 1 : 0));
        }
    }

    /// <summary>What a line is written for can happen any number of times: ten lines a second, and the count of the others.</summary>
    [Theory]
    [InlineData(2004, "room made", 300)]
    [InlineData(3005, "no room", 300)]
    [InlineData(3006, "too fast", 100)]
    public async Task Lines_that_clients_cause_are_limited(int line, string what, int times)
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "off", "--max-rate", "1", "--max-rooms", what == "no room" ? "1" : "1000");
        for (var i = 0; i < times; i++)
        {
            await using var client = await RawClient.ConnectAsync(server);
            await client.SendAsync(RawClient.UpgradeRequest(what == "too fast" ? "/" : $"/?room=r{i}"));
            _ = await client.ReadResponseAsync();
            if (what == "too fast")
            {
                await client.SendAsync([.. Enumerable.Range(0, 10).Select(_ => ClientFrame.Text("{}"))]);
                Assert.Equal(1008, await client.ReadCloseAsync());
            }
        }

        await server.StopAsync();
        var lines = server.Log.Count(text => text.Contains($" {line} ", StringComparison.Ordinal));
        var more = server.Log.Sum(text =>
            Regex.Match(text, "(?<count>[0-9]+) more (rooms|clients)", RegexOptions.ExplicitCapture, RegexLimit) is { Success: true } match
                ? Number(match.Groups["count"].Value)
                : 0);
        var seconds = server.Log.Where(text => text.Contains($" {line} ", StringComparison.Ordinal)).GroupBy(text => text[..19]);
        Assert.All(seconds, second => Assert.InRange(second.Count(), 1, 20));
        Assert.Equal(times, lines + more);
    }

    [Fact]
    public async Task Silent_connections_make_place_first()
    {
        const int Most = 4;
        await using var server = await ApplianceServer.StartAsync("--announce", "off", "--max-connections", $"{Most}");
        var silent = new List<RawClient>();
        for (var i = 0; i < 3 * Most; i++)
        {
            silent.Add(await RawClient.ConnectAsync(server));
        }

        var chatting = new List<ChatClient>();
        for (var i = 0; i < Most; i++)
        {
            chatting.Add(await ChatClient.JoinAsync(server, "history=0"));
            await silent[i].ExpectEndAsync();
        }

        await AssertStatusAsync(server, "/", 503);
        foreach (var client in chatting)
        {
            await client.SayAsync("still here");
            foreach (var other in chatting)
            {
                Assert.Equal("still here", (await other.ReadAsync()).Message);
            }
        }

        foreach (var client in silent.Concat(chatting.Select(client => client.Raw)))
        {
            await client.DisposeAsync();
        }
    }

    /// <summary>Who was never there gets what a newcomer gets, and no more.</summary>
    [Theory]
    [InlineData(0, "")]
    [InlineData(3, "")]
    [InlineData(3, "&history=2")]
    [InlineData(3, "&history=1000")]
    public async Task Answer_to_an_id_that_was_never_seen_is_bounded(int history, string query)
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "off", "--max-rate", "0", "--history", $"{history}");
        await using var ann = await ChatClient.JoinAsync(server);
        for (var i = 0; i < 10; i++)
        {
            _ = await ann.SayAndReadAsync($"{i}");
        }

        foreach (var id in new[] { "0", "1", "9999999999999999" })
        {
            await using var client = await ChatClient.JoinAsync(server, $"after={id}{query}");
            Assert.Equal("gap", (await client.ReadAsync()).Type);
            var expected = query.Contains('2', StringComparison.Ordinal) ? 2 : history;
            for (var i = 10 - expected; i < 10; i++)
            {
                Assert.Equal($"{i}", (await client.ReadAsync()).Message);
            }

            await client.SendAsync("nothing");
            Assert.Equal("error", (await client.ReadAsync()).Type);
        }
    }

    /// <summary>A client that pings and reads nothing: neither the server nor the kernel's socket buffers for it grow.</summary>
    [Fact]
    public async Task Client_that_does_not_read_takes_little_memory()
    {
        const int Clients = 40;
        const int KernelBytesMax = 256 << 10;
        await using var server = await ApplianceServer.StartAsync("--announce", "off");
        var pings = ClientFrame.Encode(Enumerable.Repeat(ClientFrame.Ping(new string('p', 125)), (8 << 20) / 131));
        await using (var first = await RawClient.OpenAsync(server))
        {
            _ = await first.SendUntilBlockedAsync(pings);
        }

        var clients = new List<RawClient>();
        var before = server.ResidentBytes;
        for (var i = 0; i < Clients; i++)
        {
            clients.Add(await RawClient.OpenAsync(server, "/", receiveBuffer: 4096));
        }

        var sending = await Task.WhenAll(clients.Select(client => client.SendUntilBlockedAsync(pings)));
        Assert.DoesNotContain(sending, one => one.IsCompleted);
        foreach (var client in clients)
        {
            Assert.InRange(SocketDiagnostics.UnreadBytes(client.RemoteAddress, client.LocalAddress), 0, KernelBytesMax);
            Assert.InRange(SocketDiagnostics.UnsentBytes(client.RemoteAddress, client.LocalAddress), 0, KernelBytesMax);
        }

        Assert.InRange(server.ResidentBytes - before, 0, (Clients * 160 << 10) + (5 << 20));
        foreach (var client in clients)
        {
            await client.DisposeAsync();
        }
    }

    /// <summary>Rooms in use share the memory there is; a new one is refused, the lobby is not, and whoever leaves makes place.</summary>
    [Fact]
    public async Task Memory_of_all_rooms_has_a_limit()
    {
        const int Rooms = 8;
        const long Limit = 4 << 20;
        await using var server = await ApplianceServer.StartAsync(
            "--announce", "off", "--max-rate", "0", "--max-message", "5000", "--room-size", "1M", "--max-memory", "4M");
        var pairs = new List<ChatPair>();
        var text = new string('x', 5000);
        for (var i = 0; i < Rooms; i++)
        {
            pairs.Add(await ChatPair.JoinAsync(server));
        }

        foreach (var pair in pairs)
        {
            for (var j = 0; j < 220; j++)
            {
                await pair.Ann.SayAsync(text);
                var id = (await pair.Ann.ReadAsync()).IdNumber;
                Assert.Equal(id, (await pair.Bob.ReadAsync()).IdNumber);
            }

            var segment = Assert.Single(await SystemVObjects.OfDirectoryAsync(server.StateDirectory), one => one.Kind == "shm");
            Assert.InRange(segment.ResidentBytes, 0, Limit + (1 << 20));
        }

        await AssertStatusAsync(server, "/?room=one-more", 503);
        foreach (var pair in pairs)
        {
            await pair.AssertChatsAsync();
        }

        await using var lobby = await ChatClient.JoinAsync(server);
        Assert.Equal("hello", (await lobby.SayAndReadAsync("hello")).Message);
        await pairs[0].DisposeAsync();
        var deadline = DateTime.UtcNow + TimeLimit.Event;
        while (await StatusOfAsync(server, "/?room=one-more") == 503 && DateTime.UtcNow < deadline)
        {
            await Task.Delay(10);
        }

        await AssertStatusAsync(server, "/?room=one-more", 101);
        foreach (var pair in pairs.Skip(1))
        {
            await pair.AssertChatsAsync();
            await pair.DisposeAsync();
        }
    }

    private static async Task AssertStatusAsync(ApplianceServer server, string target, int status) => Assert.Equal(status, await StatusOfAsync(server, target));

    private static async Task<int> StatusOfAsync(ApplianceServer server, string target)
    {
        await using var client = await RawClient.ConnectAsync(server);
        await client.SendAsync(RawClient.UpgradeRequest(target));
        return (await client.ReadResponseAsync()).Status;
    }

    private static int Number(string text) => int.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);
}
