using System.Diagnostics;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>Processes that do not run for some time: a paused virtual machine, a frozen container, one that is stopped alone.</summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class FreezeTests
{
    /// <summary>Longer than every limit of these servers.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(7);

    private static readonly string[] Limits = ["--announce", "off", "--ping", "2", "--timeout", "5", "--handshake-timeout", "5", "--drain", "60"];

    /// <summary>What clients have sent meanwhile is read, and who had nothing to say is asked first.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public async Task Nobody_is_late_because_the_server_did_not_run(int workers)
    {
        await using var daemon = await ApplianceDaemon.StartInModeAsync(workers, Limits);
        await using var ann = await daemon.JoinAsync();
        await using var bob = await daemon.JoinAsync();
        await using var newcomer = await RawClient.ConnectAsync(daemon.Address);
        var request = RawClient.UpgradeRequest();
        await newcomer.SendAsync(request.AsMemory(0, 20));
        await FreezeAsync(daemon, async () =>
        {
            await newcomer.SendAsync(request.AsMemory(20));
            foreach (var text in Enumerable.Range(0, 60))
            {
                // More than a burst: it has waited, nobody was too fast.
                await ann.SayAsync($"{text}");
            }
        });
        Assert.Equal(101, (await newcomer.ReadResponseAsync()).Status);
        _ = await ann.ReadMessageAsync("59");
        _ = await bob.ReadMessageAsync("59");
        _ = await bob.SayAndReadAsync("here");
        _ = await ann.ReadMessageAsync("here");
    }

    /// <summary>A client that answers the close while the server does not run gets an orderly end.</summary>
    [Fact]
    public async Task Answer_to_a_close_is_read_before_it_is_judged()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(1, Limits);
        await using var ann = await daemon.JoinAsync();
        var asked = ApplianceDaemon.SignalAsync(daemon.Master, "TERM");
        Assert.Equal(1001, await ann.Raw.ReadCloseAsync());
        await asked;
        await FreezeAsync(daemon, () => ann.Raw.SendAsync(ClientFrame.Close(1001)));
        Assert.True(await ann.Raw.ExpectEndAsync(), "A reset instead of an orderly end.");
    }

    [Fact]
    public async Task Workers_of_a_frozen_host_are_not_killed()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(2, ["--announce", "off", "--worker-timeout", "2", .. MonitoringPort.Options]);
        var port = await MonitoringPort.OfAsync(daemon);
        var workers = daemon.Workers();
        await FreezeAsync(daemon, () => Task.CompletedTask);
        var thawed = (await port.StatusAsync()).GetProperty("time").GetInt64();
        _ = await port.WaitForStatusAsync("three more seconds", status => status.GetProperty("time").GetInt64() > thawed + 3000);
        Assert.Equal(workers, daemon.Workers());
        Assert.DoesNotContain(daemon.Log, line => line.Contains("has not turned", StringComparison.Ordinal));
    }

    /// <summary>Until it is killed it is told; what waits for it goes on then, and no client of another one notices.</summary>
    [Fact]
    public async Task Worker_that_is_stopped_alone_is_killed_and_replaced()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(2, ["--announce", "off", "--worker-timeout", "8", .. MonitoringPort.Options]);
        var port = await MonitoringPort.OfAsync(daemon);
        await using var ann = await daemon.JoinWorkerAsync(0);
        var stopped = daemon.Workers()[1];
        var own = stopped.OwnPid;
        await ApplianceDaemon.SignalAsync(stopped, "STOP");
        var reload = daemon.RunCommandAsync("reload");
        _ = await port.WaitForStatusAsync("a worker that is stuck", status => !status.GetProperty("ready").GetBoolean());
        Assert.Equal("worker 1 is stuck\n", (await port.GetAsync("/healthz")).Text);
        var line = await daemon.WaitForLogAsync("worker 1, .* has not turned for");
        Assert.Matches($@"pid {own}, has not turned for [0-9]+ s \(it is stopped\) and is killed", line);
        await daemon.WaitForEndAsync(stopped);
        Assert.Equal(0, (await reload).ExitCode);
        await using var bob = await daemon.JoinWorkerAsync(1);
        _ = await bob.SayAndReadAsync("served again");
        _ = await ann.ReadMessageAsync("served again");
    }

    /// <summary>A signal would be taken at some later time, so none is sent; who asks learns at once what to do.</summary>
    [Theory]
    [InlineData("stop")]
    [InlineData("reload")]
    [InlineData("reopen")]
    [InlineData("upgrade")]
    public async Task Command_tells_that_the_master_is_stopped(string command)
    {
        await using var daemon = await ApplianceDaemon.StartAsync(1);
        var pid = daemon.Master.Pid;
        await ApplianceDaemon.SignalAsync(daemon.Master, "STOP");
        try
        {
            var told = await daemon.RunCommandAsync(command);
            Assert.Equal(1, told.ExitCode);
            Assert.Contains($"{command}: process {daemon.ReadPidFile().Trim()} is stopped", told.Error, StringComparison.Ordinal);
            Assert.Contains("kill -CONT", told.Error, StringComparison.Ordinal);
        }
        finally
        {
            await ApplianceDaemon.SignalAsync(daemon.Master, "CONT");
        }

        Assert.Equal(pid, daemon.Master.Pid);
        await using var ann = await daemon.JoinAsync();
        _ = await ann.SayAndReadAsync("goes on");
    }

    [Fact]
    public async Task Worker_with_nothing_to_do_and_one_without_a_limit_live_on()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(2, ["--announce", "off", "--worker-timeout", "2", .. MonitoringPort.Options]);
        var port = await MonitoringPort.OfAsync(daemon);
        var workers = daemon.Workers();
        var began = (await port.StatusAsync()).GetProperty("time").GetInt64();
        _ = await port.WaitForStatusAsync("five idle seconds", status => status.GetProperty("time").GetInt64() > began + 5000);
        Assert.Equal(workers, daemon.Workers());
    }

    /// <summary>Stops every process, lets something happen that they cannot see, and has them go on when all their limits are over.</summary>
    private static async Task FreezeAsync(ApplianceDaemon daemon, Func<Task> meanwhile)
    {
        ProcessStatus[] processes = [daemon.Master, .. daemon.Workers().Values];
        await SignalAllAsync(processes, "STOP");
        var stopped = Stopwatch.StartNew();
        await meanwhile();

        // The time that passes is what is tested.
        await Task.Delay(Pause - stopped.Elapsed);
        await SignalAllAsync(processes, "CONT");
    }

    private static async Task SignalAllAsync(ProcessStatus[] processes, string signal)
    {
        var kill = await CommandResult.RunAsync("sh", "-c", $"kill -{signal} {string.Join(' ', processes.Select(process => process.Pid))}");
        Assert.True(kill.ExitCode == 0, kill.Error);
    }
}
