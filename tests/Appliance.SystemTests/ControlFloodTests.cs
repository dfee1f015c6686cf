using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>What others do to the server's queue harms neither the chat nor the commands of anybody else.</summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class ControlFloodTests
{
    public static TheoryData<int> Modes => [0, 2];

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task Garbage_is_told_in_few_lines_and_counted(int workers)
    {
        await using var server = await StartAsync(workers);
        await using var pair = await ChatPair.JoinAsync(server);
        await server.PhpAsync("""$q = msg_get_queue($key); for ($i = 0; $i < 3000; $i++) { msg_send($q, 1, "no \e[31mcommand\n $i \xFF", false); }""");
        await pair.AssertChatsAsync();
        await server.PushAsync("'say @end done'");
        await server.WaitUntilAsync("all of them counted", () => Dropped(server) == 3000);
        var lines = server.Log.Where(line => line.Contains(" 4006 ", StringComparison.Ordinal)).ToList();
        Assert.Contains(lines, line => line.EndsWith("not UTF-8: no \\x1B[31mcommand\\n 0 \\xFF", StringComparison.Ordinal));
        Assert.All(lines.GroupBy(line => line[..19], StringComparer.Ordinal), second => Assert.InRange(second.Count(), 1, 20));
        Assert.InRange(lines.Count, 10, 100);
    }

    /// <summary>Whoever may give commands may not fill the disk with them.</summary>
    [Theory]
    [MemberData(nameof(Modes))]
    public async Task Commands_are_told_in_few_lines_and_counted(int workers)
    {
        // Whose a command is cannot be told while others wait behind it.
        await using var server = await StartAsync(workers, "--control", "say,ask,kick,stop");
        await server.PhpAsync(
            "$q = msg_get_queue($key); for ($i = 0; $i < 1000; $i++) { "
            + "msg_send($q, 1, 'kick 10.1.2.3', false); msg_send($q, 1, 'reload', false); msg_send($q, 1, 'reopen', false); }");
        await server.WaitUntilAsync("all of them told", () => Told(server, " 4005 ", " 4010 ") == 3000);
        foreach (var code in (string[])[" 4005 ", " 4006 ", " 1020 ", " 1004 "])
        {
            var lines = server.Log.Where(line => line.Contains(code, StringComparison.Ordinal)).ToList();
            Assert.NotEmpty(lines);
            Assert.All(lines.GroupBy(line => line[..19], StringComparer.Ordinal), second => Assert.InRange(second.Count(), 1, 20));
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task Flood_holds_up_neither_chat_nor_signals(int workers)
    {
        await using var server = await StartAsync(workers);
        await using var pair = await ChatPair.JoinAsync(server);
        var flood = server.PhpAsync(
            """
            $q = msg_get_queue($key);
            while (!file_exists("$path/enough")) {
                clearstatcache();
                @msg_send($q, 1, 'ask 999999 history @lobby last 50', false, false);
                @msg_send($q, 1, str_repeat('x', 8000), false, false);
            }
            """);
        try
        {
            for (var round = 0; round < 10; round++)
            {
                await pair.AssertChatsAsync();
                await server.SucceedAsync("reopen");
            }

            Assert.False(flood.IsCompleted);
        }
        finally
        {
            await File.WriteAllTextAsync(Path.Combine(server.StateDirectory, "enough"), "");
            _ = await flood;
        }

        Assert.StartsWith("ok\n", await server.AskAsync("status"), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task Queue_that_somebody_removes_is_made_again(int workers)
    {
        await using var server = await StartAsync(workers);
        await using var client = await server.JoinAsync();
        for (var round = 0; round < 3; round++)
        {
            await server.PhpAsync("msg_remove_queue(msg_get_queue($key));");
            await AwaitPhpAsync(server, "echo msg_queue_exists($key) ? 'yes' : 'no';", "yes");
            Assert.Equal("432", await server.PhpAsync("echo msg_stat_queue(msg_get_queue($key))['msg_perm.mode'] & 0777;"));
            await server.PushAsync($"'say round {round}'");
            _ = await client.ReadMessageAsync($"round {round}");
        }

        await server.WaitForLogLinesAsync(3, " 4002 ");
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task Mailboxes_of_others_are_left_alone_until_they_fill_the_queue(int workers)
    {
        await using var server = await StartAsync(workers);
        await using var client = await server.JoinAsync();
        await server.PhpAsync("msg_send(msg_get_queue($key), 77, 'for somebody', false);");
        await server.PushAsync("'say one'");
        _ = await client.ReadMessageAsync("one");
        Assert.Equal("for somebody", await server.PhpAsync("msg_receive(msg_get_queue($key), 77, $type, 100, $text, false); echo $text;"));

        await server.PhpAsync("$q = msg_get_queue($key); while (@msg_send($q, 78, str_repeat('x', 1000), false, false, $error)) { }");
        await server.PushAsync("'say two'");
        _ = await client.ReadMessageAsync("two");
        _ = await server.WaitForLogAsync("messages of other types filled the control queue");
    }

    /// <summary>Commands that come all the time keep nobody's full mailboxes alive: answers would find no room for ever.</summary>
    [Fact]
    public async Task Mailboxes_are_emptied_while_commands_come()
    {
        await using var server = await StartAsync(2);
        await using var client = await server.JoinAsync();
        await server.PhpAsync(
            "$q = msg_get_queue($key); for ($i = 0; $i < 4; $i++) { msg_send($q, 78, str_repeat('x', (int) (msg_stat_queue($q)['msg_qbytes'] / 7)), false); }");
        using var limit = new CancellationTokenSource(TimeLimit.Event);
        for (var tick = 0; !server.Log.Any(line => line.Contains(" 4009 ", StringComparison.Ordinal)); tick++)
        {
            Assert.False(limit.IsCancellationRequested, server.Tail());
            await server.PushAsync($"'say tick {tick}'");
            _ = await client.ReadMessageAsync($"tick {tick}");
        }

        Assert.StartsWith("ok\n", await server.AskAsync("status"), StringComparison.Ordinal);
    }

    /// <summary>Answers for those who are gone must not fill the queue, and are taken back.</summary>
    [Theory]
    [MemberData(nameof(Modes))]
    public async Task Answers_that_nobody_takes_are_taken_back(int workers)
    {
        await using var server = await StartAsync(workers);
        await server.PhpAsync("$q = msg_get_queue($key); for ($i = 0; $i < 500; $i++) { msg_send($q, 1, 'ask '.(100000 + $i).' status', false); }");
        Assert.StartsWith("ok\n", await server.AskAsync("status"), StringComparison.Ordinal);
        await AwaitPhpAsync(server, "echo msg_stat_queue(msg_get_queue($key))['msg_qnum'];", "0");
    }

    [Fact]
    public async Task Message_longer_than_the_chat_allows_is_dropped()
    {
        await using var server = await StartAsync(2);
        await using var client = await server.JoinAsync();
        await server.PhpAsync("""msg_send(msg_get_queue($key), 1, 'say '.str_repeat('x', 8000), false);""");
        _ = await server.WaitForLogAsync(" 4006 .*max-message.*say x{100,}…$");
        await server.PushAsync("'say fine'");
        _ = await client.ReadMessageAsync("fine");
    }

    [Fact]
    public async Task Pushes_outlive_the_death_of_workers()
    {
        await using var server = await StartAsync(2);
        await using var client = await server.JoinWorkerAsync(1);
        await ApplianceDaemon.SignalAsync(server.Workers()[0], "KILL");

        // What a worker was asked that dies before it answers is told in the log: it may have been done, and nothing is done twice.
        _ = await server.WaitForLogAsync(" 1012 ");
        await server.PushAsync("'say after the death'");
        _ = await client.ReadMessageAsync("after the death");
    }

    [Fact]
    public async Task Worker_that_is_stopped_is_passed_over()
    {
        await using var server = await StartAsync(2);
        await using var client = await server.JoinWorkerAsync(1);
        var stopped = server.Workers()[0];
        await ApplianceDaemon.SignalAsync(stopped, "STOP");
        try
        {
            Assert.Equal("failed no worker has answered in time", await server.AskAsync("say lost"));
            Assert.Equal("ok", await server.AskAsync("say found"));
            _ = await client.ReadMessageAsync("found");
        }
        finally
        {
            await ApplianceDaemon.SignalAsync(stopped, "CONT");
        }

        Assert.Equal("ok", await server.AskAsync("say again"));
    }

    private static Task<ApplianceDaemon> StartAsync(int workers, params string[] options) =>
        ApplianceDaemon.StartInModeAsync(workers, ["--announce", "off", .. options]);

    /// <summary>Runs a PHP script again and again until it prints what is awaited.</summary>
    private static async Task AwaitPhpAsync(ApplianceDaemon server, string script, string awaited)
    {
        using var limit = new CancellationTokenSource(TimeLimit.Event);
        while (await server.PhpAsync(script) != awaited)
        {
            Assert.False(limit.IsCancellationRequested, $"{script} does not print {awaited}. {server.Tail()}");
        }
    }

    private static int Dropped(ApplianceDaemon server) => Told(server, " 4006 ", " 4007 ");

    /// <summary>Messages that have a line of one event each, and those that a line of another counts.</summary>
    private static int Told(ApplianceDaemon server, string one, string sum) => server.Log.Sum(line =>
        line.Contains(one, StringComparison.Ordinal) ? 1
        : line.Contains(sum, StringComparison.Ordinal)
            ? int.Parse(line.Split("master: ")[^1].Split(sum)[^1].Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture)
        : 0);
}
