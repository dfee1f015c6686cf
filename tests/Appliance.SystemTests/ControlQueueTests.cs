using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>The server's own queue, from PHP: pushes, commands, questions; of a single process and of a master with workers.</summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class ControlQueueTests
{
    public static TheoryData<int> Modes => [0, 2];

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task Push_from_PHP_reaches_every_browser_of_the_room(int workers)
    {
        await using var server = await StartAsync(workers);
        await using var lobby = await server.JoinAsync();
        await using var other = await server.JoinAsync("room=shop");
        await server.PushAsync("'say Back in five minutes'", serialize: true);
        var message = await lobby.ReadMessageAsync("Back in five minutes");
        Assert.Equal(("usermsg", "server", "#000000"), (message.Type, message.Name, message.Color));
        await server.PushAsync("'say @shop \"Sold\" \u20AC'", serialize: false);
        Assert.Equal("\"Sold\" \u20AC", (await other.ReadAsync()).Message);
        await server.PushAsync(
            """json_encode(['type' => 'usermsg', 'room' => 'shop', 'name' => 'ops', 'message' => 'hi', 'color' => '#F00'])""", serialize: true);
        var pushed = await other.ReadAsync();
        Assert.Equal(("ops", "hi", "#F00"), (pushed.Name, pushed.Message, pushed.Color));
        Assert.True(pushed.IdNumber > 0 && pushed.Time > 0);
        await server.PushAsync("""'{"name":"ops","message":"to the lobby"}'""", serialize: false);
        Assert.Equal(message.IdNumber + 1, (await lobby.ReadMessageAsync("to the lobby")).IdNumber);
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task Many_pushes_come_in_order_and_are_kept_for_newcomers(int workers)
    {
        await using var server = await StartAsync(workers);
        await using var client = await server.JoinAsync("room=many");
        await server.PhpAsync("$queue = msg_get_queue($key); for ($i = 0; $i < 2000; $i++) { msg_send($queue, 1, \"say @many $i\"); }");
        for (var i = 0; i < 2000; i++)
        {
            Assert.Equal($"{i}", (await client.ReadAsync()).Message);
        }

        await using var late = await server.JoinAsync("room=many&history=3");
        Assert.Equal("1997", (await late.ReadAsync()).Message);
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task Room_that_nobody_was_in_is_made_by_a_push(int workers)
    {
        await using var server = await StartAsync(workers);
        await server.PushAsync("'say @empty first'", serialize: true);
        Assert.Equal("ok", await AskUntilAsync(server, "rooms", answer => answer.Contains("\"empty\"", StringComparison.Ordinal)));
        await using var client = await server.JoinAsync("room=empty");
        Assert.Equal("first", (await client.ReadAsync()).Message);
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task Questions_are_answered_to_who_asks_in_the_format_it_asks_in(int workers)
    {
        await using var server = await StartAsync(workers);
        await using var client = await server.JoinAsync("room=a");
        foreach (var flag in (string[])["true", "false"])
        {
            var answer = await server.PhpAsync(
                $"$q = msg_get_queue($key); msg_send($q, 1, 'ask '.getmypid().' status', {flag}); "
                + $"msg_receive($q, getmypid(), $t, 8192, $answer, {flag}); echo $answer;");
            var lines = answer.Split('\n');
            var status = JsonNode.Parse(lines[1])!;
            Assert.Equal(("ok", 1, 1), (lines[0], (int)status["connections"]!, (int)status["rooms"]!));
            Assert.Equal(Math.Max(1, workers), (int)status["workers"]!);
        }
    }

    [Theory]
    [InlineData("clients", "ok", """{"id":"#","address":"127.0.0.1","room":"a","since":#,"lag":0}""")]
    [InlineData("rooms", "ok", """{"room":"a","clients":1,"messages":1,"last_id":"#","bytes":#}""")]
    [InlineData("history @a last 1", "ok #", """{"type":"usermsg","name":"server","message":"hello","color":"#000000","from":"server","id":"#","time":#}""")]
    [InlineData(
        "history @a after 0", "ok #", """{"type":"gap","message":"Some messages are missing here.","id":"#"}""",
        """{"type":"usermsg","name":"server","message":"hello","color":"#000000","from":"server","id":"#","time":#}""")]
    [InlineData("history @a last 0", "ok #")]
    [InlineData("history @b", "failed there is no room 'b'")]
    [InlineData("history @a next 5", "failed expected: history [@ROOM] [last N | after ID]")]
    [InlineData("clients 5-", "failed '5-' is not a cursor from an answer's first line: more CURSOR")]
    [InlineData("rooms x", "failed 'x' is not a cursor from an answer's first line: more CURSOR")]
    [InlineData("kick 10.1.2.3", "failed no client has the id, address or user '10.1.2.3'")]
    [InlineData("say", "failed name and message are required, as texts that are not blank")]
    [InlineData("say @a/b hello", "failed a room's name has only letters, digits and -_., 64 at most")]
    [InlineData("say 1234567890", "failed a name has at most --max-name 15 characters and a message --max-message 9")]
    [InlineData("{\"name\":\"a\"}", "failed name and message are required, as texts that are not blank")]
    [InlineData("{\"name\":", "failed not a JSON object")]
    [InlineData("nothing", "failed no command begins so")]
    [InlineData("reopen", "ok")]
    [InlineData("say @a hello", "ok")]
    [InlineData("say\thello", "ok")]
    [InlineData("say\n@a\thello", "ok")]
    public async Task Answer_begins_with_the_outcome(string question, params string[] expected)
    {
        foreach (var workers in (int[])[0, 2])
        {
            await using var server = await StartAsync(workers, "--max-message", "9");
            await using var client = await server.JoinAsync("room=a");
            await server.PushAsync("'say @a hello'", serialize: true);
            _ = await client.ReadMessageAsync("hello");
            Assert.Equal(expected, Scrub(await server.AskAsync(question)).Split('\n'));
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task Kick_closes_who_is_meant_and_nobody_else(int workers)
    {
        await using var server = await StartAsync(workers);
        await using var ann = await server.JoinAsync("room=a");
        await using var bob = await server.JoinAsync("room=b");
        var list = (await server.AskAsync("clients")).Split('\n');
        Assert.Equal(3, list.Length);
        var id = (string)list[1..].Select(line => JsonNode.Parse(line)!).Single(client => (string?)client["room"] == "a")["id"]!;
        Assert.Equal("ok 1", await server.AskAsync($"kick {id}"));
        Assert.Equal(1008, await ann.Raw.ReadCloseAsync());
        await server.PushAsync("'say @b still here'", serialize: true);
        _ = await bob.ReadMessageAsync("still here");
        await server.PushAsync("'kick 127.0.0.1'", serialize: true);
        Assert.Equal(1008, await bob.Raw.ReadCloseAsync());
        _ = await server.WaitForLogAsync("command from the control queue: 'kick 127.0.0.1'");
    }

    /// <summary>Every command, with what does not belong to it: refused to whoever asks, and in the log when nobody does; done is nothing.</summary>
    [Theory]
    [MemberData(nameof(Modes))]
    public async Task Slips_are_refused_and_logged(int workers)
    {
        await using var server = await StartAsync(workers, "--max-rate", "0");
        await using var ann = await server.JoinAsync();
        foreach (var (word, reason) in new[]
        {
            ("stop", "'stop' stands alone"), ("reload", "'reload' stands alone"), ("reopen", "'reopen' stands alone"), ("status", "'status' stands alone"),
            ("kick", "no client has the id, address or user"), ("clients", "is not a cursor"), ("rooms", "is not a cursor"),
            ("history", "expected: history"), ("say @lobby/", "letters, digits"), ("{\"message\":\"x\",\"name\":\"y\"}", "not a JSON object"),
            ("STOP", "no command begins so"), ("stopit", "no command begins so"), ("ask 2", "no command begins so"), ("ask two", "behind 'ask'"),
        })
        {
            foreach (var rest in (string[])["it", "1 2 3", "\t--now", "{}"])
            {
                var slip = $"{word} {rest}";
                await server.PushAsync($"base64_decode('{Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(slip))}')");
                if (!word.StartsWith("ask", StringComparison.Ordinal))
                {
                    var answer = await server.AskAsync(slip);
                    Assert.True(
                        answer.StartsWith("failed ", StringComparison.Ordinal) && answer.Contains(reason, StringComparison.Ordinal), $"{slip}: {answer}");
                }
            }

            // Ten lines a second have room in the log: the rest is counted.
            _ = await server.WaitForLogAsync($"{Regex.Escape(reason)}|[0-9]+ more messages");
        }

        Assert.Equal("ok", (await server.AskAsync("status")).Split('\n')[0]);
        await server.PushAsync("'say still here'");
        Assert.Equal("still here", (await ann.ReadAsync()).Message);
        Assert.DoesNotContain(
            server.Log, line => line.Contains("configuration reloaded", StringComparison.Ordinal) || line.Contains("log reopened", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task Commands_do_what_signals_do(int workers)
    {
        await using var server = await StartAsync(workers);
        await server.PushAsync("'reopen'", serialize: true);
        _ = await server.WaitForLogAsync("log reopened");
        await server.PushAsync("'reload'", serialize: false);
        _ = await server.WaitForLogAsync("configuration reloaded");
        await using var ann = await server.JoinAsync();
        await server.PushAsync("\"stop\\n\"", serialize: true);
        Assert.Equal(1001, await ann.Raw.ReadCloseAsync());
        await ann.Raw.SendAsync(ClientFrame.Close(1001));
        await server.WaitUntilAsync("end of the server", () => !File.Exists(server.PidFile));
    }

    private static Task<ApplianceDaemon> StartAsync(int workers, params string[] options) =>
        ApplianceDaemon.StartInModeAsync(workers, ["--announce", "off", "--control", "say,ask,kick,stop", .. options]);

    /// <summary>The first line of the first answer that is as wanted.</summary>
    private static async Task<string> AskUntilAsync(ApplianceDaemon server, string question, Func<string, bool> wanted)
    {
        using var limit = new CancellationTokenSource(TimeLimit.Event);
        var answer = await server.AskAsync(question);
        while (!wanted(answer))
        {
            limit.Token.ThrowIfCancellationRequested();
            answer = await server.AskAsync(question);
        }

        return answer.Split('\n')[0];
    }

    /// <summary>Ids, times and sizes differ from run to run.</summary>
    private static string Scrub(string text) => System.Text.RegularExpressions.Regex.Replace(
        text, """(?<=^ok |"id":"|"last_id":"|"since":|"time":|"bytes":)[0-9-]+""", "#",
        System.Text.RegularExpressions.RegexOptions.None, TimeSpan.FromSeconds(1));
}
