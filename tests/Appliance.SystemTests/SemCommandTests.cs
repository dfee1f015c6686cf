using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>Semaphores that the binary and PHP take from each other.</summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class SemCommandTests
{
    private const string Hold = "$s = sem_get($key); sem_acquire($s); echo \"held\\n\"; fgets(STDIN); sem_release($s); echo \"released\\n\"; fgets(STDIN);";
    private const string TryToTake = "var_dump(sem_acquire(sem_get($key), true));";

    [Theory]
    [InlineData(0, "true")]
    [InlineData(7, "sh", "-c", "exit 7")]
    [InlineData(137, "sh", "-c", "kill -9 $$")]
    [InlineData(143, "sh", "-c", "kill -TERM $$")]
    [InlineData(127, "no-such-program-anywhere")]
    [InlineData(126, "/etc/passwd")]
    [InlineData(126, "/")]
    public async Task Exit_status_is_the_commands(int exitCode, params string[] command)
    {
        await using var folder = new IpcFolder();
        var result = await folder.RunAsync(["sem", "run", "--", .. command]);
        Assert.Equal(exitCode, result.ExitCode);
        Assert.Equal(exitCode is 126 or 127, result.Error.Length > 0);
        Assert.Contains("\"value\":1,\"usage\":0,\"waiting\":0,", await folder.SucceedAsync("sem", "stat", "--json"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Command_gets_its_arguments_its_input_and_no_signal_ignored()
    {
        await using var folder = new IpcFolder();
        var result = await folder.RunAsync("sem", "run", "--timeout", "5", "--", "printf", "%s|", "--path", "a b", "", "*", "grün");
        Assert.Equal(new CommandResult(0, "--path|a b||*|grün|", ""), result);
        var signals = await folder.SucceedAsync("sem", "run", "--", "grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status");
        Assert.Equal("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n", signals);
        var limits = await CommandResult.RunAsync("sh", "-c", "ulimit -a; umask");
        Assert.Equal(limits, await folder.RunAsync("sem", "run", "--", "sh", "-c", "ulimit -a; umask"));
    }

    /// <summary>Names of files, for example, need be no text.</summary>
    [Fact]
    public async Task Command_gets_its_arguments_byte_for_byte()
    {
        await using var folder = new IpcFolder();
        var result = await CommandResult.RunAsync(
            "sh", "-c", $"'{PublishedBinary.FilePath}' sem run --path '{folder.FullName}' "
                + "-- printf '%s|' \"$(printf 'a\\377b')\" \"$(printf 'a\\376b')\" grün | od -An -tx1");
        Assert.Equal("61 ff 62 7c 61 fe 62 7c 67 72 c3 bc 6e 7c", result.Output.Trim());
    }

    [Fact]
    public async Task Option_before_a_command_does_not_take_its_name()
    {
        await using var folder = new IpcFolder();
        Assert.Equal(new CommandResult(1, "", ""), await folder.RunAsync("sem", "run", "--nowait", "false"));
        Assert.Equal(new CommandResult(0, "", ""), await folder.RunAsync("sem", "run", "--nowait", "true"));
    }

    [Fact]
    public async Task Who_comes_second_is_told_so()
    {
        await using var folder = new IpcFolder();
        await using var script = RunningProgram.Start(folder, Hold);
        Assert.Equal("held", await script.ReadLineAsync());
        foreach (var options in (string[][])[["--nowait"], ["--timeout", "0.05"]])
        {
            var refused = await folder.RunAsync(["sem", "run", .. options, "--", "echo", "in"]);
            Assert.Equal((1, ""), (refused.ExitCode, refused.Output));
            Assert.Contains($"is taken; process {script.Pid} used it last", refused.Error, StringComparison.Ordinal);
            Assert.Equal(75, (await folder.RunAsync(["sem", "run", .. options, "--conflict-exit-code", "75", "--", "echo", "in"])).ExitCode);
        }

        Assert.Contains("\"value\":0,\"usage\":1,\"waiting\":0,", await folder.SucceedAsync("sem", "stat", "--json"), StringComparison.Ordinal);
        await script.WriteLineAsync("");
        Assert.Equal("released", await script.ReadLineAsync());
        Assert.Equal("in\n", await folder.SucceedAsync("sem", "run", "--nowait", "--", "echo", "in"));
    }

    [Fact]
    public async Task PHP_waits_for_a_command_and_a_command_for_PHP()
    {
        await using var folder = new IpcFolder();
        await using var command = RunningProgram.Start(
            PublishedBinary.FilePath, "sem", "run", "--path", folder.FullName, "--", "sh", "-c", "echo held; read line");
        Assert.Equal("held", await command.ReadLineAsync());
        Assert.Equal("bool(false)\n", await folder.PhpAsync(TryToTake));
        await using var script = RunningProgram.Start(folder, Hold);
        await folder.WaitForWaitingAsync(1);
        await using var second = RunningProgram.Start(PublishedBinary.FilePath, "sem", "run", "--path", folder.FullName, "--", "echo", "second");
        await folder.WaitForWaitingAsync(2);
        await command.WriteLineAsync("");
        Assert.Equal(0, await command.WaitAsync());
        Assert.Equal("held", await script.ReadLineAsync());
        await script.WriteLineAsync("");
        Assert.Equal("released", await script.ReadLineAsync());
        Assert.Equal("second", await second.ReadLineAsync());
        await script.WriteLineAsync("");
        Assert.Equal((0, 0), (await second.WaitAsync(), await script.WaitAsync()));
    }

    /// <summary>A locker that does not raise the usage count is overlooked: the next sem_get() opens the gate once more.</summary>
    [Fact]
    public async Task PHP_that_comes_later_does_not_open_the_gate()
    {
        await using var folder = new IpcFolder();
        await using var holder = RunningProgram.Start(PublishedBinary.FilePath, "sem", "acquire", "--hold", "600", "--path", folder.FullName);
        Assert.StartsWith("holding semaphore 0x41", await holder.ReadLineAsync(), StringComparison.Ordinal);
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal("bool(false)\n", await folder.PhpAsync(TryToTake));
            Assert.Equal(1, (await folder.RunAsync("sem", "run", "--nowait", "--", "true")).ExitCode);
        }

        Assert.Contains("\"value\":0,\"usage\":1,", await folder.SucceedAsync("sem", "stat", "--json"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("acquire")]
    [InlineData("run")]
    [InlineData("php")]
    public async Task Holder_that_is_killed_gives_it_back(string who)
    {
        await using var folder = new IpcFolder();
        await using var holder = who switch
        {
            "php" => RunningProgram.Start(folder, Hold),
            "run" => RunningProgram.Start(PublishedBinary.FilePath, "sem", "run", "--path", folder.FullName, "--", "sh", "-c", "echo held; read line"),
            _ => RunningProgram.Start(PublishedBinary.FilePath, "sem", "acquire", "--hold", "600", "--path", folder.FullName),
        };
        Assert.NotNull(await holder.ReadLineAsync());
        Assert.Equal(1, (await folder.RunAsync("sem", "run", "--nowait", "--", "true")).ExitCode);
        await holder.KillAsync();
        Assert.Contains("\"value\":1,\"usage\":0,", await folder.SucceedAsync("sem", "stat", "--json"), StringComparison.Ordinal);
        Assert.Equal("bool(true)\n", await folder.PhpAsync(TryToTake));
    }

    [Theory]
    [InlineData("TERM", 143)]
    [InlineData("INT", 130)]
    [InlineData("HUP", 129)]
    public async Task Signal_ends_who_waits_and_who_holds(string signal, int exitCode)
    {
        await using var folder = new IpcFolder();
        await using var holder = RunningProgram.Start(PublishedBinary.FilePath, "sem", "acquire", "--hold", "600", "--path", folder.FullName);
        Assert.NotNull(await holder.ReadLineAsync());
        await using var waiting = RunningProgram.Start(PublishedBinary.FilePath, "sem", "run", "--path", folder.FullName, "--", "true");
        await folder.WaitForWaitingAsync(1);
        await SignalAsync(waiting, signal);
        Assert.Equal(exitCode, await waiting.WaitAsync());
        await SignalAsync(holder, signal);
        Assert.Equal(exitCode, await holder.WaitAsync());
        Assert.Contains("\"value\":1,\"usage\":0,\"waiting\":0,", await folder.SucceedAsync("sem", "stat", "--json"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task As_many_as_are_allowed_come_in()
    {
        await using var folder = new IpcFolder();
        await using var first = RunningProgram.Start(PublishedBinary.FilePath, "sem", "acquire", "--hold", "600", "--max", "2", "--path", folder.FullName);
        Assert.NotNull(await first.ReadLineAsync());

        // Another number of somebody who comes later counts for nothing, as with PHP.
        Assert.Equal("bool(true)\n", await folder.PhpAsync("var_dump(sem_acquire(sem_get($key, 5), true));"));
        await using var second = RunningProgram.Start(PublishedBinary.FilePath, "sem", "acquire", "--hold", "600", "--max", "7", "--path", folder.FullName);
        Assert.NotNull(await second.ReadLineAsync());
        Assert.Equal("bool(false)\n", await folder.PhpAsync(TryToTake));
    }

    [Fact]
    public async Task Counter_of_commands_and_scripts_loses_nothing()
    {
        await using var folder = new IpcFolder();
        _ = await folder.SucceedAsync("shm", "put", "1", "0", "--json");
        var command = $"n=$('{PublishedBinary.FilePath}' shm get 1 --path '{folder.FullName}'); "
            + $"'{PublishedBinary.FilePath}' shm put 1 $((n + 1)) --json --path '{folder.FullName}'";
        var commands = Enumerable.Range(0, 8).Select(_ => folder.SucceedQuietlyAsync("sem", "run", "--", "sh", "-c", command));
        var scripts = Enumerable.Range(0, 4).Select(_ => folder.PhpAsync(
            "$s = sem_get($key); $m = shm_attach($key); "
            + "for ($i = 0; $i < 50; $i++) { sem_acquire($s); shm_put_var($m, 1, shm_get_var($m, 1) + 1); sem_release($s); }"));
        await Task.WhenAll([.. commands, .. scripts]);
        Assert.Equal("208\n", await folder.SucceedAsync("shm", "get", "1"));
    }

    [Fact]
    public async Task Remove_tells_who_waits()
    {
        await using var folder = new IpcFolder();
        await using var holder = RunningProgram.Start(PublishedBinary.FilePath, "sem", "acquire", "--hold", "600", "--path", folder.FullName);
        Assert.NotNull(await holder.ReadLineAsync());
        await using var waiting = RunningProgram.Start(PublishedBinary.FilePath, "sem", "run", "--path", folder.FullName, "--", "true");
        await folder.WaitForWaitingAsync(1);
        _ = await folder.SucceedAsync("sem", "remove");
        Assert.Equal(1, await waiting.WaitAsync());
        Assert.Empty(await folder.ObjectsAsync());
        var again = await folder.RunAsync("sem", "remove");
        Assert.Equal((1, ""), (again.ExitCode, again.Output));
        Assert.Contains("does not exist", again.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2, "sem run --help", "run")]
    [InlineData(2, "--hold", "acquire")]
    [InlineData(2, "--hold", "acquire", "--hold", "soon")]
    [InlineData(2, "--max", "run", "--max", "0", "--", "true")]
    [InlineData(2, "--timeout", "run", "--timeout", "-1", "--", "true")]
    [InlineData(2, "--nowait", "run", "--nowait", "--timeout", "1", "--", "true")]
    [InlineData(2, "--conflict-exit-code", "run", "--conflict-exit-code", "256", "--", "true")]
    [InlineData(1, "does not exist", "stat")]
    public async Task Wrong_use_is_told_and_makes_nothing(int exitCode, string named, params string[] arguments)
    {
        await using var folder = new IpcFolder();
        var result = await folder.RunAsync(["sem", .. arguments]);
        Assert.Equal((exitCode, ""), (result.ExitCode, result.Output));
        Assert.Contains(named, result.Error, StringComparison.Ordinal);
        Assert.Empty(await folder.ObjectsAsync());
    }

    [Fact]
    public async Task Set_of_another_program_is_left_alone()
    {
        await using var folder = new IpcFolder();
        var key = await folder.PhpAsync("printf('0x%08x', $key);");
        var made = await CommandResult.RunAsync("perl", "-e", $"defined semget({key}, 5, 0600 | 01000) or die $!");
        Assert.Equal(new CommandResult(0, "", ""), made);
        foreach (var command in (string[][])[["run", "--", "true"], ["stat"], ["remove"]])
        {
            var result = await folder.RunAsync(["sem", .. command]);
            Assert.True(result.ExitCode == 1 && result.Error.Contains("is a set of 5", StringComparison.Ordinal), result.ToString());
        }

        Assert.Single(await folder.ObjectsAsync());
    }

    [Fact]
    public async Task Somebody_elses_semaphore_is_named_with_owner_and_mode()
    {
        await using var folder = new IpcFolder();
        _ = await folder.SucceedAsync("sem", "run", "--mode", "600", "--", "true");
        var key = await folder.PhpAsync("printf('0x%08x', $key);");
        foreach (var command in (string[][])[["run", "--key", key, "--", "true"], ["stat", "--key", key], ["remove", "--key", key]])
        {
            var result = await CommandResult.RunAsync(
                "setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups", PublishedBinary.FilePath, "sem", .. command]);
            Assert.True(result.ExitCode == 1 && result.Error.Contains("user root owns it, with mode 0600", StringComparison.Ordinal), result.ToString());
        }
    }

    private static async Task SignalAsync(RunningProgram program, string signal)
    {
        var kill = await CommandResult.RunAsync("sh", "-c", $"kill -{signal} {program.Pid}");
        Assert.Equal(new CommandResult(0, "", ""), kill);
    }
}
