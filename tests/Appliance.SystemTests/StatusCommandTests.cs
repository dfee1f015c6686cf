using System.Text.Json;
using System.Text.RegularExpressions;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary><c>appliance status</c>: for people, for programs, and as a plugin of Nagios.</summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class StatusCommandTests
{
    private const string Red = "\e[1;31m";

    [Fact]
    public async Task People_see_a_row_for_each_worker_as_it_is_now()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(2, "--announce", "off");
        await using var ann = await daemon.JoinWorkerAsync(1);
        _ = await ann.SayAndReadAsync("hello");
        var status = "";
        await daemon.WaitUntilAsync("figures of the message", () =>
            Regex.IsMatch(status = daemon.SucceedAsync("status").Result, "(?m)^ +all +1 +1 ", RegexOptions.None, TimeSpan.FromSeconds(1)));
        Assert.StartsWith($"appliance is running, pid {daemon.Master.Pid}, version ", status, StringComparison.Ordinal);
        Assert.Contains("workers: 2, rooms: 1, command queue: 0 messages\n", status, StringComparison.Ordinal);
        Assert.Matches($@"(?m)^ +0 +{daemon.Workers()[0].Pid}  serving +0 +0 ", status);
        Assert.Matches($@"(?m)^ +1 +{daemon.Workers()[1].Pid}  serving +1 +1 ", status);
        Assert.Matches(@"(?m)^ +all +1 +1 .* 0$", status);
        Assert.DoesNotContain('\e', status);
        Assert.All(status.Split('\n', StringSplitOptions.RemoveEmptyEntries)[2..], line => Assert.InRange(line.Length, 100, 120));
    }

    /// <summary>script(1) makes a terminal.</summary>
    [Theory]
    [InlineData("TERM=xterm", true)]
    [InlineData("NO_COLOR=1", false)]
    [InlineData("TERM=dumb", false)]
    public async Task Trouble_is_red_on_a_terminal_unless_somebody_minds(string environment, bool isRed)
    {
        await using var daemon = await ApplianceDaemon.StartAsync(1, "--announce", "off");
        var worker = daemon.Workers()[0];
        await ApplianceDaemon.SignalAsync(worker, "STOP");
        try
        {
            await daemon.WaitUntilAsync("a stuck worker", () => daemon.RunCommandAsync("status").Result.Output.Contains("stuck", StringComparison.Ordinal));
            var command =
                $"env -u NO_COLOR {environment} {PublishedBinary.FilePath} status --run-dir {daemon.RunDirectory} --state-dir {daemon.StateDirectory}";
            var status = await CommandResult.RunAsync("script", "-qec", command, "/dev/null");
            Assert.True(status.ExitCode == 0, status.ToString());
            Assert.Contains("worker 0 is stuck", status.Output, StringComparison.Ordinal);
            Assert.Equal(isRed, status.Output.Contains($"{Red}worker 0 is stuck", StringComparison.Ordinal));
            Assert.Equal(isRed, Regex.IsMatch(status.Output, $@"{Regex.Escape(Red)} +0 +{worker.Pid}  stuck ", RegexOptions.None, TimeSpan.FromSeconds(1)));
        }
        finally
        {
            await ApplianceDaemon.SignalAsync(worker, "CONT");
        }
    }

    [Fact]
    public async Task Json_is_what_the_monitoring_port_tells()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(2, ["--announce", "off", .. MonitoringPort.Options]);
        var port = await MonitoringPort.OfAsync(daemon);
        var (told, asked) = await TimeLimit.GuardAsync("two answers within one interval", async limit =>
        {
            while (true)
            {
                limit.ThrowIfCancellationRequested();
                var told = await port.TextAsync("/status");
                var asked = await daemon.SucceedAsync("status", "--json");
                if (Time(told) == Time(asked))
                {
                    return (told, asked);
                }
            }
        });
        Assert.Equal(told, asked);

        static long Time(string json) => JsonDocument.Parse(json).RootElement.GetProperty("time").GetInt64();
    }

    [Fact]
    public async Task Exit_statuses_are_those_of_LSB()
    {
        await using var daemon = new ApplianceDaemon();
        var never = await daemon.RunCommandAsync("status", "--json");
        Assert.Equal((3, "{\"running\": false}\n"), (never.ExitCode, never.Output));
        await daemon.StartWorkersAsync(1);
        Assert.Equal(0, (await daemon.RunCommandAsync("status", "--json")).ExitCode);
        await ApplianceDaemon.SignalAsync(daemon.Master, "KILL");
        await daemon.WaitUntilAsync("a dead server", () => daemon.RunCommandAsync("status").Result.ExitCode == 1);
        Assert.Equal(1, (await daemon.RunCommandAsync("status", "--json")).ExitCode);
        var plugin = await daemon.RunCommandAsync("status", "--nagios");
        Assert.Equal((2, "CRITICAL - appliance is dead\n"), (plugin.ExitCode, plugin.Output));
    }

    [Theory]
    [InlineData(0, "OK - 2 workers, ")]
    [InlineData(0, "OK - 2 workers, ", "--warning", "connections=5", "--critical", "connections=10")]
    [InlineData(1, "WARNING - connections is 0 (1:), ", "--warning", "connections=1:")]
    [InlineData(2, "CRITICAL - connections is 0 (1:), ", "--critical", "connections=1:,idle_percent=0:")]
    [InlineData(2, "CRITICAL - workers is 2 (1), connections is 0 (1:), ", "--critical", "workers=1", "--warning", "rps=1000", "--warning", "connections=1:")]
    [InlineData(3, "UNKNOWN - --warning: 'nothing' is no figure", "--warning", "nothing=1")]
    [InlineData(3, "UNKNOWN - --critical: '5' must be FIGURE=RANGE", "--critical", "5")]
    [InlineData(3, "UNKNOWN - --host: there is no such option", "--host", "localhost")]
    public async Task Plugin_exits_as_plugins_do(int exitCode, string beginning, params string[] options)
    {
        await using var daemon = await ApplianceDaemon.StartAsync(2, "--announce", "off");
        var plugin = await daemon.RunCommandAsync(["status", "--nagios", .. options]);
        Assert.True(plugin.ExitCode == exitCode, plugin.ToString());
        Assert.StartsWith(beginning, plugin.Output, StringComparison.Ordinal);
        Assert.Single(plugin.Output.TrimEnd('\n').Split('\n'));
        if (exitCode < 3)
        {
            Assert.InRange(MonitoringPort.PerformanceData(plugin.Output).Count, 20, 100);
        }
    }

    /// <summary>Figures that nobody takes any more are no good news.</summary>
    [Fact]
    public async Task Master_that_does_not_answer_is_told()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(2, "--announce", "off");
        var master = daemon.Master;
        await ApplianceDaemon.SignalAsync(master, "STOP");
        try
        {
            CommandResult? plugin = null;
            await daemon.WaitUntilAsync("an alert", () => (plugin = daemon.RunCommandAsync("status", "--nagios").Result).ExitCode != 0);
            Assert.True(plugin!.ExitCode == 2, plugin.ToString());
            Assert.Matches("^CRITICAL - the figures are [0-9]+ seconds old: the master does not answer, ", plugin.Output);
            var json = JsonDocument.Parse((await daemon.RunCommandAsync("status", "--json")).Output).RootElement;
            Assert.Equal((false, false), (json.GetProperty("healthy").GetBoolean(), json.GetProperty("ready").GetBoolean()));
            Assert.Contains("seconds old", (await daemon.RunCommandAsync("status")).Output, StringComparison.Ordinal);
        }
        finally
        {
            await ApplianceDaemon.SignalAsync(master, "CONT");
        }
    }

    /// <summary>Nagios runs its plugins as a user of its own: the port tells what shared memory does not.</summary>
    [Fact]
    public async Task Other_user_is_told_through_the_port()
    {
        Assert.True(Environment.IsPrivilegedProcess, "Only root can become another user.");
        await using var daemon = await ApplianceDaemon.StartAsync(2, ["--announce", "off", .. MonitoringPort.Options]);
        var port = await MonitoringPort.OfAsync(daemon);
        var plugin = await AsNobodyAsync("status", "--nagios", "--warning", "connections=1:", "--metrics", port.Address.ToString());
        Assert.True(plugin.ExitCode == 1, plugin.ToString());
        Assert.StartsWith("WARNING - connections is 0 (1:), ", plugin.Output, StringComparison.Ordinal);
        var json = await AsNobodyAsync("status", "--json", "--metrics", port.Address.ToString());
        Assert.Equal(2, JsonDocument.Parse(json.Output).RootElement.GetProperty("workers").GetInt32());
        var unreachable = await AsNobodyAsync("status", "--nagios", "--metrics", "off");
        Assert.Equal((3, true), (unreachable.ExitCode, unreachable.Output.StartsWith("UNKNOWN - ", StringComparison.Ordinal)));

        Task<CommandResult> AsNobodyAsync(params string[] arguments) => CommandResult.RunAsync(
            "setpriv",
            [
                "--reuid=65534", "--regid=65534", "--clear-groups", PublishedBinary.FilePath, .. arguments,
                "--run-dir", daemon.RunDirectory, "--state-dir", daemon.StateDirectory,
            ]);
    }

    /// <summary>What the sampler of a daemon without a port does not measure, the command does.</summary>
    [Fact]
    public async Task Memory_is_told_without_a_port()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(2, "--announce", "off");
        var json = JsonDocument.Parse(await daemon.SucceedAsync("status", "--json")).RootElement;
        var workers = json.GetProperty("per_worker").EnumerateArray().Select(worker => worker.GetProperty("memory_bytes").GetInt64()).ToArray();
        Assert.Equal(2, workers.Length);
        Assert.All(workers, bytes => Assert.InRange(bytes, 1 << 20, 1 << 30));
        Assert.InRange(json.GetProperty("memory_bytes").GetInt64() - workers.Sum(), 1 << 20, 1 << 30);
    }

    [Fact]
    public async Task Watching_goes_on_until_the_server_ends()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(1, "--announce", "off");
        await using var watching = RunningProgram.Start(
            PublishedBinary.FilePath, "status", "--watch", "--run-dir", daemon.RunDirectory, "--state-dir", daemon.StateDirectory);
        for (var told = 0; told < 3;)
        {
            told += (await watching.ReadLineAsync())!.StartsWith("appliance is running, pid ", StringComparison.Ordinal) ? 1 : 0;
        }

        _ = await daemon.SucceedAsync("stop");
        string? last = null;
        while (await watching.ReadLineAsync() is { } line)
        {
            last = line;
        }

        Assert.Equal((3, "appliance is not running"), (await watching.WaitAsync(), last));
    }

    [Fact]
    public async Task Thresholds_without_the_plugin_are_wrong_usage()
    {
        var result = await CommandResult.ApplianceAsync("status", "--warning", "rps=1");
        Assert.Equal(2, result.ExitCode);
        Assert.Contains("--nagios", result.Error, StringComparison.Ordinal);
    }
}
