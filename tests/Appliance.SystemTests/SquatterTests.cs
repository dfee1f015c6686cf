using System.Diagnostics;
using System.Globalization;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>Objects, locks and numbers that another user has put where a server or a command looks: none of them is trusted or in the way.</summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class SquatterTests
{
    /// <summary>The first bytes of a room log of this release: magic, version, and as many rooms as a start makes.</summary>
    private const string Header = "4150504c524f4f4d" + "05000000" + "00010000" + "00004000";

    /// <summary>Keys that former releases used can be foreseen: whoever makes segments there first gets nothing and stops nothing.</summary>
    [Theory]
    [InlineData("L", 4096, Header)]
    [InlineData("L", 2 << 20, "ff")]
    [InlineData("LMNOPQRSTUVWXYZ", 8, "ff")]
    public async Task Segments_of_another_user(string letters, int bytes, string content)
    {
        await using var daemon = new ApplianceDaemon();
        foreach (var letter in letters)
        {
            var whole = content.Length == 2 ? string.Concat(Enumerable.Repeat(content, Math.Min(bytes, 30_000))) : content;
            await OtherUser.MakeSegmentAsync(OtherUser.Nobody, await OtherUser.KeyAsync(daemon.StateDirectory, letter), bytes, whole);
        }

        var squatters = await SystemVObjects.OfDirectoryAsync(daemon.StateDirectory);
        Assert.Equal(letters.Length, squatters.Count);
        SystemVObjects.Attach(squatters[0]);
        var before = SystemVObjects.Read(squatters[0], 8);
        await daemon.StartWorkersAsync(2, "--announce", "off");
        await using (var ann = await daemon.JoinAsync())
        {
            _ = await ann.SayAndReadAsync("hello");
        }

        await daemon.WaitForLogLinesAsync(letters.Length, " of user nobody (65534), mode 0666 does not belong to this server and is left alone");
        Assert.Equal(before, SystemVObjects.Read(squatters[0], 8));
        Assert.Contains("hello", await daemon.SucceedAsync("history"), StringComparison.Ordinal);
        _ = await daemon.SucceedAsync("reload");
        _ = await daemon.SucceedAsync("upgrade");
        var list = await daemon.SucceedAsync("ipc", "list");
        Assert.Contains($"room log of {daemon.StateDirectory}", list, StringComparison.Ordinal);
        _ = await daemon.SucceedAsync("stop");
        await daemon.StartWorkersAsync(1, "--announce", "off");
        Assert.Contains("hello", await daemon.SucceedAsync("history"), StringComparison.Ordinal);
        _ = await daemon.SucceedAsync("stop", "--purge");
        Assert.False(File.Exists(Path.Combine(daemon.StateDirectory, "rooms.key")));
        Assert.Equal(squatters, await SystemVObjects.OfDirectoryAsync(daemon.StateDirectory));
        foreach (var squatter in squatters)
        {
            await SystemVObjects.RemoveAsync(squatter);
        }
    }

    /// <summary>The key is nobody else's to read, and another one each time.</summary>
    [Fact]
    public async Task Key_cannot_be_foreseen()
    {
        await using var daemon = new ApplianceDaemon();
        HashSet<uint> seen = [];
        for (var round = 0; round < 3; round++)
        {
            await daemon.StartWorkersAsync(1);
            Assert.True(seen.Add(Assert.Single(SystemVObjects.DrawnKeys(daemon.StateDirectory))));
            var file = Path.Combine(daemon.StateDirectory, "rooms.key");
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
            _ = await daemon.SucceedAsync("stop", "--purge");
        }
    }

    /// <summary>A server of one user, and the queue of another under its key: nothing is read from it, and operators are warned off.</summary>
    [Theory]
    [InlineData("0666")]
    [InlineData("0600")]
    public async Task Queue_of_another_user(string mode)
    {
        await using var daemon = await OfServiceAsync();
        var key = await OtherUser.KeyAsync(daemon.StateDirectory, 'A');
        await OtherUser.SucceedAsync(OtherUser.Nobody, PublishedBinary.FilePath, "queue", "send", "--type", "1", "--key", $"0x{key:x8}", "stop");
        await OtherUser.SucceedAsync(
            OtherUser.Nobody, "perl", "-e",
            $"my $q = msgget({(int)key}, 0); my $d = ''; msgctl($q, 2, $d) or die $!; substr($d, 20, 2) = pack('S', {mode}); msgctl($q, 1, $d) or die $!;");
        await StartServiceAsync(daemon);
        Assert.Contains("nobody", await daemon.WaitForLogAsync(" 4001 "), StringComparison.Ordinal);
        var said = await daemon.RunCommandAsync("say", "secret");
        Assert.True(said.ExitCode == 1, said.ToString());
        Assert.Contains("nobody", said.Error, StringComparison.Ordinal);
        Assert.True(daemon.Master.IsAlive, "A stranger's queue has stopped the server.");
        var queue = Assert.Single(await SystemVObjects.OfDirectoryAsync(daemon.StateDirectory), one => one.Kind == "msg");
        await SystemVObjects.RemoveAsync(queue);
        _ = await daemon.WaitForLogAsync(" 4000 |control queue open|ready on ");
        await daemon.WaitUntilAsync("a queue of its own", () => daemon.RunCommandAsync("say", "hello").Result.ExitCode == 0);
    }

    /// <summary>Everybody may read the pid file, and so may lock it for reading: after a crash that stops no start and feigns no server.</summary>
    [Fact]
    public async Task Lock_of_another_user_on_the_pid_file()
    {
        await using var daemon = new ApplianceDaemon();
        for (var round = 0; round < 2; round++)
        {
            await daemon.StartWorkersAsync(1, "--announce", "off");
            ProcessStatus[] all = [daemon.Master, .. daemon.Workers().Values];
            Assert.Equal(0, (await AsNobodyAsync(daemon, "status")).ExitCode);
            foreach (var process in all)
            {
                await ApplianceDaemon.SignalAsync(process, "KILL");
                await daemon.WaitForEndAsync(process);
            }

            await using var locked = await OtherUser.LockAsync(OtherUser.Nobody, daemon.PidFile, forWriting: false);
            Assert.Equal(1, (await daemon.RunCommandAsync("status")).ExitCode);
            Assert.Equal(1, (await AsNobodyAsync(daemon, "status")).ExitCode);
            if (round == 0)
            {
                _ = await daemon.SucceedAsync("stop");
                Assert.False(File.Exists(daemon.PidFile));
            }

            await daemon.StartWorkersAsync(1, "--announce", "off");
            Assert.Equal(0, (await AsNobodyAsync(daemon, "status")).ExitCode);
            _ = await daemon.SucceedAsync("reload");
            _ = await daemon.SucceedAsync("stop");
        }

        foreach (var file in Directory.GetFiles(daemon.StateDirectory).Where(file => file != daemon.LogFile))
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        }
    }

    /// <summary>What the service's user writes into its pid file makes root signal no process but that user's server.</summary>
    [Theory]
    [InlineData("-1", "no server runs")]
    [InlineData("0", "no server runs")]
    [InlineData("+1", "no server runs")]
    [InlineData("1 ", "no server runs")]
    [InlineData("99999999999", "no server runs")]
    [InlineData("1", "of '")]
    [InlineData("4194304", "is not there")]
    [InlineData("root's", "belongs to user root (0)")]
    [InlineData("nobody's", "belongs to user nobody (65534)")]
    [InlineData("its own", "runs /usr/bin/")]
    public async Task Number_that_the_service_has_written(string number, string why)
    {
        await using var daemon = await OfServiceAsync();
        await using var stranger = OtherUser.Start(number switch { "root's" => "0", "nobody's" => OtherUser.Nobody, _ => OtherUser.Service }, "sleep", "600");
        var content = number.Contains('s', StringComparison.Ordinal) || number == "its own" ? stranger.Pid.ToString(CultureInfo.InvariantCulture) : number;
        foreach (var file in new[] { daemon.PidFile, Path.Combine(daemon.StateDirectory, "appliance.lock") })
        {
            await OtherUser.SucceedAsync(OtherUser.Service, "sh", "-c", $"echo '{content}' > {file}");
        }

        await using (await OtherUser.LockAsync(OtherUser.Service, daemon.PidFile, forWriting: true))
        {
            foreach (var command in new[] { "reload", "reopen", "upgrade" })
            {
                Assert.Equal(1, (await daemon.RunCommandAsync(command)).ExitCode);
            }

            if (why != "no server runs")
            {
                var stop = await daemon.RunCommandAsync("stop");
                Assert.True(stop.ExitCode == 1, stop.ToString());
                Assert.Contains(why, stop.Error, StringComparison.Ordinal);
            }
        }

        using var process = Process.GetProcessById(stranger.Pid);
        Assert.False(process.HasExited, "A process that is no server was signalled.");
    }

    /// <summary>The server's own user and root reach it, and nobody else does.</summary>
    [Fact]
    public async Task Server_of_a_user_is_reached_by_root_and_that_user()
    {
        await using var daemon = await OfServiceAsync();
        await StartServiceAsync(daemon);
        string[] places = ["--run-dir", daemon.RunDirectory, "--state-dir", daemon.StateDirectory];
        foreach (var (user, exitCode) in new[] { (OtherUser.Service, 0), ("0", 0), (OtherUser.Nobody, 1) })
        {
            var reload = await OtherUser.RunAsync(user, [PublishedBinary.FilePath, "reload", .. places]);
            Assert.True(reload.ExitCode == exitCode, $"{user}: {reload}");
            Assert.Equal(0, (await OtherUser.RunAsync(user, [PublishedBinary.FilePath, "status", .. places])).ExitCode);
        }

        _ = await daemon.SucceedAsync("say", "hello");
        Assert.Contains("hello", await daemon.SucceedAsync("history"), StringComparison.Ordinal);
        _ = await daemon.SucceedAsync("upgrade");
        _ = await daemon.SucceedAsync("stop");
    }

    /// <summary>Folders of a service that has a user of its own.</summary>
    private static async Task<ApplianceDaemon> OfServiceAsync()
    {
        Assert.True(Environment.IsPrivilegedProcess, "Only root can become another user.");
        var daemon = new ApplianceDaemon();
        var given = await CommandResult.RunAsync("chown", $"{OtherUser.Service}:{OtherUser.Service}", daemon.RunDirectory, daemon.StateDirectory);
        Assert.True(given.ExitCode == 0, given.ToString());
        return daemon;
    }

    private static async Task StartServiceAsync(ApplianceDaemon daemon)
    {
        var started = await daemon.LaunchThroughAsync(OtherUser.As(OtherUser.Service), "--proc=1", "--announce", "off");
        Assert.True(started.ExitCode == 0, $"{started} {daemon.Tail()}");
    }

    private static Task<CommandResult> AsNobodyAsync(ApplianceDaemon daemon, string command) => OtherUser.RunAsync(
        OtherUser.Nobody, PublishedBinary.FilePath, command, "--run-dir", daemon.RunDirectory, "--state-dir", daemon.StateDirectory);
}
