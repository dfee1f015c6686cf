using System.Globalization;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>What a newcomer or a returning client gets: history, resuming behind an id, gaps, survival of restarts.</summary>
public sealed class HistoryTests
{
    [Fact]
    public async Task Newcomer_gets_the_last_messages()
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "off", "--max-rate", "0", "--history", "5");
        var said = await SayAsync(server, "", 8);
        foreach (var (query, expected) in new[] { ("", 5), ("history=2", 2), ("history=0", 0), ("history=5", 5), ("history=1000", 5) })
        {
            await using var newcomer = await ChatClient.JoinAsync(server, query);
            for (var i = said.Count - expected; i < said.Count; i++)
            {
                Assert.Equal(said[i].ToString(), (await newcomer.ReadAsync()).ToString());
            }

            said.Add(await SayNextAsync(newcomer, $"joined with '{query}'"));
        }
    }

    [Fact]
    public async Task Announcements_do_not_count_as_history()
    {
        await using var server = await ApplianceServer.StartAsync("--history", "2");
        await using var ann = await ChatClient.JoinAsync(server);
        _ = await ann.SayAndReadAsync("one");
        _ = await ann.SayAndReadAsync("two");
        await using (var bob = await ChatClient.JoinAsync(server))
        {
            _ = await bob.SayAndReadAsync("three");
        }

        _ = await ann.ReadUntilAsync(message => message.Message == "127.0.0.1 disconnected");
        await using var carl = await ChatClient.JoinAsync(server);
        var seen = await carl.ReadUntilAsync(message => message.Type == "usermsg" && message.Message == "three");
        Assert.Equal(["two", "127.0.0.1 connected", "three"], seen.Select(message => message.Message));
        Assert.Equal("127.0.0.1 disconnected", (await carl.ReadAsync()).Message);
        Assert.Equal("127.0.0.1 connected", (await carl.ReadAsync()).Message);
    }

    [Fact]
    public async Task Resuming_gives_exactly_what_lies_behind_the_id()
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "off", "--max-rate", "0", "--history", "3");
        var said = await SayAsync(server, "", 20);
        for (var i = 0; i < said.Count; i++)
        {
            await using var returning = await ChatClient.JoinAsync(server, $"after={said[i].Id}");
            for (var j = i + 1; j < said.Count; j++)
            {
                Assert.Equal(said[j].ToString(), (await returning.ReadAsync()).ToString());
            }

            said.Add(await SayNextAsync(returning, "back"));
            if (said.Count > 30)
            {
                break;
            }
        }
    }

    [Theory]
    [InlineData("0000000000000000")]
    [InlineData("0000000000000001")]
    [InlineData("1")]
    [InlineData("9999999999999999")]
    public async Task Unknown_id_gives_a_gap_first(string id)
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "off", "--max-rate", "0");
        var said = await SayAsync(server, "", 3);
        await using var returning = await ChatClient.JoinAsync(server, $"after={id}");
        var gap = await returning.ReadAsync();
        Assert.True(gap is { Type: "gap", Time: null }, gap.ToString());
        Assert.Equal(said[0].IdNumber - 1, gap.IdNumber);
        Assert.NotEmpty(gap.Message!);
        foreach (var message in said)
        {
            Assert.Equal(message.ToString(), (await returning.ReadAsync()).ToString());
        }

        _ = await SayNextAsync(returning, "back");
    }

    [Fact]
    public async Task Id_that_the_room_has_forgotten_gives_a_gap_and_what_is_left()
    {
        await using var server = await ApplianceServer.StartAsync(
            "--announce", "off", "--max-rate", "0", "--room-size", "1048576", "--max-message", "5000");
        await using var ann = await ChatClient.JoinAsync(server);
        var first = await SayNextAsync(ann, "first");
        var last = first;
        var text = new string('x', 5000);
        for (var i = 0; i < 400; i++)
        {
            last = await SayNextAsync(ann, text);
        }

        await using var returning = await ChatClient.JoinAsync(server, $"after={first.Id}");
        var gap = await returning.ReadAsync();
        Assert.Equal("gap", gap.Type);
        var left = await returning.ReadUntilAsync(message => message.Id == last.Id);
        Assert.InRange(left.Count, 10, 399);
        Assert.Equal(Enumerable.Range(1, left.Count).Select(i => gap.IdNumber + i), left.Select(message => message.IdNumber));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task History_and_ids_survive_a_restart(bool killed)
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "off", "--max-rate", "0");
        var said = await SayAsync(server, "room=a", 10);
        var elsewhere = await SayAsync(server, "room=b", 1);
        for (var i = 0; i < 3; i++)
        {
            if (killed)
            {
                await server.KillAsync();
            }

            await server.RestartAsync();
            await using var resumed = await ChatClient.JoinAsync(server, $"room=a&after={said[4].Id}");
            foreach (var message in said.Skip(5))
            {
                Assert.Equal(message.ToString(), (await resumed.ReadAsync()).ToString());
            }

            await using var newcomer = await ChatClient.JoinAsync(server, "room=a");
            foreach (var message in said)
            {
                Assert.Equal(message.ToString(), (await newcomer.ReadAsync()).ToString());
            }

            var next = await SayNextAsync(newcomer, $"after restart {i}");
            Assert.True(next.IdNumber > said[^1].IdNumber, $"{next.Id} behind {said[^1].Id}");
            said.Add(next);
            await using var other = await ChatClient.JoinAsync(server, "room=b");
            Assert.Equal(elsewhere[0].ToString(), (await other.ReadAsync()).ToString());
        }
    }

    [Fact]
    public async Task Purge_forgets_everything_and_ids_still_do_not_repeat()
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "off", "--max-rate", "0");
        var said = await SayAsync(server, "", 3);
        Assert.Equal(0, await server.StopAsync());
        Assert.NotEmpty(await SystemVObjects.OfDirectoryAsync(server.StateDirectory));
        var purge = await server.RunCommandAsync("stop", "--purge");
        Assert.True(purge.ExitCode == 0, purge.Error);
        Assert.Empty(await SystemVObjects.OfDirectoryAsync(server.StateDirectory));

        await server.RestartAsync();
        await using var returning = await ChatClient.JoinAsync(server, $"after={said[^1].Id}");
        Assert.Equal("gap", (await returning.ReadAsync()).Type);
        Assert.True((await SayNextAsync(returning, "new")).IdNumber > said[^1].IdNumber);
    }

    private static async Task<List<ChatMessage>> SayAsync(ApplianceServer server, string query, int count)
    {
        var said = new List<ChatMessage>();
        await using var ann = await ChatClient.JoinAsync(server, query);
        for (var i = 0; i < count; i++)
        {
            said.Add(await SayNextAsync(ann, i.ToString(CultureInfo.InvariantCulture)));
        }

        return said;
    }

    /// <summary>Says something that must be the very next message to come.</summary>
    private static async Task<ChatMessage> SayNextAsync(ChatClient client, string text)
    {
        await client.SayAsync(text);
        var message = await client.ReadAsync();
        Assert.True(message.Message == text, $"Instead of '{text}' came {message}");
        return message;
    }
}
