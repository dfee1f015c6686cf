using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>The server as the first process of a container: it is the parent of all orphans, and its end is everybody's.</summary>
public sealed class ContainerTests
{
    public static TheoryData<string, string> Lives
    {
        get
        {
            var lives = new TheoryData<string, string>();
            foreach (var mode in (string[])["--master --proc=2", "--nofork", "--daemon --proc=2", "--daemon --nofork"])
            {
                lives.Add(mode, "TERM");
                lives.Add(mode, "INT");
                lives.Add(mode, "QUIT");
            }

            return lives;
        }
    }

    [Theory]
    [MemberData(nameof(Lives))]
    public async Task It_serves_buries_orphans_and_ends(string mode, string signal)
    {
        await using var daemon = new ApplianceDaemon();
        await daemon.StartContainerAsync([.. mode.Split(' '), "--announce", "off"]);
        Assert.Equal(1, daemon.First.OwnPid);
        await using (var ann = await daemon.JoinAsync())
        {
            _ = await ann.SayAndReadAsync("hello");
        }

        _ = await daemon.SucceedAsync("reload");
        _ = await daemon.SucceedAsync("reopen");
        var children = daemon.First.ChildCount;
        var orphans = await daemon.RunBesideAsync("sh", "-c", "for i in 1 2 3 4 5; do (sleep 0.05 &) ; done");
        Assert.True(orphans.ExitCode == 0, orphans.ToString());
        await daemon.WaitUntilAsync("end of the orphans", () => daemon.First.ChildCount == children);
        await ApplianceDaemon.SignalAsync(daemon.First, signal);
        Assert.Equal(0, await daemon.WaitForForegroundAsync());
        Assert.False(File.Exists(daemon.PidFile), "The pid file is left behind.");
        Assert.DoesNotContain(daemon.Log, line => line.Contains(" ERR ", StringComparison.Ordinal));
    }

    /// <summary>Of each it is known how it ended, and its socket is served again.</summary>
    [Fact]
    public async Task Every_killed_worker_is_replaced()
    {
        const int Rounds = 8;
        await using var daemon = new ApplianceDaemon();
        await daemon.StartContainerAsync("--master", "--proc=2", "--announce", "off");
        for (var round = 0; round < Rounds; round++)
        {
            for (var slot = 0; slot < 2; slot++)
            {
                ProcessStatus? worker = null;
                await daemon.WaitUntilAsync($"worker {slot}", () => (worker = daemon.Workers().GetValueOrDefault(slot)) is not null);
                await ApplianceDaemon.SignalAsync(worker!, "KILL");
                _ = await daemon.WaitForLogAsync($"worker {slot}, pid [0-9]+, died: signal 9");
                await daemon.WaitUntilAsync("another worker", () => daemon.Workers().GetValueOrDefault(slot) is { } next && next != worker);
            }
        }

        await daemon.WaitForLogLinesAsync(2 * Rounds, "died: signal 9");
        for (var slot = 0; slot < 2; slot++)
        {
            await using var client = await daemon.JoinWorkerAsync(slot);
            _ = await client.SayAndReadAsync($"served {slot}");
        }
    }

    [Fact]
    public async Task Upgrade_of_the_first_process_is_refused_in_words()
    {
        await using var daemon = new ApplianceDaemon();
        await daemon.StartContainerAsync("--master", "--proc=2", "--announce", "off");
        await using var ann = await daemon.JoinAsync();
        var upgrade = await daemon.RunCommandAsync("upgrade");
        Assert.Equal(1, upgrade.ExitCode);
        Assert.Contains("restart the container", upgrade.Error, StringComparison.Ordinal);
        _ = await ann.SayAndReadAsync("still here");
    }

    /// <summary>The launcher stays the first process, so the server below it may be another one.</summary>
    [Fact]
    public async Task Upgrade_below_the_launcher_of_a_daemon_keeps_every_client()
    {
        await using var daemon = new ApplianceDaemon();
        await daemon.StartContainerAsync("--daemon", "--proc=2", "--announce", "off");
        await using var ann = await daemon.JoinAsync();
        var former = daemon.Master;
        _ = await daemon.SucceedAsync("upgrade");
        await daemon.WaitForEndAsync(former);
        _ = await ann.SayAndReadAsync("still here");
        await daemon.WaitUntilAsync("one child of the launcher", () => daemon.First.ChildCount == 1);
        Assert.Equal(daemon.First.Pid, daemon.Master.Parent);
        await ApplianceDaemon.SignalAsync(daemon.First, "TERM");
        Assert.Equal(1001, await ann.Raw.ReadCloseAsync());
        await ann.DisposeAsync();
        Assert.Equal(0, await daemon.WaitForForegroundAsync());
    }
}
