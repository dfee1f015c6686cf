using System.Diagnostics;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>How a daemon comes into being: the steps of its start as /proc shows them, the launcher's word, options combined.</summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class DaemonStartTests
{
    private const string HostileSignals = "--block-signal --ignore-signal=HUP,INT,QUIT,PIPE,ALRM,TERM,CHLD,USR1,USR2";

    /// <summary>Started with twenty leaked descriptors, all signals blocked, some ignored, and a hostile umask; from a terminal or without.</summary>
    [Theory]
    [InlineData("000", true)]
    [InlineData("777", true)]
    [InlineData("077", false)]
    public async Task Every_step_of_the_start_is_taken(string umask, bool fromTerminal)
    {
        await using var daemon = new ApplianceDaemon();
        var hostile = Path.Combine(daemon.Folder, "hostile");
        var leaks = string.Join(' ', Enumerable.Range(10, 20).Select(number => $"{number}<>{daemon.Folder}/leak-{number}"));
        await File.WriteAllTextAsync(hostile, $"exec {leaks}\numask {umask}\ntty\nexec env {HostileSignals} \"$@\"\n");
        string[] wrapper = fromTerminal ? ["bash", "-c", "exec script -qefc \"bash $0 $*\" /dev/null", hostile] : ["bash", hostile];
        var started = await daemon.LaunchThroughAsync(wrapper, "--proc=4", "--log-level", "debug");
        Assert.True(started.ExitCode == 0, $"{started} {daemon.Tail()}");
        Assert.Equal(fromTerminal, started.Output.Contains("/dev/pts/", StringComparison.Ordinal));
        Assert.Contains($"daemon process started, pid {daemon.Master.Pid}", started.Output, StringComparison.Ordinal);

        var master = daemon.Master;
        Assert.NotEqual(master.Pid, master.Session);
        Assert.DoesNotContain(ProcessStatus.All, process => process.Pid == master.Session);
        Assert.Contains(master.Parent, Ancestors());
        Assert.Equal($"{master.Pid}\n", daemon.ReadPidFile());
        Assert.Equal("appliance: master", master.Arguments[0]);

        var workers = daemon.Workers();
        Assert.Equal([0, 1, 2, 3], workers.Keys.Order());
        foreach (var process in workers.Values.Append(master))
        {
            Assert.Equal(0, process.Terminal);
            Assert.Equal(master.Session, process.Session);
            Assert.Equal("/", process.WorkingDirectory);
            Assert.Equal("0027", process.Field("Umask"));
            Assert.Equal(ProcessStatus.TakenSignals, process.Field("SigBlk"));
            Assert.Equal("appliance", process.Name);
            var descriptors = process.Descriptors;
            Assert.Equal(["/dev/null", "/dev/null", daemon.LogFile], Enumerable.Range(0, 3).Select(number => descriptors[number]));
            Assert.DoesNotContain(descriptors.Values, target =>
                target.Contains("leak-", StringComparison.Ordinal) || target.StartsWith("/dev/pts", StringComparison.Ordinal));
            Assert.Empty(ForeignPipes(descriptors));
        }

        // None of the signals that the launcher was told to ignore is lost on the daemon.
        _ = await daemon.SucceedAsync("reload");
        _ = await daemon.SucceedAsync("reopen");
        await ApplianceDaemon.SignalAsync(workers[2], "KILL");
        await daemon.WaitUntilAsync("a new worker 2", () => daemon.Workers().GetValueOrDefault(2) is { } next && next.Pid != workers[2].Pid);
    }

    [Fact]
    public async Task Launcher_ends_when_all_workers_serve()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(8, "--log-level", "debug", "--announce", "off");
        Assert.Equal(Enumerable.Range(0, 8), daemon.Workers().Keys.Order());
        var inode = await CommandResult.RunAsync("stat", "--format=%i", daemon.PidFile);
        Assert.Contains(await File.ReadAllLinesAsync("/proc/locks"), line => line.Contains($":{inode.Output.Trim()} ", StringComparison.Ordinal));
        for (var worker = 0; worker < 8; worker++)
        {
            _ = await daemon.WaitForLogAsync($"worker {worker} ready, pid {daemon.Workers()[worker].Pid}");
            await using var client = await daemon.JoinWorkerAsync(worker);
            _ = await client.SayAndReadAsync("served");
        }

        var status = await daemon.SucceedAsync("status");
        Assert.All(daemon.Workers(), worker => Assert.Matches($@"(?m)^ *{worker.Key} +{worker.Value.Pid} ", status));
    }

    [Fact]
    public async Task Started_without_stdin_stdout_and_stderr_it_serves()
    {
        await using var daemon = new ApplianceDaemon();
        var started = await daemon.LaunchThroughAsync(["bash", "-c", "exec \"$0\" \"$@\" 0<&- 1>&- 2>&-"], "--proc=2");
        Assert.True(started.ExitCode == 0, $"{started} {daemon.Tail()}");
        var descriptors = daemon.Master.Descriptors;
        Assert.Equal(["/dev/null", "/dev/null", daemon.LogFile], Enumerable.Range(0, 3).Select(number => descriptors[number]));
        await using var ann = await daemon.JoinAsync();
        _ = await ann.SayAndReadAsync("hello");
    }

    [Theory]
    [InlineData("--master --proc=3 --daemon", 3)]
    [InlineData("--daemon --proc", 8)]
    [InlineData("--daemon", 8)]
    [InlineData("--debug --daemon --proc=1", 1)]
    [InlineData("--daemon --nofork", 0)]
    public async Task Options_of_a_daemon_combine(string options, int workers)
    {
        await using var daemon = new ApplianceDaemon();
        var started = await daemon.LaunchAsync(options.Split(' '));
        Assert.True(started.ExitCode == 0, started.ToString());
        Assert.Equal(workers, daemon.Workers().Count);
        Assert.Equal(workers, daemon.Master.Children().Count);
        await using var ann = await daemon.JoinAsync();
        _ = await ann.SayAndReadAsync("hello");
    }

    [Theory]
    [InlineData("--master", 8)]
    [InlineData("--proc=3", 3)]
    [InlineData("--proc 3", 3)]
    [InlineData("--proc", 8)]
    [InlineData("--proc=auto", -1)]
    [InlineData("--debug --proc=1", 1)]
    public async Task Options_without_daemon_stay_in_the_foreground(string options, int workers)
    {
        await using var daemon = new ApplianceDaemon();
        await daemon.StartForegroundAsync([], new Dictionary<string, string>(StringComparer.Ordinal), options.Split(' '));
        Assert.Equal(Environment.ProcessId, daemon.Master.Parent);
        Assert.Equal(workers < 0 ? Environment.ProcessorCount : workers, daemon.Workers().Count);
        await using (var ann = await daemon.JoinAsync())
        {
            _ = await ann.SayAndReadAsync("hello");
        }

        _ = await daemon.SucceedAsync("stop");
        Assert.Equal(0, await daemon.WaitForForegroundAsync());
    }

    /// <summary>What a shell does to a background job, and nohup: the signals that stop, reload and reopen are taken all the same.</summary>
    [Theory]
    [InlineData("--proc=2", "ignore", "TERM")]
    [InlineData("--proc=2", "block", "INT")]
    [InlineData("--nofork", "ignore", "INT")]
    [InlineData("--nofork", "block", "QUIT")]
    public async Task Signals_that_were_ignored_or_blocked_are_taken_in_the_foreground(string mode, string how, string end)
    {
        await using var daemon = new ApplianceDaemon();
        await daemon.StartForegroundAsync(
            ["env", $"--{how}-signal=HUP,INT,QUIT,TERM,CHLD,USR1,USR2"], new Dictionary<string, string>(StringComparer.Ordinal), mode);
        _ = await daemon.SucceedAsync("reload");
        _ = await daemon.SucceedAsync("reopen");
        await ApplianceDaemon.SignalAsync(daemon.Master, end);
        Assert.Equal(0, await daemon.WaitForForegroundAsync());
    }

    [Fact]
    public async Task Started_from_a_directory_that_is_gone_it_serves()
    {
        await using var daemon = new ApplianceDaemon();
        var gone = Path.Combine(daemon.Folder, "gone");
        string[] wrapper = ["sh", "-c", $"mkdir {gone} && cd {gone} && rmdir {gone} && exec \"$0\" \"$@\""];
        var started = await daemon.LaunchThroughAsync(wrapper, "--proc=2");
        Assert.True(started.ExitCode == 0, started.ToString());
        var status = await CommandResult.RunAsync(
            wrapper[0], [.. wrapper[1..], PublishedBinary.FilePath, "status", "--run-dir", daemon.RunDirectory, "--state-dir", daemon.StateDirectory]);
        Assert.True(status.ExitCode == 0, status.ToString());
    }

    /// <summary>Until it serves the number in the pid file is not its own: it stops nobody, and the one that starts is stopped once it can be.</summary>
    [Fact]
    public async Task Stop_of_one_that_starts_waits_for_it_and_kills_no_stranger()
    {
        using var stranger = Process.Start("sleep", "600");
        try
        {
            await using var daemon = new ApplianceDaemon();
            for (var round = 0; round < 5; round++)
            {
                await File.WriteAllTextAsync(daemon.PidFile, $"{stranger.Id}\n");
                await File.WriteAllTextAsync(Path.Combine(daemon.StateDirectory, "appliance.lock"), $"{stranger.Id}\n");
                var starting = daemon.LaunchAsync("--proc=8");
                while (!starting.IsCompleted)
                {
                    _ = await daemon.SucceedAsync("stop");
                }

                Assert.False(stranger.HasExited, "A stop has ended a process that is no server.");
                _ = await daemon.SucceedAsync("stop");
                Assert.Equal(3, (await daemon.RunCommandAsync("status")).ExitCode);
                await daemon.WaitUntilAsync("end of all processes", () => ProcessStatus.Using(daemon.Folder).Count == 0);
            }
        }
        finally
        {
            stranger.Kill();
            await stranger.WaitForExitAsync();
        }
    }

    /// <summary>Pid files that somebody left: of a process that has ended, of another program, or no pid at all.</summary>
    [Theory]
    [InlineData("of the dead")]
    [InlineData("of a stranger")]
    [InlineData("0\n")]
    [InlineData("-1\n")]
    [InlineData("no number")]
    [InlineData("")]
    public async Task Stale_pid_file_stops_no_start_and_kills_no_stranger(string content)
    {
        using var stranger = Process.Start("sleep", "600");
        try
        {
            await using var daemon = new ApplianceDaemon();
            await File.WriteAllTextAsync(daemon.PidFile, content switch
            {
                "of a stranger" => $"{stranger.Id}\n",
                "of the dead" => "4194304\n",
                _ => content,
            });
            Assert.Equal(1, (await daemon.RunCommandAsync("status")).ExitCode);
            Assert.Equal(0, (await daemon.RunCommandAsync("stop")).ExitCode);
            Assert.Equal(1, (await daemon.RunCommandAsync("reload")).ExitCode);
            Assert.False(stranger.HasExited);

            await File.WriteAllTextAsync(daemon.PidFile, $"{stranger.Id}\n{new string('9', 100)}");
            await daemon.StartWorkersAsync(2);
            Assert.NotEqual(stranger.Id, daemon.Master.Pid);
            Assert.Equal(0, (await daemon.RunCommandAsync("status")).ExitCode);
            _ = await daemon.SucceedAsync("stop");
            Assert.False(File.Exists(daemon.PidFile));
            Assert.False(stranger.HasExited);
        }
        finally
        {
            stranger.Kill();
            await stranger.WaitForExitAsync();
        }
    }

    /// <summary>Monitors that ask all the time hold up no start.</summary>
    [Fact]
    public async Task Status_in_a_loop_disturbs_no_start()
    {
        await using var daemon = new ApplianceDaemon();
        using var enough = new CancellationTokenSource();
        var asking = Task.WhenAll(Enumerable.Range(0, 2).Select(_ => Task.Run(async () =>
        {
            while (!enough.IsCancellationRequested)
            {
                var status = await daemon.RunCommandAsync("status");
                Assert.True(status.ExitCode is 0 or 1 or 3, status.ToString());
            }
        })));
        for (var round = 0; round < 10; round++)
        {
            await daemon.StartWorkersAsync(1);
            _ = await daemon.SucceedAsync("stop");
        }

        await enough.CancelAsync();
        await asking;
    }

    /// <summary>This process and its parents: one of them, or init, takes in orphans.</summary>
    private static List<int> Ancestors()
    {
        var pids = new List<int> { Environment.ProcessId };
        while (pids[^1] > 1)
        {
            pids.Add(new ProcessStatus(pids[^1]).Parent);
        }

        return [.. pids.Append(1).Distinct()];
    }

    /// <summary>Pipes of which the process does not hold both ends: they lead to somebody else.</summary>
    private static IEnumerable<string> ForeignPipes(IReadOnlyDictionary<int, string> descriptors) => descriptors.Values
        .Where(target => target.StartsWith("pipe:", StringComparison.Ordinal))
        .GroupBy(target => target)
        .Where(ends => ends.Count() != 2)
        .Select(ends => ends.Key);
}
