using System.Globalization;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>What of the server's System V objects stays, and what does not.</summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class ControlCleanupTests
{
    public static TheoryData<int> Modes => [0, 2];

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task Stop_keeps_the_log_and_removes_the_queue(int workers)
    {
        await using var server = await StartAsync(workers);
        Assert.Equal("msg shm", await KindsAsync(server));
        await server.SucceedAsync("stop");
        Assert.Equal("shm", await KindsAsync(server));
        await server.SucceedAsync("stop", "--purge");
        Assert.Equal("", await KindsAsync(server));
    }

    [Theory]
    [InlineData("TERM")]
    [InlineData("QUIT")]
    public async Task Signals_remove_the_queue(string signal)
    {
        await using var server = await StartAsync(2);
        var master = server.Master;
        await ApplianceDaemon.SignalAsync(master, signal);
        await server.WaitForEndAsync(master);
        Assert.Equal("shm", await KindsAsync(server));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task Purge_of_a_running_server_removes_what_PHP_has_under_its_key_too(int workers)
    {
        await using var server = await StartAsync(workers);
        var key = int.Parse(await server.PhpAsync("shm_put_var(shm_attach($key, 1000), 1, 'x'); sem_get($key); echo $key;"), CultureInfo.InvariantCulture);
        SystemVObjects.MakeLock(key);
        Assert.Equal("msg sem sem shm shm", await KindsAsync(server));
        await server.SucceedAsync("stop", "--purge");
        Assert.Equal("", await KindsAsync(server));
    }

    [Fact]
    public async Task Start_after_the_death_of_everything_takes_the_queue_over()
    {
        await using var server = await StartAsync(2);
        await KillAllAsync(server);
        await server.PhpAsync(
            "$q = msg_get_queue($key); msg_send($q, 9, 'of somebody'); "
            + "foreach (['say kept', 'stop', 'garbage', 'kick 127.0.0.1', 'say kept too'] as $text) { msg_send($q, 1, $text); }");
        await server.StartWorkersAsync(2, "--announce", "off", "--control", "say,kick");
        await using var client = await server.JoinAsync();
        _ = await client.ReadMessageAsync("kept");
        _ = await client.ReadMessageAsync("kept too");
        await server.WaitForLogLinesAsync(2, "sent before this server started");
        await server.PushAsync("'kick 127.0.0.1'");
        Assert.Equal(1008, await client.Raw.ReadCloseAsync());
        await server.SucceedAsync("stop", "--purge");
        Assert.Equal("", await KindsAsync(server));
    }

    [Fact]
    public async Task Purge_after_the_death_of_everything_leaves_nothing()
    {
        await using var server = await StartAsync(2);
        await KillAllAsync(server);
        Assert.Equal("msg shm", await KindsAsync(server));
        await server.SucceedAsync("stop", "--purge");
        Assert.Equal("", await KindsAsync(server));
    }

    [Fact]
    public async Task Start_that_fails_leaves_no_queue()
    {
        await using var server = new ApplianceDaemon();
        var failed = await server.LaunchAsync("--proc=2", "--listen", "127.0.0.1:1", "--user", "nobody-here");
        Assert.Equal(1, failed.ExitCode);
        Assert.Equal("", await KindsAsync(server));
    }

    [Fact]
    public async Task Queue_belongs_to_the_servers_user_alone()
    {
        await using var server = new ApplianceDaemon();
        var owned = await CommandResult.RunAsync("chown", "-R", "nobody", server.Folder);
        Assert.True(owned.ExitCode == 0, owned.Error);
        await server.PhpAsync("msg_get_queue($key, 0666);");
        await server.StartWorkersAsync(2, "--user", "nobody", "--log-level", "debug");
        var refused = await server.WaitForLogAsync(" 4001 ");
        Assert.Contains("belongs to user root (0)", refused, StringComparison.Ordinal);
        await server.PhpAsync("msg_remove_queue(msg_get_queue($key));");
        await server.WaitUntilAsync("queue of the server", () => server.Log.Count(line => line.Contains(" 4000 ", StringComparison.Ordinal)) == 1);
        Assert.Equal("65534 432", await server.PhpAsync("$s = msg_stat_queue(msg_get_queue($key)); echo $s['msg_perm.uid'], ' ', $s['msg_perm.mode'] & 0777;"));
    }

    private static Task<ApplianceDaemon> StartAsync(int workers) => ApplianceDaemon.StartInModeAsync(workers, "--announce", "off");

    private static async Task KillAllAsync(ApplianceDaemon server)
    {
        ProcessStatus[] all = [server.Master, .. server.Workers().Values];
        foreach (var process in all)
        {
            await ApplianceDaemon.SignalAsync(process, "KILL");
        }

        foreach (var process in all)
        {
            await server.WaitForEndAsync(process);
        }
    }

    private static async Task<string> KindsAsync(ApplianceDaemon server) =>
        string.Join(' ', (await SystemVObjects.OfDirectoryAsync(server.StateDirectory)).Select(one => one.Kind).Order(StringComparer.Ordinal));
}
