using System.Globalization;
using System.Security.Cryptography;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>Variables in shared memory, written and read by the binary and by PHP in turn.</summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class ShmCommandTests
{
    /// <summary>A PHP expression, how the binary prints its value, and as JSON.</summary>
    public static TheoryData<string, string, string> Values => new()
    {
        { "null", "null", "null" },
        { "true", "true", "true" },
        { "42", "42", "42" },
        { "PHP_INT_MIN", "-9223372036854775808", "-9223372036854775808" },
        { "0.1", "0.1", "0.1" },
        { "1e25", "1.0E+25", "1.0E+25" },
        { "-INF", "-INF", """{"$float":"-INF"}""" },
        { "'hello'", "hello", "\"hello\"" },
        { "''", "", "\"\"" },
        { "\"two\\nlines\\n\"", "two\nlines", "\"two\\nlines\\n\"" },
        { "[1, 'a' => [true, null]]", "[0 => 1, 'a' => [true, null]]", """{"0":1,"a":[true,null]}""" },
        { "(object)['a' => 1]", "stdClass {a: 1}", """{"$class":"stdClass","a":1}""" },
    };

    [Theory]
    [MemberData(nameof(Values))]
    public async Task What_PHP_stores_is_printed(string expression, string text, string json)
    {
        await using var folder = new IpcFolder();
        _ = await folder.PhpAsync($"shm_put_var(shm_attach($key, 1000, 0600), -5, {expression});");
        Assert.Equal($"{text}\n", await folder.SucceedAsync("shm", "get", "-5"));
        Assert.Equal($"{text}\n", await folder.SucceedAsync("shm", "get", "-5", "--php"));
        Assert.Equal($"{json}\n", await folder.SucceedAsync("shm", "get", "-5", "--json"));
        Assert.Equal(await folder.PhpAsync($"echo serialize({expression});"), await folder.SucceedAsync("shm", "get", "-5", "--serialized"));
    }

    /// <summary>Options and value of a put, and what PHP has then.</summary>
    [Theory]
    [InlineData("string(5) \"hello\"", "hello")]
    [InlineData("string(5) \"hello\"", "hello", "--php")]
    [InlineData("string(2) \"42\"", "42")]
    [InlineData("string(0) \"\"", "")]
    [InlineData("string(7) \"--value\"", "--", "--value")]
    [InlineData("int(42)", "42", "--json")]
    [InlineData("float(1.5)", "1.5", "--json")]
    [InlineData("array(2) {\n  [0]=>\n  int(1)\n  [1]=>\n  string(1) \"b\"\n}", "[1,\"b\"]", "--json")]
    [InlineData("array(1) {\n  [\"a\"]=>\n  NULL\n}", "{\"a\":null}", "--json")]
    [InlineData("bool(true)", "b:1;", "--serialized")]
    public async Task What_is_put_PHP_reads(string dump, params string[] value)
    {
        await using var folder = new IpcFolder();
        var end = Array.IndexOf(value, "--");
        string[] command = end < 0 ? ["shm", "put", "3", .. value] : ["shm", "put", "3", .. value[end..]];
        Assert.Equal("", await folder.SucceedAsync(command));
        Assert.Equal($"{dump}\n", await folder.PhpAsync("var_dump(shm_get_var(shm_attach($key), 3));"));
    }

    /// <summary>Both sides make the same segment, to the byte.</summary>
    [Fact]
    public async Task Segments_are_the_same()
    {
        await using var ours = new IpcFolder();
        await using var theirs = new IpcFolder();
        var values = new[] { ("1", "s:20:\"xxxxxxxxxxxxxxxxxxxx\";"), ("-7", "s:4:\"abcd\";"), ("3", "s:10:\"xxxxxxxxxx\";"), ("1", "i:22;") };
        foreach (var (variable, value) in values)
        {
            _ = await ours.SucceedAsync("shm", "put", variable, value, "--serialized", "--size", "1000");
            _ = await theirs.PhpAsync($"shm_put_var(shm_attach($key, 1000), {variable}, unserialize('{value}'));");
        }

        _ = await ours.SucceedAsync("shm", "unset", "-7");
        _ = await theirs.PhpAsync("shm_remove_var(shm_attach($key), -7);");
        // Between a value and the next chunk lies whatever was there before.
        const string Dump = "$m = shmop_read(shmop_open($key, 'a', 0, 0), 0, 136); echo bin2hex(substr($m, 0, 40)); "
            + "for ($at = 40; $at < 136; $at += $next) { [1 => $k, 2 => $length, 3 => $next] = unpack('q3', $m, $at); "
            + "echo ' ', bin2hex(substr($m, $at, 24 + $length)); }";
        Assert.Equal(await theirs.PhpAsync(Dump), await ours.PhpAsync(Dump));
    }

    [Fact]
    public async Task Has_and_unset_say_by_their_status()
    {
        await using var folder = new IpcFolder();
        Assert.Equal(1, (await folder.RunAsync("shm", "has", "1")).ExitCode);
        _ = await folder.SucceedAsync("shm", "put", "1", "a");
        _ = await folder.SucceedAsync("shm", "has", "1");
        Assert.Equal(new CommandResult(1, "", ""), await folder.RunAsync("shm", "has", "2"));
        _ = await folder.SucceedAsync("shm", "unset", "1");
        Assert.Equal(new CommandResult(1, "", ""), await folder.RunAsync("shm", "has", "1"));
        var again = await folder.RunAsync("shm", "unset", "1");
        Assert.Equal((1, ""), (again.ExitCode, again.Output));
        Assert.Contains("variable 1 is not in segment", again.Error, StringComparison.Ordinal);
        Assert.Equal("bool(false)\n", await folder.PhpAsync("var_dump(shm_has_var(shm_attach($key), 1));"));
    }

    [Fact]
    public async Task Megabytes_come_from_a_file_and_go_to_a_file()
    {
        await using var folder = new IpcFolder();
        var bytes = new byte[(5 << 20) + 3];
        new Random(1).NextBytes(bytes);
        await File.WriteAllBytesAsync(folder.File("in"), bytes);
        _ = await folder.SucceedAsync("shm", "put", "1", $"@{folder.File("in")}");
        foreach (var options in new[] { "", "--raw" })
        {
            await ShellAsync($"'{PublishedBinary.FilePath}' shm get 1 {options} --path '{folder.FullName}' > '{folder.File("out")}'");
            var shown = await File.ReadAllBytesAsync(folder.File("out"));
            Assert.True(bytes.SequenceEqual(shown));
        }

        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(bytes)), await folder.PhpAsync("echo hash('sha256', shm_get_var(shm_attach($key), 1));"));
        await ShellAsync($"printf 'from a pipe' | '{PublishedBinary.FilePath}' shm put 2 - --grow --path '{folder.FullName}'");
        Assert.Equal("from a pipe\n", await folder.SucceedAsync("shm", "get", "2"));
        Assert.Equal("from a pipe", await folder.SucceedAsync("shm", "get", "2", "--raw"));
    }

    [Fact]
    public async Task What_is_not_UTF_8_is_stored_as_it_is()
    {
        await using var folder = new IpcFolder();
        await ShellAsync($"'{PublishedBinary.FilePath}' shm put 1 \"$(printf '\\377\\376')\" --path '{folder.FullName}'");
        Assert.Equal("fffe", await folder.PhpAsync("echo bin2hex(shm_get_var(shm_attach($key), 1));"));
    }

    [Fact]
    public async Task What_is_printed_is_UTF_8_in_every_locale()
    {
        await using var folder = new IpcFolder();
        _ = await folder.SucceedAsync("shm", "put", "1", "日本");
        var printed = await CommandResult.RunAsync(
            "env", "LC_ALL=en_US.ISO-8859-1", PublishedBinary.FilePath, "shm", "get", "1", "--json", "--path", folder.FullName);
        Assert.Equal("\"日本\"\n", printed.Output);
    }

    /// <summary>A command that was killed while it moved variables has left them under the key of the lock.</summary>
    [Theory]
    [InlineData("", "1:moved 2:too")]
    [InlineData("shmop_open($key, 'n', 0600, 500);", "1:moved 2:too")]
    [InlineData("$s = shm_attach($key, 200, 0600); shm_put_var($s, 2, 'newer'); shm_put_var($s, 3, 'new');", "1:moved 2:newer 3:new")]
    public async Task Variables_of_a_growth_that_was_killed_are_there(string meanwhile, string expected)
    {
        await using var folder = new IpcFolder();
        _ = await folder.PhpAsync($"$s = shm_attach(~$key, 400, 0640); shm_put_var($s, 1, 'moved'); shm_put_var($s, 2, 'too'); {meanwhile}");
        var first = await folder.RunAsync("shm", "has", "1");
        Assert.Equal((0, "", ""), (first.ExitCode, first.Output, first.Error));
        var listed = await folder.PhpAsync(
            "$s = shm_attach($key, 1, 0600); foreach ([1, 2, 3] as $i) { if (shm_has_var($s, $i)) { echo \"$i:\", shm_get_var($s, $i), ' '; } }");
        Assert.Equal(expected, listed.Trim());
        Assert.Matches("\nmode: +0640\n", await folder.SucceedAsync("shm", "stat"));
        Assert.Single(await folder.ObjectsAsync());
    }

    [Fact]
    public async Task Copy_that_was_not_complete_is_removed()
    {
        await using var folder = new IpcFolder();
        _ = await folder.PhpAsync("shm_put_var(shm_attach($key, 200, 0600), 1, 'old'); shmop_open(~$key, 'n', 0600, 500);");
        Assert.Equal("old\n", await folder.SucceedAsync("shm", "get", "1"));
        Assert.Single(await folder.ObjectsAsync());
    }

    [Fact]
    public async Task Segment_that_nobody_has_used_can_be_removed()
    {
        await using var folder = new IpcFolder();
        _ = await folder.PhpAsync("shmop_open($key, 'n', 0600, 500);");
        Assert.Equal("", await folder.SucceedAsync("shm", "remove"));
        Assert.Empty(await folder.ObjectsAsync());
    }

    /// <summary>Of a long value the list looks at its beginning alone.</summary>
    [Fact]
    public async Task List_of_long_values_takes_little_memory()
    {
        await using var folder = new IpcFolder();
        _ = await folder.PhpAsync(
            "$s = shm_attach($key, 45000000, 0600); shm_put_var($s, 1, str_repeat(\"\\u{1F600}\", 5000000)); "
            + "shm_put_var($s, 2, ['x' => str_repeat(\"\\xFF\", 20000000)]);");
        var list = await CommandResult.RunAsync("sh", "-c", $"ulimit -d 131072; '{PublishedBinary.FilePath}' shm list --path '{folder.FullName}'");
        Assert.Equal((0, ""), (list.ExitCode, list.Error));
        Assert.Contains($"\n1         string  20000014  {string.Concat(Enumerable.Repeat("😀", 30))}...\n", list.Output, StringComparison.Ordinal);
        Assert.Contains(@"  ['x' => '\xFF\xFF", list.Output, StringComparison.Ordinal);
    }

    /// <summary>PHP removes the old value first, and then finds that there is no room.</summary>
    [Fact]
    public async Task What_does_not_fit_leaves_the_value_and_says_what_it_takes()
    {
        await using var folder = new IpcFolder();
        _ = await folder.PhpAsync("$s = shm_attach($key, 200); shm_put_var($s, 1, 'old'); shm_put_var($s, 2, 'other');");
        var refused = await folder.RunAsync("shm", "put", "1", new string('x', 200));
        Assert.Equal((1, ""), (refused.ExitCode, refused.Output));

        // s:200:"…"; has 209 bytes, its chunk 248; 200 - 40 - 48 - 48 = 64 are free, and the old value's 48.
        Assert.Contains("takes 248 bytes, 136 more than", refused.Error, StringComparison.Ordinal);
        Assert.Contains("--grow", refused.Error, StringComparison.Ordinal);
        Assert.Equal("old other", await folder.PhpAsync("$s = shm_attach($key); echo shm_get_var($s, 1), ' ', shm_get_var($s, 2);"));
    }

    [Fact]
    public async Task Growing_moves_all_variables_and_tells_who_stays_behind()
    {
        await using var folder = new IpcFolder();
        await using var script = RunningProgram.Start(folder,
            "$s = shm_attach($key, 200, 0640); shm_put_var($s, 1, 'old'); shm_put_var($s, 2, 'other'); "
            + "echo \"ready\\n\"; fgets(STDIN); echo shm_get_var($s, 1), \"\\n\"; fgets(STDIN);");
        Assert.Equal("ready", await script.ReadLineAsync());
        var grown = await folder.RunAsync("shm", "put", "1", new string('x', 200), "--grow");
        Assert.Equal((0, ""), (grown.ExitCode, grown.Output));
        Assert.Contains("1 other attachments are to the former one", grown.Error, StringComparison.Ordinal);

        // What the variables take, a quarter more, and the 10,000 bytes of PHP's default for the next ones.
        Assert.Equal($"{new string('x', 200)} other 10420", await folder.PhpAsync(
            "$s = shm_attach($key); echo shm_get_var($s, 1), ' ', shm_get_var($s, 2), ' ', shmop_size(shmop_open($key, 'a', 0, 0));"));
        Assert.Matches("\nmode: +0640\n", await folder.SucceedAsync("shm", "stat"));

        // Who is attached keeps what it had.
        await script.WriteLineAsync("");
        Assert.Equal("old", await script.ReadLineAsync());
        await script.WriteLineAsync("");
        await script.WaitAsync();
        Assert.Single(await folder.ObjectsAsync());
    }

    [Fact]
    public async Task Puts_at_the_same_time_lose_nothing()
    {
        await using var folder = new IpcFolder();
        _ = await folder.SucceedAsync("shm", "put", "0", "first", "--size", "300");
        await Task.WhenAll(Enumerable.Range(1, 24).Select(number => folder.SucceedQuietlyAsync(
            "shm", "put", number.ToString(CultureInfo.InvariantCulture), new string('x', 10 * number), "--grow")));
        var list = await folder.SucceedAsync("shm", "list");
        Assert.Equal(26, list.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.Equal("5 300", await folder.PhpAsync(
            "$s = shm_attach($key); $n = 0; "
            + "for ($i = 1; $i <= 24; $i++) { $n += strlen(shm_get_var($s, $i)) / 10; } echo strlen(shm_get_var($s, 0)), ' ', $n;"));
        Assert.Single(await folder.ObjectsAsync());
    }

    [Fact]
    public async Task List_and_stat_are_for_people_and_programs()
    {
        await using var folder = new IpcFolder();
        _ = await folder.PhpAsync("$s = shm_attach($key, 1000, 0600); shm_put_var($s, 1, [1, 'a' => NAN]); shm_put_var($s, 22, str_repeat('long ', 50));");
        var list = await folder.SucceedAsync("shm", "list");
        Assert.Matches("^variable +type +bytes +value\n1 +array +[0-9]+ +\\[0 => 1, 'a' => NAN\\]\n22 +string +259 +(long ){12}\\.\\.\\.\n$", list);
        Assert.StartsWith("""[{"variable":1,"type":"array","bytes":""", await folder.SucceedAsync("shm", "list", "--json"), StringComparison.Ordinal);
        var stat = await folder.SucceedAsync("shm", "stat", "--json");
        Assert.Contains("\"size\":1000,\"used\":360,\"free\":600,\"variables\":2,", stat, StringComparison.Ordinal);
        Assert.Contains("\"mode\":\"0600\",\"attached\":0,", stat, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Remove_takes_the_segment_away()
    {
        await using var folder = new IpcFolder();
        _ = await folder.SucceedAsync("shm", "put", "1", "a");
        _ = await folder.SucceedAsync("shm", "remove");
        Assert.Empty(await folder.ObjectsAsync());
        var again = await folder.RunAsync("shm", "remove");
        Assert.Equal(1, again.ExitCode);
        Assert.Contains("does not exist", again.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("get", "1")]
    [InlineData("list")]
    [InlineData("stat")]
    [InlineData("unset", "1")]
    [InlineData("put", "1", "x")]
    [InlineData("put", "1", "x", "--grow")]
    [InlineData("has", "1")]
    public async Task Damage_is_told(params string[] arguments)
    {
        await using var folder = new IpcFolder();
        _ = await folder.SucceedAsync("shm", "put", "1", "a");
        var segment = Assert.Single(await folder.ObjectsAsync());

        // The distance to the next chunk becomes 0: PHP itself would stop there, others would walk in a circle.
        SystemVObjects.Change(segment, bytes => bytes.AsSpan().Clear(), offset: 56, count: 8);
        var result = await folder.RunAsync(["shm", .. arguments]);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("damaged", result.Error, StringComparison.Ordinal);
        Assert.Contains("variable 1 at byte 40", result.Error, StringComparison.Ordinal);
        _ = await folder.SucceedAsync("shm", "remove");
    }

    [Fact]
    public async Task Segment_of_another_program_is_left_alone()
    {
        await using var folder = new IpcFolder();
        _ = await folder.PhpAsync("shmop_write(shmop_open($key, 'n', 0600, 100), 'somebody else', 0);");
        foreach (var command in new[] { "put 1 x", "get 1", "remove" })
        {
            var result = await folder.RunAsync(["shm", .. command.Split(' ')]);
            Assert.True(result.ExitCode == 1 && result.Error.Contains("PHP_SM", StringComparison.Ordinal), result.ToString());
        }

        Assert.Equal("somebody else", await folder.PhpAsync("echo shmop_read(shmop_open($key, 'a', 0, 0), 0, 13);"));
    }

    [Fact]
    public async Task Somebody_elses_segment_is_named_with_owner_and_mode()
    {
        await using var folder = new IpcFolder();
        File.SetUnixFileMode(folder.FullName, (UnixFileMode)0b111_101_101);
        _ = await folder.SucceedAsync("shm", "put", "1", "secret", "--mode", "600");
        var key = (await folder.PhpAsync("printf('0x%08x', $key);")).Trim();
        foreach (var command in new[] { "get 1", "put 1 x", "unset 1", "stat" })
        {
            var result = await CommandResult.RunAsync(
                "setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups", PublishedBinary.FilePath, "shm", .. command.Split(' '), "--key", key]);
            Assert.True(result.ExitCode == 1 && result.Error.Contains("user root owns it, with mode 0600", StringComparison.Ordinal), result.ToString());
            Assert.Matches("run it as root(,|\n)", result.Error);
        }

        Assert.Equal("secret\n", await folder.SucceedAsync("shm", "get", "1"));
    }

    [Theory]
    [InlineData(2, "VAR", "put", "one", "x")]
    [InlineData(2, "VAR", "get", "9223372036854775808")]
    [InlineData(2, "--size", "put", "1", "x", "--size", "1")]
    [InlineData(2, "--mode", "put", "1", "x", "--mode", "999")]
    [InlineData(2, "--key", "get", "1", "--key", "none")]
    [InlineData(2, "--key", "get", "1", "--key", "1")]
    [InlineData(
        1, "nothing has changed", "put", "1", "more than a hundred bytes with its head, and one that it needs, too, and so on, and so on, and so on",
        "--size", "100")]
    [InlineData(1, "JSON", "put", "1", "{", "--json")]
    [InlineData(1, "serialize", "put", "1", "x", "--serialized")]
    [InlineData(1, "/no/such/file", "put", "1", "@/no/such/file")]
    [InlineData(1, "does not exist", "get", "1")]
    [InlineData(1, "does not exist", "list")]
    public async Task Wrong_use_is_told_and_makes_nothing(int exitCode, string named, params string[] arguments)
    {
        await using var folder = new IpcFolder();
        var result = await folder.RunAsync(["shm", .. arguments]);
        Assert.Equal((exitCode, ""), (result.ExitCode, result.Output));
        Assert.Contains(named, result.Error, StringComparison.Ordinal);
        Assert.Empty(await folder.ObjectsAsync());
    }

    [Fact]
    public async Task State_directory_is_the_default()
    {
        await using var folder = new IpcFolder();
        var put = await CommandResult.ApplianceAsync("shm", "put", "1", "here", "--state-dir", folder.FullName, "--run-dir", folder.FullName);
        Assert.Equal(new CommandResult(0, "", ""), put);
        Assert.Equal("here", await folder.PhpAsync("echo shm_get_var(shm_attach($key), 1);"));
    }

    private static async Task ShellAsync(string command)
    {
        var result = await CommandResult.RunAsync("sh", "-c", command);
        Assert.Equal(new CommandResult(0, "", ""), result);
    }
}
