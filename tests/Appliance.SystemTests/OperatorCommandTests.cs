using System.Diagnostics;
using System.Text.Json.Nodes;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary><c>say</c>, <c>rooms</c>, <c>clients</c>, <c>kick</c>, <c>history</c>: of a single process and of a master with workers.</summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class OperatorCommandTests
{
    public static TheoryData<int> Modes => [0, 2];

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task Say_reaches_the_room(int workers)
    {
        await using var server = await StartAsync(workers);
        await using var lobby = await server.JoinAsync();
        await using var shop = await server.JoinAsync("room=shop");
        Assert.Equal("", await server.SucceedAsync("say", "Back", "in", "5"));
        var message = await lobby.ReadAsync();
        Assert.Equal(("usermsg", "server", "Back in 5", "#000000"), (message.Type, message.Name, message.Message, message.Color));
        await server.SucceedAsync("say", "\"quoted\" \\ 🙂 @all", "--room", "shop", "--name", "ops", "--color", "#F00");
        message = await shop.ReadAsync();
        Assert.Equal(("ops", "\"quoted\" \\ 🙂 @all", "#F00"), (message.Name, message.Message, message.Color));
    }

    [Theory]
    [InlineData("--max-message 100", "say", " ")]
    [InlineData("--max-name 15", "say", "hello", "--name", "a name of 16 ch.")]
    [InlineData("-_.", "say", "hello", "--room", "no/room")]
    [InlineData("'10.0.0.1'", "kick", "10.0.0.1")]
    [InlineData("'0-99999'", "kick", "0-99999")]
    [InlineData("'nobody'", "kick", "nobody")]
    [InlineData("no room 'none'", "history", "--room", "none")]
    public async Task Refusals_are_told(string named, params string[] command)
    {
        await using var server = await StartAsync(2);
        var result = await server.RunCommandAsync(command);
        Assert.Equal((1, ""), (result.ExitCode, result.Output));
        Assert.StartsWith($"appliance: {command[0]}: ", result.Error, StringComparison.Ordinal);
        Assert.True(result.Error.Contains(named, StringComparison.Ordinal) || result.Error.Contains("not blank", StringComparison.Ordinal), result.Error);
    }

    [Theory]
    [InlineData("say", "hello")]
    [InlineData("rooms")]
    [InlineData("clients")]
    [InlineData("kick", "127.0.0.1")]
    [InlineData("history")]
    public async Task Without_a_server_the_reason_is_told(params string[] command)
    {
        await using var server = new ApplianceDaemon();
        var result = await server.RunCommandAsync(command);
        var why =
            $"no server runs from --run-dir {server.RunDirectory}: start one, or give --run-dir and --state-dir, or --config, as the server was given them";
        Assert.Equal((1, "", $"appliance: {command[0]}: {why}\n"), (result.ExitCode, result.Output, result.Error));
    }

    [Theory]
    [InlineData("say", "hello")]
    [InlineData("rooms")]
    [InlineData("queue", "stat")]
    [InlineData("queue", "send", "hello")]
    [InlineData("queue", "receive", "--type", "9")]
    public async Task Who_may_not_is_told_whose_the_queue_is(params string[] command)
    {
        await using var server = await ApplianceDaemon.StartAsync(1);
        string[] places = command[0] == "queue" ? ["--path", server.StateDirectory] : ["--run-dir", server.RunDirectory, "--state-dir", server.StateDirectory];
        var readable = await CommandResult.RunAsync("chmod", "-R", "a+rX", server.Folder);
        Assert.True(readable.ExitCode == 0, readable.Error);
        var refused = await CommandResult.RunAsync(
            "setpriv", ["--reuid=nobody", "--regid=nogroup", "--clear-groups", PublishedBinary.FilePath, .. command, .. places]);
        Assert.Equal((1, ""), (refused.ExitCode, refused.Output));
        Assert.Contains("root owns it, with mode 0660", refused.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("say")]
    [InlineData("kick")]
    [InlineData("history", "-n", "-1")]
    [InlineData("history", "-n", "many")]
    [InlineData("history", "-n", "99999999999")]
    [InlineData("rooms", "lobby")]
    public async Task Wrong_use_is_told(params string[] command)
    {
        await using var server = new ApplianceDaemon();
        var result = await server.RunCommandAsync(command);
        Assert.Equal((2, ""), (result.ExitCode, result.Output));
        Assert.DoesNotContain("System.", result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task Hundreds_of_clients_are_listed_and_one_is_removed(int workers)
    {
        await using var server = await StartAsync(workers);
        var clients = await Task.WhenAll(Enumerable.Range(0, 300).Select(number => server.JoinAsync($"room=room-{number % 7}")));
        await server.SucceedAsync("say", "hello", "--room", "room-3");
        var list = JsonNode.Parse(await server.SucceedAsync("clients", "--json"))!.AsArray();
        Assert.Equal(300, list.Count);
        Assert.Equal(300, list.Select(client => (string)client!["id"]!).Distinct(StringComparer.Ordinal).Count());
        Assert.All(list, client => Assert.Equal(("127.0.0.1", 0), ((string)client!["address"]!, (int)client["lag"]!)));
        Assert.Equal(43, list.Count(client => (string)client!["room"]! == "room-3"));
        var rooms = JsonNode.Parse(await server.SucceedAsync("rooms", "--json"))!.AsArray();
        Assert.Equal((7, 300), (rooms.Count, rooms.Sum(room => (int)room!["clients"]!)));
        var table = (await server.SucceedAsync("clients")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(301, table.Length);
        Assert.StartsWith("id ", table[0], StringComparison.Ordinal);

        Assert.Equal("1 client removed\n", await server.SucceedAsync("kick", (string)list[0]!["id"]!));
        Assert.Equal("299 clients removed\n", await server.SucceedAsync("kick", "127.0.0.1"));
        foreach (var client in clients)
        {
            Assert.Equal(1008, await client.Raw.ReadCloseAsync());
            await client.DisposeAsync();
        }

    }

    [Fact]
    public async Task History_prints_what_was_said_in_order()
    {
        await using var server = await ApplianceDaemon.StartAsync(2, "--max-rate", "0");
        await using (var ann = await server.JoinAsync("room=a"))
        {
            for (var i = 0; i < 200; i++)
            {
                await ann.SayAsync($"message {i}", "ann");
                _ = i % 20 == 19 ? await ann.ReadMessageAsync($"message {i}") : null;
            }

            await ann.SayAsync("[31mred\u202e", "eve");
            _ = await ann.ReadMessageAsync("[31mred\u202e");
        }

        var lines = (await server.SucceedAsync("history", "--room", "a", "-n", "1000")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.EndsWith("  ann: message 0", lines[0], StringComparison.Ordinal);
        Assert.EndsWith("  ann: message 199", lines[199], StringComparison.Ordinal);
        Assert.EndsWith("  eve: [31mred\\xE2\\x80\\xAE", lines[200], StringComparison.Ordinal);
        Assert.Equal(201, lines.Length);
        var all = (await server.SucceedAsync("history", "--room", "a", "-n", "1000", "--announcements")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.EndsWith("  * 127.0.0.1 disconnected", all[^1], StringComparison.Ordinal);
        var json = (await server.SucceedAsync("history", "--room", "a", "-n", "2", "--json")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, json.Length);
        Assert.Equal("message 199", (string?)JsonNode.Parse(json[0])!["message"]);
        Assert.Equal("", await server.SucceedAsync("history", "--room", "a", "-n", "0"));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task History_follows_a_room_until_the_server_ends(int workers)
    {
        await using var server = await StartAsync(workers);
        await server.SucceedAsync("say", "before");
        using var follower = new Process
        {
            StartInfo = new ProcessStartInfo(
                PublishedBinary.FilePath, ["history", "-f", "-n", "1", "--run-dir", server.RunDirectory, "--state-dir", server.StateDirectory])
            {
                UseShellExecute = false,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            },
        };
        var lines = new ServerLog();
        follower.OutputDataReceived += (_, line) => lines.Add(line.Data);
        _ = follower.Start();
        follower.BeginOutputReadLine();
        _ = await lines.WaitForAsync("server: before$");
        for (var i = 0; i < 5; i++)
        {
            await server.SucceedAsync("say", $"message {i}");
            _ = await lines.WaitForAsync($"server: message {i}$");
        }

        await server.SucceedAsync("stop");
        await TimeLimit.GuardAsync("end of the follower", async limit =>
        {
            await follower.WaitForExitAsync(limit);
            return true;
        });
        Assert.Equal((1, 6), (follower.ExitCode, lines.Lines.Count));
        Assert.Contains("queue is gone", await follower.StandardError.ReadToEndAsync(), StringComparison.Ordinal);
    }

    private static Task<ApplianceDaemon> StartAsync(int workers) => ApplianceDaemon.StartInModeAsync(workers, "--announce", "off", "--max-rate", "0");
}
