using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>What the processes of a server have given up, in every thread: system calls, new rights, capabilities, core dumps.</summary>
public sealed class ConfinementTests
{
    private const string Filtered = "2"; // SECCOMP_MODE_FILTER, proc_pid_status(5)

    [Fact]
    public async Task Master_and_workers_make_no_other_system_calls_after_an_upgrade_too()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(2, "--announce", "off");
        for (var life = 0; life < 2; life++)
        {
            Assert.All(daemon.Workers().Values.Append(daemon.Master), AssertConfined);
            await using var ann = await daemon.JoinAsync();
            _ = await ann.SayAndReadAsync($"life {life}");
            _ = await daemon.SucceedAsync("upgrade");
        }

        Assert.Empty(daemon.EventsOf(1055));
    }

    [Fact]
    public async Task Single_process_makes_no_other_system_calls()
    {
        await using var server = await ApplianceServer.StartAsync();
        await using var ann = await ChatClient.JoinAsync(server);
        _ = await ann.SayAndReadAsync("hello");
        AssertConfined(new ProcessStatus(server.Pid));
    }

    [Fact]
    public async Task Setting_leaves_all_system_calls_and_core_dumps()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(1, "--seccomp", "off", "--core-dumps");
        var own = new ProcessStatus(Environment.ProcessId);
        Assert.All(daemon.Workers().Values.Append(daemon.Master), process =>
        {
            Assert.Equal(own.Field("Seccomp"), process.Field("Seccomp"));
            var (soft, hard) = CoreLimit(process);
            Assert.Equal(hard, soft);
        });
    }

    [Fact]
    public async Task Another_user_has_no_capability_left()
    {
        Assert.True(Environment.IsPrivilegedProcess, "Only root can become another user.");
        await using var daemon = new ApplianceDaemon();
        var chown = await CommandResult.RunAsync("chown", "nobody", daemon.StateDirectory, daemon.RunDirectory);
        Assert.True(chown.ExitCode == 0, chown.Error);
        await daemon.StartWorkersAsync(1, "--user", "nobody");
        Assert.All(daemon.Workers().Values.Append(daemon.Master), process => Assert.All(
            ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"], set => Assert.Equal("0000000000000000", process.Field(set))));
    }

    private static void AssertConfined(ProcessStatus process)
    {
        foreach (var thread in Directory.GetDirectories($"/proc/{process.Pid}/task"))
        {
            var lines = File.ReadAllLines($"{thread}/status");
            Assert.Contains($"Seccomp:\t{Filtered}", lines);
            Assert.Contains("NoNewPrivs:\t1", lines);
        }

        Assert.Equal("0", CoreLimit(process).Soft);
    }

    private static (string Soft, string Hard) CoreLimit(ProcessStatus process)
    {
        var limit = File.ReadLines($"/proc/{process.Pid}/limits").First(line => line.StartsWith("Max core file size", StringComparison.Ordinal));
        var columns = limit["Max core file size".Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return (columns[0], columns[1]);
    }
}
