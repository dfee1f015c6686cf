using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Appliance.SystemTests.Harness;
using Xunit.Abstractions;

namespace Appliance.SystemTests;

/// <summary>The log of a master and its workers: whole lines, none lost by a rotation, and nothing that happens to it stops the chat.</summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class DaemonLogTests(ITestOutputHelper output)
{
    private static readonly Regex Line = new(
        @"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{12}[+-][0-9:]{5} (DBG|INF|WRN|ERR) [0-9]{4} (master|worker [0-9]+): \S.*$",
        RegexOptions.ExplicitCapture,
        TimeSpan.FromSeconds(1));

    /// <summary>A line of a single process: whole, up to the last figure.</summary>
    private static readonly Regex Alone = new(
        @"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{12}[+-][0-9:]{5} (DBG|INF|WRN|ERR) ([124][0-9]{3} \S.*"
        + @"|3000 \S+ connected to room lobby|3001 \S+ disconnected from room lobby, close code (0|[0-9]{4}))$",
        RegexOptions.ExplicitCapture,
        TimeSpan.FromSeconds(1));

    private static readonly Regex Missing = new("^[0-9]+ lines could not be written here$", RegexOptions.None, TimeSpan.FromSeconds(1));

    /// <summary>Renamed and reopened a hundred times while clients come and go, each of which makes one line in one of the files.</summary>
    [Theory]
    [InlineData("USR1")]
    [InlineData("reopen")]
    public async Task Reopening_under_load_loses_no_line(string how)
    {
        const int Rotations = 100;
        await using var daemon = await ApplianceDaemon.StartAsync(2, "--log-level", "debug", "--announce", "off", "--max-rate", "0");
        await using var ann = await daemon.JoinAsync();
        using var enough = new CancellationTokenSource();
        var connecting = Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Task.Run(() => ConnectAsync(daemon, enough.Token))));
        var chatting = Task.Run(() => ChatAsync(ann, enough.Token));
        var processes = daemon.Workers().Values.Append(daemon.Master).ToArray();
        var logs = processes.Select(CountLogs).ToArray();
        var longest = TimeSpan.Zero;
        for (var i = 0; i < Rotations; i++)
        {
            File.Move(daemon.LogFile, $"{daemon.LogFile}.{i}");
            var asked = Stopwatch.GetTimestamp();
            if (how == "reopen")
            {
                _ = await daemon.SucceedAsync("reopen");
                Assert.True(File.Exists(daemon.LogFile));
            }
            else
            {
                await ApplianceDaemon.SignalAsync(daemon.Master, how);
                await daemon.WaitUntilAsync("a new log", () => File.Exists(daemon.LogFile));
            }

            longest = longest > Stopwatch.GetElapsedTime(asked) ? longest : Stopwatch.GetElapsedTime(asked);
        }

        await enough.CancelAsync();
        await chatting;
        var connected = (await connecting).Sum() + 1;
        _ = await daemon.SucceedAsync("reopen");
        Assert.Equal(logs, processes.Select(CountLogs));
        _ = await daemon.SucceedAsync("stop");
        var lines = Directory.GetFiles(daemon.StateDirectory, "appliance.log*").SelectMany(File.ReadAllLines).ToArray();
        Assert.All(lines, line => Assert.Matches(Line, line));
        Assert.Equal(connected, lines.Count(line => line.Contains(" 3000 ", StringComparison.Ordinal)));
        Assert.Equal(connected, lines.Count(line => line.Contains(" 3001 ", StringComparison.Ordinal)));
        output.WriteLine($"{Rotations} rotations, {connected} connections, {lines.Length} lines; a rotation took {longest.TotalMilliseconds:0} ms at most");
    }

    /// <summary>The directory of the log is gone: whoever asked is told, and the chat goes on.</summary>
    [Theory]
    [InlineData("--proc=2")]
    [InlineData("--nofork")]
    public async Task Log_that_cannot_be_reopened_is_told(string mode)
    {
        await using var daemon = new ApplianceDaemon();
        daemon.ChoosePort();
        var logs = Path.Combine(daemon.Folder, "logs");
        _ = Directory.CreateDirectory(logs);
        var log = Path.Combine(logs, "appliance.log");
        var started = await daemon.LaunchAsync(mode, "--log", log);
        Assert.True(started.ExitCode == 0, started.ToString());
        Directory.Delete(logs, recursive: true);
        var reopen = await daemon.RunCommandAsync("reopen");
        Assert.True(reopen.ExitCode == 1, reopen.ToString());
        Assert.Contains(log, reopen.Error, StringComparison.Ordinal);
        Assert.Contains(log, await daemon.SucceedAsync("reload"), StringComparison.Ordinal);
        await using var ann = await daemon.JoinAsync();
        _ = await ann.SayAndReadAsync("still here");
        _ = Directory.CreateDirectory(logs);
        _ = await daemon.SucceedAsync("reopen");
        Assert.True(File.Exists(log));
    }

    /// <summary>Nobody reads the pipe that stderr is, then somebody does: every line is there, or counted among the missing.</summary>
    [Fact]
    public async Task Lines_that_find_no_place_are_counted()
    {
        const int Requests = 12_500;
        await using var daemon = new ApplianceDaemon();
        daemon.ChoosePort();
        var pipe = Path.Combine(daemon.Folder, "pipe");
        var all = Path.Combine(daemon.Folder, "all");
        var go = Path.Combine(daemon.Folder, "go");
        var arguments = string.Join(' ', ["--nofork", "--log-level", "debug", "--listen", daemon.Address.ToString(), "--metrics", "off",
            "--state-dir", daemon.StateDirectory, "--run-dir", daemon.RunDirectory]);
        using var server = Process.Start("bash", [
            "-c",
            $"mkfifo {pipe}; (until [ -e {go} ]; do sleep 0.01; done; exec cat) < {pipe} > {all} & exec {PublishedBinary.FilePath} {arguments} 2> {pipe}"]);
        await daemon.WaitUntilAsync("the pid file", () => File.Exists(daemon.PidFile) && daemon.ReadPidFile() == $"{server.Id}\n");
        for (var i = 0; i < Requests; i++)
        {
            await using var client = await RawClient.ConnectAsync(daemon.Address);
            await client.SendAsync(RawClient.Request("GET /nothing HTTP/1.1", "Host: 127.0.0.1", "Connection: close"));
            Assert.Equal(404, (await client.ReadResponseAsync()).Status);
        }

        await File.WriteAllTextAsync(go, "");
        await daemon.WaitUntilAsync("the log", () => new FileInfo(all).Length > 500_000);
        _ = await daemon.SucceedAsync("stop");
        await daemon.WaitUntilAsync("the end of the log", () => File.ReadAllText(all).Contains(" 1003 ", StringComparison.Ordinal));
        var lines = await File.ReadAllLinesAsync(all);
        var written = lines.Count(line => line.Contains(" 3002 ", StringComparison.Ordinal));
        var missing = lines.Where(line => Missing.IsMatch(line)).Sum(line => int.Parse(line.Split(' ')[0], CultureInfo.InvariantCulture));
        Assert.True(missing > 0, $"All {written} lines found place.");
        Assert.Equal(Requests, written + missing);
    }

    /// <summary>A disk that is full from the first line on.</summary>
    [Fact]
    public async Task Full_disk_does_not_stop_the_chat()
    {
        await using var daemon = new ApplianceDaemon();
        daemon.ChoosePort();
        var started = await daemon.LaunchAsync("--proc=2", "--log", "/dev/full", "--log-level", "debug");
        Assert.True(started.ExitCode == 0, started.ToString());
        for (var i = 0; i < 50; i++)
        {
            await using var ann = await daemon.JoinAsync("history=0");
            _ = await ann.SayAndReadAsync("hello");
        }

        _ = await daemon.SucceedAsync("reopen");
        _ = await daemon.SucceedAsync("reload");
        _ = await daemon.SucceedAsync("stop");
    }

    /// <summary>A disk that fills up and gets room again: what could be written is whole lines, and how many are missing is told.</summary>
    [Fact]
    public async Task Disk_that_fills_up_leaves_whole_lines_and_a_count_of_the_missing()
    {
        Assert.True(Environment.IsPrivilegedProcess, "Only root can mount a small disk.");
        await using var daemon = new ApplianceDaemon();
        var disk = Path.Combine(daemon.Folder, "disk");
        var log = Path.Combine(disk, "small.log");
        _ = Directory.CreateDirectory(disk);
        daemon.ChoosePort();
        var started = await daemon.LaunchThroughAsync(
            ["unshare", "--mount", "sh", "-c", $"mount -t tmpfs -o size=16k none {disk} && exec \"$0\" \"$@\""],
            "--proc=2", "--log", log, "--log-level", "debug");
        Assert.True(started.ExitCode == 0, started.ToString());

        // The disk is there for the daemon alone: the way to it leads through its view of the file system.
        var seen = $"/proc/{daemon.Master.Pid}/root{log}";
        for (var i = 0; i < 300; i++)
        {
            await (await daemon.JoinAsync("history=0")).DisposeAsync();
        }

        await daemon.WaitUntilAsync("a full disk", () => new FileInfo(seen).Length >= 16 * 1024);
        var full = await File.ReadAllLinesAsync(seen);
        await File.WriteAllTextAsync(seen, "");
        await using (var ann = await daemon.JoinAsync())
        {
            _ = await ann.SayAndReadAsync("still here");
        }

        await daemon.WaitUntilAsync("lines again", () => File.ReadLines(seen).Any(line => line.Contains(" 3001 ", StringComparison.Ordinal)));
        var after = await File.ReadAllLinesAsync(seen);
        Assert.All(full[..^1].Concat(after), line => Assert.True(Line.IsMatch(line) || Missing.IsMatch(line), line));
        Assert.Contains(after, Missing.IsMatch);
        _ = await daemon.SucceedAsync("stop");
    }

    /// <summary>Room comes again behind the piece of a line that still fitted: the next line is one of its own.</summary>
    [Fact]
    public async Task Disk_that_gets_room_again_leaves_one_torn_line()
    {
        Assert.True(Environment.IsPrivilegedProcess, "Only root can mount a small disk.");
        await using var daemon = new ApplianceDaemon();
        var disk = Path.Combine(daemon.Folder, "disk");
        _ = Directory.CreateDirectory(disk);
        daemon.ChoosePort();
        var started = await daemon.LaunchThroughAsync(
            ["unshare", "--mount", "sh", "-c", $"mount -t tmpfs -o size=64k none {disk} && head -c 48k /dev/zero > {disk}/other && exec \"$0\" \"$@\""],
            "--nofork", "--log", Path.Combine(disk, "small.log"), "--log-level", "debug");
        Assert.True(started.ExitCode == 0, started.ToString());
        var seen = $"/proc/{daemon.Master.Pid}/root{disk}";
        var log = Path.Combine(seen, "small.log");
        for (var i = 0; i < 200; i++)
        {
            await (await daemon.JoinAsync("history=0")).DisposeAsync();
        }

        await daemon.WaitUntilAsync("a full disk", () => new FileInfo(log).Length >= 16 * 1024);
        File.Delete(Path.Combine(seen, "other"));
        await using (var ann = await daemon.JoinAsync())
        {
            _ = await ann.SayAndReadAsync("still here");
        }

        await daemon.WaitUntilAsync("a line that tells of the missing", () => File.ReadLines(log).Any(Missing.IsMatch));
        var lines = await File.ReadAllLinesAsync(log);
        Assert.InRange(lines.Count(line => !Alone.IsMatch(line) && !Missing.IsMatch(line)), 0, 1);
        _ = await daemon.SucceedAsync("stop");
    }

    /// <summary>Whoever read stderr is gone, or has never read: in the foreground, where stderr is the log.</summary>
    [Theory]
    [InlineData("2>&-")]
    [InlineData("2>/dev/full")]
    [InlineData("2> >(exit)")]
    [InlineData("2> >(exec sleep 600)")]
    public async Task Stderr_that_takes_nothing_does_not_stop_the_chat_nor_its_end(string redirection)
    {
        await using var daemon = new ApplianceDaemon();
        daemon.ChoosePort();
        var arguments = string.Join(' ', ["--proc=2", "--log-level", "debug", "--drain", "1", "--listen", daemon.Address.ToString(), "--metrics", "off",
            "--state-dir", daemon.StateDirectory, "--run-dir", daemon.RunDirectory]);
        using var server = Process.Start("bash", ["-c", $"exec {PublishedBinary.FilePath} {arguments} {redirection}"]);
        await daemon.WaitUntilAsync("the pid file", () => File.Exists(daemon.PidFile) && daemon.ReadPidFile() == $"{server.Id}\n");
        await using var ann = await daemon.JoinAsync();
        var reader = daemon.Master.Children().FirstOrDefault(child => child.Name == "sleep");

        // More lines than a pipe of 64 KiB holds.
        for (var i = 0; i < 500; i++)
        {
            await using var client = await RawClient.ConnectAsync(daemon.Address);
            await client.SendAsync(RawClient.Request("GET /nothing HTTP/1.1", "Host: 127.0.0.1", "Connection: close"));
            Assert.Equal(404, (await client.ReadResponseAsync()).Status);
        }

        _ = await ann.SayAndReadAsync("still here");
        await ann.DisposeAsync();
        var stop = await daemon.RunCommandAsync("stop");
        Assert.True(stop.ExitCode == 0, stop.ToString());
        await TimeLimit.GuardAsync("end of the server", async limit =>
        {
            await server.WaitForExitAsync(limit);
            return true;
        });
        Assert.Equal(0, server.ExitCode);
        Assert.Equal(redirection.Contains("sleep", StringComparison.Ordinal), reader is not null);
        if (reader is not null)
        {
            await ApplianceDaemon.SignalAsync(reader, "KILL");
        }
    }

    /// <summary>The journal notes the time itself.</summary>
    [Fact]
    public async Task Under_systemd_lines_carry_no_time()
    {
        await using var daemon = new ApplianceDaemon();
        await daemon.StartForegroundAsync([], new Dictionary<string, string>(StringComparer.Ordinal) { ["JOURNAL_STREAM"] = "8:12345" }, "--proc=1");
        Assert.All(daemon.Log, line => Assert.Matches("^INF [0-9]{4} (master|worker 0): ", line));
    }

    private static int CountLogs(ProcessStatus process) =>
        process.Descriptors.Values.Count(target => target.Contains("appliance.log", StringComparison.Ordinal));

    private static async Task<int> ConnectAsync(ApplianceDaemon daemon, CancellationToken enough)
    {
        var count = 0;
        for (; !enough.IsCancellationRequested; count++)
        {
            await (await daemon.JoinAsync("history=0")).DisposeAsync();
        }

        return count;
    }

    private static async Task ChatAsync(ChatClient client, CancellationToken enough)
    {
        for (var i = 0; !enough.IsCancellationRequested; i++)
        {
            _ = await client.SayAndReadAsync(i.ToString(CultureInfo.InvariantCulture));
        }
    }
}
