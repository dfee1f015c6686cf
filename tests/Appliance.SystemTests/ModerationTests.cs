using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>Bans, mutes and the states of rooms, as clients of a single process and of two workers see them.</summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class ModerationTests
{
    public static TheoryData<int> Modes => [0, 2];

    /// <summary>Everybody here has the address 127.0.0.1, unless a proxy that is trusted says otherwise.</summary>
    private static string[] Proxied => ["--announce", "off", "--trusted-proxy", "127.0.0.1"];

    [Theory]
    [InlineData("192.0.2.7", "192.0.2.7", "192.0.2.8")]
    [InlineData("192.0.2.0/29", "192.0.2.7", "192.0.2.8")]
    [InlineData("::ffff:192.0.2.0/125", "192.0.2.7", "192.0.2.8")]
    [InlineData("::/0", "2001:db8::7", "192.0.2.8")]
    [InlineData("0.0.0.0/0", "192.0.2.7", "2001:db8::8")]
    [InlineData("2001:db8::/64", "2001:db8::7", "2001:db8:0:1::7")]
    [InlineData("2001:DB8:0::7", "2001:db8::7", "2001:db8::8")]
    public async Task Banned_addresses_are_closed_and_stay_out(string banned, string inside, string outside)
    {
        foreach (var workers in (int[])[0, 2])
        {
            await using var server = await ApplianceDaemon.StartInModeAsync(workers, Proxied);
            await using var ann = await JoinAsAsync(server, inside);
            await using var bob = await JoinAsAsync(server, outside);
            Assert.Equal("1 client removed\n", await server.SucceedAsync("ban", banned, "--reason", "spam, again"));
            Assert.Equal((1008, "banned by an operator: spam, again"), await ReadCloseAsync(ann));
            for (var i = 0; i < 8; i++)
            {
                Assert.Contains("banned by an operator: spam, again", await RefusedAsync(server, inside), StringComparison.Ordinal);
            }

            await SayAsync(bob, "still here");
            await using var other = await JoinAsAsync(server, outside);
            _ = await other.ReadMessageAsync("still here");
            _ = await server.SucceedAsync("unban", banned);
            await using var again = await JoinAsAsync(server, inside);
            _ = await again.ReadMessageAsync("still here");
            Assert.Equal("", (await server.SucceedAsync("bans")).Trim());
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task Rules_outlive_workers_restarts_and_the_memory_of_the_host(int workers)
    {
        await using var server = await ApplianceDaemon.StartInModeAsync(workers, Proxied);
        await Task.WhenAll(Enumerable.Range(0, 3).Select(i => server.SucceedAsync("ban", $"192.0.2.{i}", "--for", "1h")));
        _ = await server.SucceedAsync("room", "news", "--read-only", "--slow", "7");
        _ = await server.SucceedAsync("mute", "name:Ann B.", "--reason", "loud");
        var before = await server.SucceedAsync("bans", "--json");
        Assert.Equal(5, JsonNode.Parse(before)!.AsArray().Count);
        if (workers > 0)
        {
            var former = server.Workers();
            foreach (var (slot, worker) in former)
            {
                await ApplianceDaemon.SignalAsync(worker, "KILL");
                await server.WaitUntilAsync("another worker", () => server.Workers().TryGetValue(slot, out var next) && next.Pid != worker.Pid);
            }

            Assert.Contains("banned", await RefusedAsync(server, "192.0.2.1"), StringComparison.Ordinal);
            _ = await server.SucceedAsync("upgrade");
            Assert.Contains("banned", await RefusedAsync(server, "192.0.2.1"), StringComparison.Ordinal);
            Assert.Equal(before, await server.SucceedAsync("bans", "--json"));
            _ = await server.SucceedAsync("stop", "--purge");
            await server.StartWorkersAsync(workers, Proxied);
            Assert.Contains("banned", await RefusedAsync(server, "192.0.2.1"), StringComparison.Ordinal);
            Assert.Equal(before, await server.SucceedAsync("bans", "--json"));
        }

        Assert.Equal("slow=7 read-only\n", await server.SucceedAsync("room", "news"));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task Who_is_muted_reads_and_does_not_write(int workers)
    {
        await using var server = await ApplianceDaemon.StartInModeAsync(workers, Proxied);
        await using var ann = await JoinAsAsync(server, "192.0.2.1");
        await using var bob = await JoinAsAsync(server, "192.0.2.2");
        _ = await server.SucceedAsync("mute", "192.0.2.1", "--reason", "loud");
        await SayAsync(ann, "hello");
        Assert.Equal(("muted", "muted by an operator: loud"), await ReadErrorAsync(ann));
        await SayAsync(bob, "hi");
        Assert.Equal("hi", (await bob.ReadAsync()).Message);
        Assert.Equal("hi", (await ann.ReadAsync()).Message);
        _ = await server.SucceedAsync("unmute", "192.0.2.1");
        _ = await server.SucceedAsync("mute", "name:BOB");
        await SayAsync(bob, "not this", "Bob");
        Assert.Equal(("muted", "muted by an operator"), await ReadErrorAsync(bob));
        await SayAsync(ann, "again");
        Assert.Equal("again", (await bob.ReadAsync()).Message);
        _ = await server.SucceedAsync("ban", "name:bob", "--reason", "no bobs");
        await SayAsync(bob, "nor this", "Bob");
        Assert.Equal("muted", (await ReadErrorAsync(bob)).Code);
        Assert.Equal((1008, "banned by an operator: no bobs"), await ReadCloseAsync(bob));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task Room_may_be_slow_read_only_locked_or_closed(int workers)
    {
        await using var server = await ApplianceDaemon.StartInModeAsync(workers, Proxied);
        await using var ann = await server.JoinAsync("room=a");
        await using var bob = await server.JoinAsync("room=a");
        await using var other = await server.JoinAsync("room=b");
        _ = await server.SucceedAsync("room", "a", "--slow", "3600");
        await SayAsync(ann, "first");
        Assert.Equal("first", (await ann.ReadAsync()).Message);
        await SayAsync(ann, "second");
        Assert.Equal("slow_mode", (await ReadErrorAsync(ann)).Code);
        await SayAsync(bob, "first of bob");
        Assert.Equal("first of bob", (await ann.ReadAsync()).Message);
        _ = await server.SucceedAsync("room", "a", "--read-only", "--lock");
        await SayAsync(ann, "third");
        Assert.Equal("read_only", (await ReadErrorAsync(ann)).Code);
        Assert.Contains("room 'a': an operator has locked it", await RefusedAsync(server, "192.0.2.9", "room=a"), StringComparison.Ordinal);
        _ = await server.SucceedAsync("say", "from the operator", "--room", "a");
        Assert.Equal("from the operator", (await ann.ReadAsync()).Message);
        Assert.Equal("2 clients removed\n", await server.SucceedAsync("room", "a", "--close"));
        Assert.Equal((1008, "an operator has closed this room"), await ReadCloseAsync(ann));
        Assert.Contains("room 'a': an operator has closed it", await RefusedAsync(server, "192.0.2.9", "room=a"), StringComparison.Ordinal);
        await SayAsync(other, "b is open");
        Assert.Equal("b is open", (await other.ReadAsync()).Message);
        _ = await server.SucceedAsync("room", "a", "--open");
        Assert.Equal("open\n", await server.SucceedAsync("room", "a"));
        await using var back = await server.JoinAsync("room=a");
        await SayAsync(back, "open again");
        _ = await back.ReadMessageAsync("open again");
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task Member_of_a_locked_room_comes_back_and_a_newcomer_does_not_come_in(int workers)
    {
        await using var server = await ApplianceDaemon.StartInModeAsync(workers, Proxied);
        string id;
        await using (var ann = await server.JoinAsync("room=a"))
        {
            id = (await ann.SayAndReadAsync("first")).Id!;
            _ = await server.SucceedAsync("room", "a", "--lock");
        }

        foreach (var query in (string[])["room=a", "room=a&after=", "room=a&after=1", $"room=a&after={long.Parse(id, CultureInfo.InvariantCulture) + 1}"])
        {
            Assert.Contains("locked", await RefusedAsync(server, "192.0.2.9", query), StringComparison.Ordinal);
        }

        await using var back = await server.JoinAsync($"room=a&after={id}");
        _ = await back.SayAndReadAsync("back");
        _ = await server.SucceedAsync("room", "a", "--close");
        Assert.Contains("closed", await RefusedAsync(server, "192.0.2.9", $"room=a&after={id}"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Slow_room_remembers_who_wrote_when_connections_move()
    {
        await using var server = await ApplianceDaemon.StartAsync(2, Proxied);
        List<ChatClient> clients = [];
        _ = await server.SucceedAsync("room", "lobby", "--slow", "3600");
        for (var i = 0; i < 4; i++)
        {
            clients.Add(await server.JoinAsync());
            _ = await clients[i].SayAndReadAsync($"first {i}");
        }

        _ = await server.SucceedAsync("upgrade");
        foreach (var client in clients)
        {
            await SayAsync(client, "second");
            Assert.Equal("slow_mode", (await client.ReadTypeAsync("error")).Code);
        }

        await using var other = await server.JoinAsync();
        _ = await other.SayAndReadAsync("another connection");
        foreach (var client in clients)
        {
            await client.DisposeAsync();
        }
    }

    private static async Task<ChatClient> JoinAsAsync(ApplianceDaemon server, string address)
    {
        var raw = await RawClient.ConnectAsync(server.Address);
        _ = await raw.UpgradeAsync("/", $"X-Forwarded-For: {address}");
        return ChatClient.Over(raw);
    }

    /// <summary>The text of the refusal that a handshake meets.</summary>
    private static async Task<string> RefusedAsync(ApplianceDaemon server, string address, string query = "")
    {
        await using var raw = await RawClient.ConnectAsync(server.Address);
        await raw.SendAsync(RawClient.UpgradeRequest("/?" + query, $"X-Forwarded-For: {address}"));
        var response = await raw.ReadResponseAsync();
        Assert.Equal(403, response.Status);
        return response.Text;
    }

    private static Task SayAsync(ChatClient client, string text, string name = "ann") => client.SayAsync(text, name);

    private static async Task<(string? Code, string? Text)> ReadErrorAsync(ChatClient client)
    {
        var error = await client.ReadAsync();
        Assert.Equal("error", error.Type);
        return (error.Code, error.Message);
    }

    private static async Task<(int? Code, string Reason)> ReadCloseAsync(ChatClient client)
    {
        ServerFrame frame;
        do
        {
            frame = await client.Raw.ReadFrameAsync();
        }
        while (frame.Opcode != Opcode.Close);
        return (frame.CloseCode, Encoding.UTF8.GetString(frame.Payload.AsSpan(2)));
    }
}
