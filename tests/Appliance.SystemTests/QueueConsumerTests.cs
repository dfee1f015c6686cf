using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary><c>queue receive</c> as a consumer: waiting, long messages, commands that are run for each.</summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class QueueConsumerTests : IAsyncDisposable, IAsyncLifetime
{
    private readonly IpcFolder _folder = new();

    public Task InitializeAsync() => Task.CompletedTask;

    Task IAsyncLifetime.DisposeAsync() => DisposeAsync().AsTask();

    public ValueTask DisposeAsync() => _folder.DisposeAsync();

    [Fact]
    public async Task Nothing_there_is_told_and_all_of_nothing_is_fine()
    {
        await MakeAsync();
        var none = await _folder.RunAsync("queue", "receive", "--type", "5");
        Assert.Equal((1, "", "appliance: queue receive: no message of type 5 in the queue\n"), (none.ExitCode, none.Output, none.Error));
        Assert.Equal("", await _folder.SucceedAsync("queue", "receive", "--all"));
        var late = await _folder.RunAsync("queue", "receive", "--timeout", "0.1");
        Assert.Equal((1, "", "appliance: queue receive: no message in the queue within 0.1 s\n"), (late.ExitCode, late.Output, late.Error));
        Assert.Equal(1, (await _folder.RunAsync("queue", "receive", "--wait", "--timeout", "0")).ExitCode);
    }

    /// <summary>The alarm that ends the wait ends nothing else, however close it comes to the end.</summary>
    [Fact]
    public async Task Time_that_is_over_is_told_every_time()
    {
        await MakeAsync();
        for (var round = 0; round < 25; round++)
        {
            var late = await _folder.RunAsync("queue", "receive", "--timeout", "0.02");
            Assert.Equal((1, "appliance: queue receive: no message in the queue within 0.02 s\n"), (late.ExitCode, late.Error));
        }
    }

    [Fact]
    public async Task Waiting_ends_with_the_message()
    {
        await MakeAsync();
        var waiting = _folder.RunAsync("queue", "receive", "--wait", "--type", "7");
        await WaitForReceiverAsync();
        await _folder.SucceedAsync("queue", "send", "--type", "6", "other");
        await _folder.SucceedAsync("queue", "send", "--type", "7", "hello");
        var received = await waiting;
        Assert.Equal((0, "msgtype: 7, message: hello\n", ""), (received.ExitCode, received.Output, received.Error));
    }

    [Fact]
    public async Task Removal_ends_the_waiting_and_is_told()
    {
        await MakeAsync();
        var waiting = _folder.RunAsync("queue", "receive", "--wait", "--all", "--timeout", "60");
        await WaitForReceiverAsync();
        await _folder.SucceedAsync("queue", "remove");
        var received = await waiting;
        Assert.Equal((1, ""), (received.ExitCode, received.Output));
        Assert.Contains("was removed while this waited", received.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("take", "msgtype: 1, message: 0123456789\nmsgtype: 1, message: short\n")]
    [InlineData("truncate", "msgtype: 1, message: 01234\nmsgtype: 1, message: short\n")]
    [InlineData("skip", "msgtype: 1, message: short\n")]
    [InlineData(null, "msgtype: 1, message: 0123456789\nmsgtype: 1, message: short\n")]
    public async Task Long_message_is_told_with_its_size_and_never_stays_in_the_way(string? what, string expected)
    {
        await _folder.SucceedAsync("queue", "send", "--plain", "0123456789");
        await _folder.SucceedAsync("queue", "send", "--plain", "short");
        string[] option = what is null ? [] : ["--oversize", what];
        var received = await _folder.RunAsync(["queue", "receive", "--all", "--max", "5", .. option]);
        Assert.Equal((0, expected), (received.ExitCode, received.Output));
        Assert.Contains("has 10 bytes, more than --max 5", received.Error, StringComparison.Ordinal);
        Assert.Single(received.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public async Task Command_gets_each_message_on_its_stdin()
    {
        await _folder.SucceedAsync("queue", "send", "--type", "4", "a b\nc");
        await _folder.PhpAsync("msg_send(msg_get_queue($key), 5, 'serialized');");
        Assert.Equal("4:a b\nc;", await _folder.SucceedAsync("queue", "receive", "--exec", "echo -n $APPLIANCE_MESSAGE_TYPE:; cat; echo -n ';'"));
        Assert.Equal("serialized", await _folder.SucceedAsync("queue", "receive", "--php", "--exec", "cat"));
    }

    [Fact]
    public async Task Message_whose_command_fails_is_not_lost_and_does_not_stop_the_others()
    {
        foreach (var text in (string[])["bad", "good"])
        {
            await _folder.SucceedAsync("queue", "send", text);
        }

        var received = await _folder.RunAsync("queue", "receive", "--all", "--exec", "read word; echo ran $word; test $word = good || exit 7");
        Assert.Equal((1, "ran bad\nmsgtype: 1, message: bad\nran good\n"), (received.ExitCode, received.Output));
        Assert.Contains("exit status 7", received.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_not_in_PHPs_format_is_told_and_shown_as_it_is()
    {
        await _folder.SucceedAsync("queue", "send", "--plain", "plain");
        var received = await _folder.RunAsync("queue", "receive", "--php");
        Assert.Equal((1, "msgtype: 1, message: plain\n"), (received.ExitCode, received.Output));
        Assert.Contains("not in PHP's format", received.Error, StringComparison.Ordinal);
    }

    /// <summary>A consumer that is stopped brings the message that it has taken to its end: a service that is restarted loses none.</summary>
    [Theory]
    [InlineData("TERM", 143)]
    [InlineData("INT", 130)]
    [InlineData("HUP", 129)]
    public async Task Signal_loses_no_message(string signal, int exitCode)
    {
        await MakeAsync();
        var sending = _folder.PhpAsync(
            "$queue = msg_get_queue($key); for ($i = 0; $i < 30000; $i++) { msg_send($queue, 1, \"message-$i\", false); } msg_send($queue, 1, 'end', false);");
        var next = 0;
        var ended = false;
        while (!ended)
        {
            await using var consumer = RunningProgram.Start(PublishedBinary.FilePath, "queue", "receive", "--all", "--wait", "--path", _folder.FullName);
            var isFirst = true;
            for (var line = await consumer.ReadLineAsync(); line is not null; line = await consumer.ReadLineAsync())
            {
                ended = line == "msgtype: 1, message: end";
                Assert.True(ended || line == $"msgtype: 1, message: message-{next}", $"{line} instead of message-{next}");
                next += ended ? 0 : 1;
                if (isFirst)
                {
                    isFirst = false;
                    await consumer.SignalAsync(signal);
                }
            }

            Assert.Equal(exitCode, await consumer.WaitAsync());
        }

        Assert.Equal(30000, next);
        _ = await sending;
    }

    /// <summary>
    /// Whoever starts a consumer, a daemon in PHP or a container whose first process it becomes: it learns how commands have ended, waits no
    /// longer than it is told to, and ends by the signals that it is sent.
    /// </summary>
    [Theory]
    [InlineData("env --ignore-signal=CHLD")]
    [InlineData("env --ignore-signal=PIPE,ALRM,USR1,USR2")]
    [InlineData("env --block-signal=CHLD,ALRM,TERM,PIPE")]
    [InlineData("unshare --pid --fork --mount-proc --kill-child")]
    public async Task Whoever_starts_it_no_message_is_lost(string starter)
    {
        foreach (var text in (string[])["bad", "good", "worse"])
        {
            await _folder.SucceedAsync("queue", "send", text);
        }

        string[] words = [.. starter.Split(' '), PublishedBinary.FilePath, "queue", "receive", "--path", _folder.FullName];
        var received = await CommandResult.RunAsync(
            words[0], [.. words[1..], "--all", "--exec", "(sleep 0.01 &); read word; echo ran $word; test $word = good || exit 7"]);
        Assert.Equal((1, "ran bad\nmsgtype: 1, message: bad\nran good\nran worse\nmsgtype: 1, message: worse\n"), (received.ExitCode, received.Output));
        Assert.Equal(2, received.Error.Split("exit status 7").Length - 1);
        var late = await CommandResult.RunAsync(words[0], [.. words[1..], "--timeout", "0.1"]);
        Assert.Equal((1, "appliance: queue receive: no message in the queue within 0.1 s\n"), (late.ExitCode, late.Error));
    }

    [Fact]
    public async Task Signal_that_was_blocked_ends_it()
    {
        await MakeAsync();
        await using var consumer = RunningProgram.Start(
            "env", "--block-signal", PublishedBinary.FilePath, "queue", "receive", "--all", "--wait", "--path", _folder.FullName);
        await WaitForReceiverAsync();
        await consumer.SignalAsync("TERM");
        Assert.Equal(143, await consumer.WaitAsync());
    }

    [Fact]
    public async Task Signal_lets_the_command_of_a_message_end()
    {
        foreach (var text in (string[])["first", "second"])
        {
            await _folder.SucceedAsync("queue", "send", text);
        }

        await using var consumer = RunningProgram.Start(
            PublishedBinary.FilePath, "queue", "receive", "--all", "--wait", "--path", _folder.FullName,
            "--exec", "read text; echo begun $text; kill -TERM $PPID; sleep 0.2; echo done $text");
        Assert.Equal("begun first", await consumer.ReadLineAsync());
        Assert.Equal(143, await consumer.WaitAsync());
        Assert.Equal("done first", await consumer.ReadLineAsync());
        Assert.Equal("msgtype: 1, message: second\n", await _folder.SucceedAsync("queue", "receive", "--all"));
    }

    /// <summary>Somebody waits for messages, and the reader of what it prints has gone: <c>head</c>, for example.</summary>
    [Fact]
    public async Task Without_a_reader_no_more_messages_are_taken()
    {
        foreach (var text in (string[])["one", "two", "three"])
        {
            await _folder.SucceedAsync("queue", "send", text);
        }

        var pipe = _folder.File("pipe");
        var script = $"mkfifo '{pipe}'; exec 3<>'{pipe}' 4>'{pipe}' 3<&-; '{PublishedBinary.FilePath}' queue receive --all --path '{_folder.FullName}' >&4";
        Assert.Equal(141, (await CommandResult.RunAsync("sh", "-c", script)).ExitCode);
        Assert.Equal("msgtype: 1, message: two\nmsgtype: 1, message: three\n", await _folder.SucceedAsync("queue", "receive", "--all"));
    }

    [Fact]
    public async Task Command_need_not_read_its_message()
    {
        await _folder.PhpAsync("$queue = msg_get_queue($key); for ($i = 0; $i < 20; $i++) { msg_send($queue, 1, str_repeat('x', 700), false); }");
        Assert.Equal("", await _folder.SucceedAsync("queue", "receive", "--all", "--exec", "exec 0<&-"));
    }

    [Fact]
    public async Task Several_consumers_share_the_messages()
    {
        await MakeAsync();
        var consumers = Enumerable.Range(0, 4).Select(_ => _folder.RunAsync("queue", "receive", "--all", "--wait", "--timeout", "6")).ToArray();
        await _folder.PhpAsync("$queue = msg_get_queue($key); for ($i = 0; $i < 500; $i++) { msg_send($queue, 1, \"message-$i\", false); }");
        var lines = (await Task.WhenAll(consumers)).SelectMany(consumer => consumer.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)).ToList();
        Assert.Equal(500, lines.Count);
        Assert.Equal(500, lines.Distinct(StringComparer.Ordinal).Count());
    }

    private async Task MakeAsync() => await _folder.PhpAsync("msg_get_queue($key);");

    /// <summary>Waits until a process that was given this folder sleeps in msgrcv(2).</summary>
    private Task<bool> WaitForReceiverAsync() => TimeLimit.GuardAsync("receiver that waits", async limit =>
    {
        while (!ProcessStatus.All.Any(IsReceiver))
        {
            await Task.Delay(5, limit);
        }

        return true;
    });

    private bool IsReceiver(ProcessStatus process)
    {
        try
        {
            return process.Arguments.Contains(_folder.FullName) && File.ReadAllText($"/proc/{process.Pid}/wchan") == "do_msgrcv";
        }
        catch (IOException)
        {
            // Ended meanwhile.
            return false;
        }
    }
}
