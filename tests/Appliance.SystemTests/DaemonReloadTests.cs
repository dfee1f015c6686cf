using System.Text.RegularExpressions;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>What HUP and <c>reload</c> change without dropping a connection, what they name, and what a bad file does.</summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class DaemonReloadTests
{
    [Theory]
    [InlineData(3)]
    [InlineData(0)]
    public async Task Everything_that_can_change_at_run_time_changes(int workers)
    {
        await using var daemon = new ApplianceDaemon();
        await StartAsync(daemon, workers, "history = 2", "announce = off", "max-message = 10");
        await using var ann = await daemon.JoinAsync();
        foreach (var text in new[] { "1", "2", "3", "4" })
        {
            _ = await ann.SayAndReadAsync(text);
        }

        await AssertHistoryAsync(daemon, "3", "4");
        await ann.SayAsync(new string('x', 11));
        Assert.Equal("too_long", (await ann.ReadAsync()).Code);

        Configure(daemon, workers, "history = 3", "announce = count", "max-message = 11", "max-rate = 1", "log-level = debug", "drain = 3");
        Assert.Equal("reloaded\n", await daemon.SucceedAsync("reload"));
        await AssertHistoryAsync(daemon, "2", "3", "4");
        _ = await ann.SayAndReadAsync(new string('x', 11));
        await using (var carol = await daemon.JoinAsync("history=0"))
        {
            for (var i = 0; i < 4; i++)
            {
                await carol.SayAsync("fast");
            }

            _ = await carol.ReadUntilAsync(message => message.Code == "too_fast");
        }

        _ = await daemon.WaitForLogAsync("DBG .* connected to room lobby");
        await using var bob = await daemon.JoinAsync("history=0");
        _ = await bob.ReadUntilAsync(message => message is { Type: "system", Message: "2 online" });
        _ = await daemon.WaitForLogAsync("configuration reloaded$");
    }

    [Fact]
    public async Task What_needs_a_restart_is_named_and_stays_as_it_is()
    {
        await using var daemon = new ApplianceDaemon();
        await StartAsync(daemon, 2, "history = 1");
        await using var ann = await daemon.JoinAsync();
        var port = daemon.Port;
        Configure(daemon, 2, "history = 5", "room-size = 65536", "max-rooms = 7", "user = nobody");
        var said = await daemon.SucceedAsync("reload");
        foreach (var name in new[] { "room-size", "max-rooms", "user" })
        {
            Assert.Contains(name, said, StringComparison.Ordinal);
            _ = await daemon.WaitForLogAsync($"reloaded.*{name}");
        }

        Assert.DoesNotContain("history", said, StringComparison.Ordinal);
        _ = await ann.SayAndReadAsync("still here");
        await using var bob = await daemon.JoinAsync();
        Assert.Equal(port, daemon.Port);
    }

    /// <summary>The file's error with file and line, from the command and in the log; nothing changes, not even what stands above the error.</summary>
    [Theory]
    [InlineData(2, "histroy = 7")]
    [InlineData(2, "max-message = many")]
    [InlineData(0, "nonsense")]
    public async Task Bad_file_changes_nothing(int workers, string line)
    {
        await using var daemon = new ApplianceDaemon();
        await StartAsync(daemon, workers, "history = 1", "announce = off");
        var processes = daemon.Workers();
        await using var ann = await daemon.JoinAsync();
        _ = await ann.SayAndReadAsync("1");
        _ = await ann.SayAndReadAsync("2");
        Configure(daemon, workers, "history = 2", line, "announce = ip");
        foreach (var options in new string[][] { [], ["--config", ConfigurationOf(daemon)] })
        {
            var reload = await daemon.RunCommandAsync(["reload", .. options]);
            Assert.True(reload.ExitCode == 1, reload.ToString());
            Assert.Contains($"{ConfigurationOf(daemon)}:{(workers > 0 ? 3 : 2)}: ", reload.Error, StringComparison.Ordinal);
            Assert.Contains(line.Split(' ')[0], reload.Error, StringComparison.Ordinal);
        }

        _ = await daemon.WaitForLogAsync($"not reloaded.*{Regex.Escape(ConfigurationOf(daemon))}:");
        await AssertHistoryAsync(daemon, "2");
        Assert.Equal(processes, daemon.Workers());
        _ = await ann.SayAndReadAsync("3");

        Configure(daemon, workers, "history = 2", "announce = off");
        _ = await daemon.SucceedAsync("reload");
        await AssertHistoryAsync(daemon, "2", "3");
    }

    /// <summary>A pipe in the place of the file would be waited for: it is refused in words, and the loop goes on.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(0)]
    public async Task Pipe_in_the_place_of_the_file_holds_up_nothing(int workers)
    {
        await using var daemon = new ApplianceDaemon();
        await StartAsync(daemon, workers, "history = 2");
        File.Delete(ConfigurationOf(daemon));
        Assert.Equal(0, (await CommandResult.RunAsync("mkfifo", ConfigurationOf(daemon))).ExitCode);
        var reload = await daemon.RunCommandAsync("reload");
        Assert.Equal(1, reload.ExitCode);
        Assert.Contains("it is a pipe", reload.Error, StringComparison.Ordinal);
        await using var ann = await daemon.JoinAsync();
        _ = await ann.SayAndReadAsync("still here");
    }

    /// <summary>A file that is gone, or cannot be read, is a bad file; and a daemon must always be stoppable.</summary>
    [Fact]
    public async Task Missing_file_changes_nothing_and_prevents_no_stop()
    {
        await using var daemon = new ApplianceDaemon();
        await StartAsync(daemon, 2, "history = 1");
        File.Delete(ConfigurationOf(daemon));
        var reload = await daemon.RunCommandAsync("reload");
        Assert.True(reload.ExitCode == 1, reload.ToString());
        Assert.Contains(ConfigurationOf(daemon), reload.Error, StringComparison.Ordinal);
        await using var ann = await daemon.JoinAsync();
        _ = await ann.SayAndReadAsync("still here");
        var stop = await daemon.RunCommandAsync("stop", "--config", ConfigurationOf(daemon));
        Assert.True(stop.ExitCode == 0, stop.ToString());
        Assert.False(File.Exists(daemon.PidFile));
    }

    /// <summary>The launcher's directory is left, but a path relative to it is found again.</summary>
    [Fact]
    public async Task Relative_path_of_the_configuration_holds_for_every_reload()
    {
        await using var daemon = new ApplianceDaemon();
        Configure(daemon, 2, "history = 1");
        var started = await daemon.LaunchThroughAsync(["sh", "-c", $"cd {daemon.Folder} && exec \"$0\" \"$@\""], "--config", "appliance.conf");
        Assert.True(started.ExitCode == 0, started.ToString());
        Configure(daemon, 3, "history = 1");
        _ = await daemon.SucceedAsync("reload");
        Assert.Equal([0, 1, 2], daemon.Workers().Keys.Order());
    }

    /// <summary>Commands that have nothing to do fail with a reason; stop has nothing to fail at.</summary>
    [Theory]
    [InlineData("reload", 1)]
    [InlineData("reopen", 1)]
    [InlineData("stop", 0)]
    [InlineData("stop --purge", 0)]
    [InlineData("status", 3)]
    public async Task Commands_without_a_server(string command, int exitCode)
    {
        await using var daemon = new ApplianceDaemon();
        await AssertAsync();
        Directory.Delete(daemon.RunDirectory);
        Directory.Delete(daemon.StateDirectory);
        await AssertAsync();
        _ = Directory.CreateDirectory(daemon.StateDirectory);

        async Task AssertAsync()
        {
            var result = await daemon.RunCommandAsync(command.Split(' '));
            Assert.True(result.ExitCode == exitCode, result.ToString());
            Assert.Equal(exitCode == 1, result.Error.Contains(daemon.RunDirectory, StringComparison.Ordinal));
        }
    }

    private static async Task StartAsync(ApplianceDaemon daemon, int workers, params string[] lines)
    {
        Configure(daemon, workers, lines);
        string[] mode = workers == 0 ? ["--nofork"] : [];
        var started = await daemon.LaunchAsync(["--config", ConfigurationOf(daemon), .. mode]);
        Assert.True(started.ExitCode == 0, started.ToString());
    }

    private static void Configure(ApplianceDaemon daemon, int workers, params string[] lines) =>
        File.WriteAllLines(ConfigurationOf(daemon), workers == 0 ? lines : [$"proc = {workers}", .. lines]);

    private static string ConfigurationOf(ApplianceDaemon daemon) => Path.Combine(daemon.Folder, "appliance.conf");

    /// <summary>A newcomer gets these chat messages.</summary>
    private static async Task AssertHistoryAsync(ApplianceDaemon daemon, params string[] texts)
    {
        await using var newcomer = await daemon.JoinAsync();
        foreach (var text in texts)
        {
            Assert.Equal(text, (await newcomer.ReadTypeAsync("usermsg")).Message);
        }
    }
}
