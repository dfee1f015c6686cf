using System.Globalization;
using System.Text.Json.Nodes;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>The queue commands among themselves and with PHP at the other end.</summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class QueueCommandTests : IAsyncDisposable, IAsyncLifetime
{
    private readonly IpcFolder _folder = new();

    public Task InitializeAsync() => Task.CompletedTask;

    Task IAsyncLifetime.DisposeAsync() => DisposeAsync().AsTask();

    public ValueTask DisposeAsync() => _folder.DisposeAsync();

    [Theory]
    [InlineData("hello")]
    [InlineData("")]
    [InlineData("Grüße 🙂")]
    [InlineData("s:5:\"hello\";")]
    public async Task Text_goes_to_PHP_and_comes_from_it_byte_for_byte(string text)
    {
        await _folder.SucceedAsync("queue", "send", "--plain", "--type", "3", text);
        var got = await _folder.PhpAsync("msg_receive(msg_get_queue($key), 0, $type, 100, $text, false); echo $type, ':', $text;");
        Assert.Equal($"3:{text}", got);
        await _folder.PhpAsync($"msg_send(msg_get_queue($key), 4, '{text}', false);");
        Assert.Equal($"msgtype: 4, message: {text}\n", await _folder.SucceedAsync("queue", "receive", "--plain"));
    }

    /// <summary>What msg_send() and msg_receive() do unless they are told otherwise, the commands do as well.</summary>
    [Theory]
    [InlineData("hello")]
    [InlineData("")]
    [InlineData("Grüße 🙂")]
    [InlineData("s:5:\"hello\";")]
    public async Task Text_goes_between_the_commands_and_PHP_without_any_option(string text)
    {
        await _folder.SucceedAsync("queue", "send", "--type", "3", text);
        Assert.Equal($"3:{text}", await _folder.PhpAsync("msg_receive(msg_get_queue($key), 0, $type, 100, $text); echo $type, ':', $text;"));
        await _folder.PhpAsync($"msg_send(msg_get_queue($key), 4, '{text}');");
        Assert.Equal($"msgtype: 4, message: {text}\n", await _folder.SucceedAsync("queue", "receive"));
        foreach (var how in (string[][])[[], ["--raw"], ["--raw", "--exec", "cat"], ["--json"]])
        {
            await _folder.SucceedAsync("queue", "send", text);
            var got = await _folder.SucceedAsync(["queue", "receive", .. how]);
            Assert.Equal(
                how is ["--json"] ? text : how is [] ? $"msgtype: 1, message: {text}\n" : text,
                how is ["--json"] ? (string?)JsonNode.Parse(got)!["message"] : got);
        }
    }

    /// <summary>Who sends plain text is understood as well; it may look like nothing of PHP's.</summary>
    [Theory]
    [InlineData("hello")]
    [InlineData("")]
    [InlineData("s:5:\"hell\";")]
    [InlineData("i:1;x")]
    public async Task Plain_text_is_received_without_any_option(string text)
    {
        await _folder.PhpAsync($"msg_send(msg_get_queue($key), 4, '{text}', false);");
        Assert.Equal($"msgtype: 4, message: {text}\n", await _folder.SucceedAsync("queue", "receive"));
    }

    /// <summary>Scripts make the queue and wait, whoever is there first.</summary>
    [Theory]
    [InlineData("--wait")]
    [InlineData("--timeout", "60")]
    public async Task Receiver_that_waits_makes_the_queue(params string[] how)
    {
        var waiting = _folder.RunAsync(["queue", "receive", .. how]);
        _ = await _folder.PhpAsync("while (!msg_queue_exists($key)) { usleep(1000); } msg_send(msg_get_queue($key), 5, 'at last');");
        Assert.Equal(new CommandResult(0, "msgtype: 5, message: at last\n", ""), await waiting);
        Assert.Equal("0660", await _folder.PhpAsync("printf('%04o', msg_stat_queue(msg_get_queue($key))['msg_perm.mode'] & 0777);"));
    }

    [Theory]
    [InlineData("'hello'", "hello", "\"hello\"")]
    [InlineData("''", "", "\"\"")]
    [InlineData("42", "42", "42")]
    [InlineData("1.5", "1.5", "1.5")]
    [InlineData("true", "true", "true")]
    [InlineData("null", "null", "null")]
    [InlineData("['a' => [1, 2], 'b' => null]", "['a' => [1, 2], 'b' => null]", """{"a":[1,2],"b":null}""")]
    public async Task Values_of_PHP_are_shown_and_made(string php, string text, string json)
    {
        await _folder.PhpAsync($"msg_send(msg_get_queue($key), 1, {php}); msg_send(msg_get_queue($key), 1, {php});");
        Assert.Equal($"msgtype: 1, message: {text}\n", await _folder.SucceedAsync("queue", "receive", "--php"));
        Assert.Equal($$"""{"type":1,"message":{{json}}}""" + "\n", await _folder.SucceedAsync("queue", "receive", "--php", "--json"));
        await _folder.SucceedAsync("queue", "send", "--json", json);
        Assert.Equal(
            "same",
            await _folder.PhpAsync($"msg_receive(msg_get_queue($key), 0, $type, 1000, $value); echo $value === {php} ? 'same' : var_export($value, true);"));
    }

    [Fact]
    public async Task Objects_of_PHP_are_shown_and_never_made()
    {
        await _folder.PhpAsync("class Foo { public $a = 1; private $b = 'x'; } msg_send(msg_get_queue($key), 1, new Foo);");
        Assert.Equal("msgtype: 1, message: Foo {a: 1, b:Foo:private: 'x'}\n", await _folder.SucceedAsync("queue", "receive", "--php"));
    }

    [Fact]
    public async Task String_with_option_php_is_what_msg_receive_expects()
    {
        await _folder.SucceedAsync("queue", "send", "--php", "Back", "in", "five");
        Assert.Equal("Back in five", await _folder.PhpAsync("msg_receive(msg_get_queue($key), 1, $type, 100, $text); echo $text;"));
    }

    [Theory]
    [InlineData("c b a b", "--all")]
    [InlineData("b b", "--all", "--type", "2")]
    [InlineData("a b b", "--all", "--type", "-2")]
    [InlineData("c a", "--all", "--type", "2", "--except")]
    [InlineData("c")]
    [InlineData("a", "--type", "-3")]
    public async Task Types_choose_what_is_received(string expected, params string[] options)
    {
        foreach (var (type, text) in new[] { ("3", "c"), ("2", "b"), ("1", "a"), ("2", "b") })
        {
            await _folder.SucceedAsync("queue", "send", "--type", type, text);
        }

        var lines = (await _folder.SucceedAsync(["queue", "receive", .. options])).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(expected, string.Join(' ', lines.Select(line => line.Split(": ")[^1])));
    }

    [Fact]
    public async Task Control_characters_do_not_reach_the_terminal_and_raw_bytes_do()
    {
        await _folder.PhpAsync("$queue = msg_get_queue($key); foreach ([1, 2, 3] as $i) { msg_send($queue, 1, \"a\\n\\e[31m\\xFF\\0b\", false); }");
        Assert.Equal("msgtype: 1, message: a\\n\\x1B[31m\\xFF\\x00b\n", await _folder.SucceedAsync("queue", "receive"));
        var bytes = await CommandResult.RunAsync("sh", "-c", $"{PublishedBinary.FilePath} queue receive --raw --path {_folder.FullName} | od -An -tx1");
        Assert.Equal("61 0a 1b 5b 33 31 6d ff 00 62", bytes.Output.Trim());
        Assert.Equal("""{"type":1,"message":{"$base64":"YQobWzMxbf8AYg=="}}""" + "\n", await _folder.SucceedAsync("queue", "receive", "--json"));
    }

    [Fact]
    public async Task File_and_stdin_are_sent_exactly()
    {
        var bytes = Enumerable.Range(0, 256).Select(value => (byte)value).ToArray();
        await File.WriteAllBytesAsync(_folder.File("bytes"), bytes);
        await _folder.SucceedAsync("queue", "send", "--plain", "@" + _folder.File("bytes"));
        var piped = await CommandResult.RunAsync(
            "sh", "-c", $"{PublishedBinary.FilePath} queue send --plain --path {_folder.FullName} - < {_folder.File("bytes")}");
        Assert.Equal((0, ""), (piped.ExitCode, piped.Error));
        await _folder.SucceedAsync("queue", "send", "--plain", "@@file");
        Assert.Equal(
            $"{Convert.ToHexString(bytes)} {Convert.ToHexString(bytes)} @file",
            await _folder.PhpAsync(
                "$q = msg_get_queue($key); foreach ([0, 1, 2] as $i) { msg_receive($q, 0, $t, 300, $m[], false); } "
                + "echo strtoupper(bin2hex($m[0])), ' ', strtoupper(bin2hex($m[1])), ' ', $m[2];"));
    }

    /// <summary>Arguments need be no text.</summary>
    [Fact]
    public async Task Bytes_that_are_not_UTF_8_are_sent_as_they_are()
    {
        var send = $"'{PublishedBinary.FilePath}' queue send --plain --path '{_folder.FullName}' \"$(printf 'a\\377b')\" grün \"$(printf '\\376')\"";
        Assert.Equal(0, (await CommandResult.RunAsync("sh", "-c", send)).ExitCode);
        Assert.Equal("61ff62206772c3bc6e20fe", await _folder.PhpAsync("msg_receive(msg_get_queue($key), 0, $type, 100, $text, false); echo bin2hex($text);"));
    }

    [Fact]
    public async Task Status_is_that_of_PHP()
    {
        await _folder.SucceedAsync("queue", "send", "--plain", "--mode", "640", "hello");
        await _folder.SucceedAsync("queue", "send", "--plain", "you");
        _ = await _folder.SucceedAsync("queue", "receive");
        var php = JsonNode.Parse(await _folder.PhpAsync("echo json_encode(msg_stat_queue(msg_get_queue($key)));"))!.AsObject();
        var ours = JsonNode.Parse(await _folder.SucceedAsync("queue", "stat", "--json"))!.AsObject();
        Assert.Equal(10, php.Count);
        Assert.All(php, field => Assert.Equal(field.Value!.ToJsonString(), ours[field.Key]?.ToJsonString()));
        Assert.Equal(3, (int)ours["msg_cbytes"]!);
        var lines = await _folder.SucceedAsync("queue", "stat");
        Assert.Matches("(?m)^msg_qnum: +1$", lines);
        Assert.Matches("(?m)^msg_perm.mode: +0640$", lines);
        Assert.Matches($"(?m)^msg_stime: +{php["msg_stime"]} [(]20.*Z[)]$", lines);
        Assert.Equal(11, lines.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Fact]
    public async Task Queue_exists_until_it_is_removed()
    {
        Assert.Equal(1, (await _folder.RunAsync("queue", "exists")).ExitCode);
        await _folder.SucceedAsync("queue", "send", "--plain", "hello");
        Assert.Equal("", await _folder.SucceedAsync("queue", "exists"));
        var key = await _folder.PhpAsync("printf('0x%08x', $key);");
        var list = await CommandResult.ApplianceAsync("queue", "list");
        Assert.Single(
            list.Output.Split('\n'),
            line => line.StartsWith(key, StringComparison.Ordinal)
                && System.Text.RegularExpressions.Regex.IsMatch(
                    line, " 0660 +1 +5$", System.Text.RegularExpressions.RegexOptions.None, TimeSpan.FromSeconds(1)));
        var json = JsonNode.Parse((await CommandResult.ApplianceAsync("queue", "list", "--json")).Output)!.AsArray();
        Assert.Equal((1, 5), json.Where(queue => (string?)queue!["key"] == key).Select(queue => ((int)queue!["messages"]!, (int)queue["bytes"]!)).Single());
        Assert.Equal("", await _folder.SucceedAsync("queue", "remove"));
        Assert.Empty(await _folder.ObjectsAsync());
        foreach (var command in (string[])["remove", "stat", "receive"])
        {
            var result = await _folder.RunAsync("queue", command);
            Assert.Equal((1, ""), (result.ExitCode, result.Output));
            Assert.StartsWith($"appliance: queue {command}: there is no queue of key {key}", result.Error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Limits_of_the_kernel_are_named()
    {
        var limit = int.Parse(await File.ReadAllTextAsync("/proc/sys/kernel/msgmax"), CultureInfo.InvariantCulture);
        await File.WriteAllBytesAsync(_folder.File("large"), new byte[limit + 1]);
        var tooLong = await _folder.RunAsync("queue", "send", "--plain", "@" + _folder.File("large"));
        Assert.Equal(1, tooLong.ExitCode);
        Assert.Contains($"kernel.msgmax, {limit}", tooLong.Error, StringComparison.Ordinal);
        Assert.Empty(await _folder.ObjectsAsync());

        await File.WriteAllBytesAsync(_folder.File("large"), new byte[limit]);
        CommandResult sent;
        do
        {
            sent = await _folder.RunAsync("queue", "send", "--plain", "--nowait", "@" + _folder.File("large"));
        }
        while (sent.ExitCode == 0);
        Assert.Equal(1, sent.ExitCode);
        Assert.Contains("kernel.msgmnb", sent.Error, StringComparison.Ordinal);
        var waited = await _folder.RunAsync("queue", "send", "--plain", "--timeout", "0.1", "@" + _folder.File("large"));
        Assert.Equal((1, sent.Error), (waited.ExitCode, waited.Error));
    }

    [Theory]
    [InlineData("queue", "send")]
    [InlineData("queue", "send", "--type", "0", "x")]
    [InlineData("queue", "send", "--type", "-1", "x")]
    [InlineData("queue", "send", "--mode", "999", "x")]
    [InlineData("queue", "send", "--type", "9223372036854775808", "x")]
    [InlineData("queue", "send", "--timeout", "-1", "x")]
    [InlineData("queue", "send", "--timeout", "1", "--nowait", "x")]
    [InlineData("queue", "send", "--plain", "--php", "x")]
    [InlineData("queue", "send", "--plain", "--json", "1")]
    [InlineData("queue", "receive", "--plain", "--php")]
    [InlineData("queue", "receive", "--mode", "8")]
    [InlineData("queue", "receive", "--timeout", "NaN")]
    [InlineData("queue", "receive", "--timeout", "0,5")]
    [InlineData("queue", "receive", "--max", "many")]
    [InlineData("queue", "receive", "--oversize", "eat")]
    [InlineData("queue", "receive", "--max", "-1")]
    [InlineData("queue", "receive", "--timeout", "-1")]
    [InlineData("queue", "receive", "--except")]
    [InlineData("queue", "receive", "--type", "many")]
    [InlineData("queue", "nothing")]
    [InlineData("queue")]
    public async Task Wrong_use_is_told(params string[] arguments)
    {
        var result = await _folder.RunAsync(arguments);
        Assert.Equal((2, ""), (result.ExitCode, result.Output));
        Assert.StartsWith("appliance: ", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("System.", result.Error, StringComparison.Ordinal);
        Assert.Empty(await _folder.ObjectsAsync());
    }
}
