using System.Diagnostics;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>
/// Logs that are pipes nobody reads, and disks that do not answer: the server starts, chats, reloads, opens its log anew and stops as always,
/// within the time that each of these takes otherwise.
/// </summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class LogPipeTests
{
    /// <summary>What is done with the FIFO that the log is, by a shell in the background: $0 is the FIFO.</summary>
    [Theory]
    [InlineData("--proc=2", "sleep 600")]
    [InlineData("--nofork", "sleep 600")]
    [InlineData("--proc=2", "sleep 600 < $0")]
    [InlineData("--nofork", "sleep 600 < $0")]
    [InlineData("--proc=2", "head -n 1 < $0; sleep 600")]
    [InlineData("--nofork", "head -n 1 < $0; sleep 600")]
    public async Task Fifo_that_nobody_reads_holds_up_nothing(string mode, string reader)
    {
        await using var daemon = new ApplianceDaemon();
        daemon.ChoosePort();
        var fifo = Path.Combine(daemon.Folder, "fifo");
        Assert.Equal(0, (await CommandResult.RunAsync("mkfifo", fifo)).ExitCode);
        using var reading = Process.Start("setsid", ["sh", "-c", reader, fifo]);
        try
        {
            var started = await daemon.LaunchAsync(mode, "--log", fifo, "--log-level", "debug", "--announce", "off");
            Assert.True(started.ExitCode == 0, started.ToString());

            // More lines than a pipe of 64 KiB holds.
            for (var i = 0; i < 500; i++)
            {
                await (await daemon.JoinAsync("history=0")).DisposeAsync();
            }

            await AssertObeysAsync(daemon);
        }
        finally
        {
            _ = await CommandResult.RunAsync("kill", "-KILL", "--", $"-{reading.Id}");
        }
    }

    /// <summary>Calls of the log's thread, of the journal's, or both, take a minute from some moment on: a dead disk.</summary>
    [Theory]
    [InlineData("--proc=1", "--log LOG", "write,openat -P LOG -e inject=write,openat:delay_enter=60000000:when=8+")]
    [InlineData("--nofork", "--log LOG", "write,openat -P LOG -e inject=write,openat:delay_enter=60000000:when=8+")]
    [InlineData("--proc=1", "--journal-sync always", "fdatasync -e inject=fdatasync:delay_enter=60000000:when=4+")]
    [InlineData("--proc=1", "--journal-sync group", "fdatasync -e inject=fdatasync:delay_enter=60000000:when=4+")]
    [InlineData("--nofork", "--journal-sync off", "fdatasync -e inject=fdatasync:delay_enter=60000000:when=4+")]
    public async Task Disk_that_does_not_answer_holds_up_nothing(string mode, string options, string calls)
    {
        await using var daemon = new ApplianceDaemon();
        var log = Path.Combine(daemon.StateDirectory, "log");
        string[] given = options.Replace("LOG", log, StringComparison.Ordinal).Split(' ');
        string[] journal = options.StartsWith("--journal", StringComparison.Ordinal)
            ? ["--journal", Path.Combine(daemon.StateDirectory, "rooms")]
            : ["--log-level", "debug"];
        string[] strace = ["strace", "-f", "-o", "/dev/null", "-e", .. $"trace={calls}".Replace("LOG", log, StringComparison.Ordinal).Split(' ')];
        daemon.ChoosePort();
        using var server = Process.Start(strace[0], [.. strace[1..], daemon.Binary, mode, .. mode == "--nofork" ? [] : (string[])["--master"],
            "--drain", "1", "--listen", daemon.Address.ToString(), "--metrics", "off",
            "--state-dir", daemon.StateDirectory, "--run-dir", daemon.RunDirectory, .. given, .. journal]);
        await daemon.WaitUntilAsync("a server", () => File.Exists(daemon.PidFile) && daemon.ReadPidFile().EndsWith('\n'));
        for (var i = 0; i < 10; i++)
        {
            await using var ann = await daemon.JoinAsync("history=0");
            _ = await ann.SayAndReadAsync("hello");
        }

        await AssertObeysAsync(daemon);
    }

    /// <summary>However the journal syncs: that its disk is dead is told while it hangs, not once it has answered.</summary>
    [Theory]
    [InlineData("always", "fdatasync", 3)]
    [InlineData("group", "fdatasync", 10)]
    [InlineData("off", "pwrite64", 10)]
    public async Task Disk_of_the_journal_that_does_not_answer_is_told(string sync, string call, int seconds)
    {
        await using var daemon = new ApplianceDaemon();
        var journal = Path.Combine(daemon.StateDirectory, "rooms");
        daemon.ChoosePort();
        await daemon.StartForegroundAsync(
            ["strace", "-f", "-o", "/dev/null", "-P", journal, "-e", $"trace={call}", "-e", $"inject={call}:delay_enter=60000000:when=6+"],
            new Dictionary<string, string>(StringComparer.Ordinal),
            ["--nofork", "--drain", "1", "--max-rate", "0", "--journal", journal, "--journal-sync", sync]);
        await using (var ann = await daemon.JoinAsync("history=0"))
        {
            await daemon.WaitUntilAsync("words about the disk", () =>
            {
                _ = ann.SayAndReadAsync("hello").Result;
                return daemon.Log.Any(line => line.Contains($"its disk has not answered for {seconds} s", StringComparison.Ordinal));
            });
        }

        Assert.Contains("the journal cannot be written: ", (await daemon.RunCommandAsync("status")).Output, StringComparison.Ordinal);
    }

    /// <summary>Whatever became of the log, the server does what it is told, and tells what came of it.</summary>
    private static async Task AssertObeysAsync(ApplianceDaemon daemon)
    {
        await using (var ann = await daemon.JoinAsync())
        {
            var reopened = await daemon.RunCommandAsync("reopen");
            Assert.DoesNotContain("has not answered", reopened.Error, StringComparison.Ordinal);
            Assert.StartsWith("reloaded", await daemon.SucceedAsync("reload"), StringComparison.Ordinal);
            await ApplianceDaemon.SignalAsync(daemon.Master, "USR1");
            _ = await ann.SayAndReadAsync("still here");
        }

        var stopped = await daemon.RunCommandAsync("stop");
        Assert.True(stopped.ExitCode == 0, stopped.ToString());
    }
}
