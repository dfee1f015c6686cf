using Appliance.PackageTests.Harness;

namespace Appliance.PackageTests;

/// <summary>The installed service where sysvinit is the init: the init script ends as LSB says.</summary>
public sealed class SysvinitServiceTests(SysvinitMachine fixture) : InstalledServiceTests(fixture), IClassFixture<SysvinitMachine>
{
    [RootFact]
    public Task Every_verb_ends_as_LSB_says() => AssertVerbsAsync(
        ("start", 0), ("status", 0), ("reload", 0), ("force-reload", 0), ("upgrade", 0), ("restart", 0), ("try-restart", 0), ("configtest", 0),
        ("stop", 0), ("status", 3), ("stop", 0), ("reload", 7), ("force-reload", 7), ("upgrade", 7), ("try-restart", 0), ("status", 3),
        ("nothing", 2), ("", 2), ("start", 0), ("status", 0));

    [RootFact]
    public async Task Restart_takes_another_process_and_reload_the_same()
    {
        var first = await MasterAsync();
        _ = await Machine.SucceedAsync("service appliance reload");
        Assert.Equal(first, await MasterAsync());
        _ = await Machine.SucceedAsync("service appliance restart");
        Assert.NotEqual(first, await MasterAsync());
    }

    [RootFact]
    public async Task Server_that_could_not_start_again_is_not_stopped()
    {
        _ = await Machine.SucceedAsync("echo 'ping = never' >>/etc/appliance/appliance.conf");
        try
        {
            var restart = await Machine.RunAsync("service appliance restart");
            Assert.Equal(1, restart.ExitCode);
            Assert.Contains("'never' must be a number", restart.Error, StringComparison.Ordinal);
            Assert.True(await Machine.IsServedAsync());
        }
        finally
        {
            _ = await Machine.SucceedAsync("sed -i '$d' /etc/appliance/appliance.conf");
        }
    }

    [RootFact]
    public async Task Server_that_was_killed_is_dead_and_starts_again()
    {
        _ = await Machine.SucceedAsync("kill -9 $(cat /run/appliance/appliance.pid); while pgrep -x appliance >/dev/null; do sleep 0.1; done");
        await AssertVerbsAsync(("status", 1), ("start", 0), ("status", 0));
    }

    [RootFact]
    public async Task Only_root_may_change_anything()
    {
        var before = await MasterAsync();
        foreach (var (verb, status) in new[] { ("stop", 4), ("restart", 4), ("reload", 4), ("start", 4), ("status", 0) })
        {
            var result = await Machine.RunAsync($"setpriv --reuid=nobody --regid=nogroup --clear-groups /etc/init.d/appliance {verb}");
            Assert.True(result.ExitCode == status, $"{verb}: {result}");
        }

        Assert.Equal(before, await MasterAsync());
    }

    [RootFact]
    public async Task Script_says_when_the_program_is_not_there()
    {
        _ = await Machine.SucceedAsync("mv /usr/bin/appliance /usr/bin/appliance.away");
        try
        {
            foreach (var (verb, status) in new[] { ("start", 5), ("configtest", 5), ("stop", 0), ("status", 4), ("nothing", 2) })
            {
                var result = await Machine.RunAsync($"/etc/init.d/appliance {verb}");
                Assert.True(result.ExitCode == status, $"{verb}: {result}");
            }
        }
        finally
        {
            _ = await Machine.SucceedAsync("mv /usr/bin/appliance.away /usr/bin/appliance");
        }
    }

    [RootFact]
    public async Task Start_does_not_hold_a_pipe_open() =>
        Assert.Contains("done.", await Machine.SucceedAsync("service appliance restart | cat"), StringComparison.Ordinal);

    [RootFact]
    public async Task Starts_and_stops_with_the_machine()
    {
        var links = await Machine.SucceedAsync("cd /etc && ls -d rc?.d/*appliance");
        Assert.Equal(
            ["rc0.d/K", "rc1.d/K", "rc2.d/S", "rc3.d/S", "rc4.d/S", "rc5.d/S", "rc6.d/K"],
            links.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(link => link[..7]));
    }
}
