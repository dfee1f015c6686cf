using System.Globalization;
using System.Text;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>The journal's file: torn, damaged, somebody else's, on a full disk, removed, too long.</summary>
public sealed class JournalFileTests
{
    /// <summary>Bytes of an entry before its room's name: docs/journal.md.</summary>
    private const int EntryHeadBytes = 18;

    /// <summary>So many bytes are left of the last entry; -1: all but one.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(8)]
    [InlineData(18)]
    [InlineData(23)]
    [InlineData(-1)]
    public async Task Torn_end_is_cut_off_and_told(int left)
    {
        await using var daemon = new ApplianceDaemon();
        await Reboot.StartAsync(daemon, 1, Reboot.Options(daemon));
        var said = new List<ChatMessage>();
        await using (var ann = await daemon.JoinAsync())
        {
            for (var i = 0; i < 5; i++)
            {
                said.Add(await ann.SayAndReadAsync($"{i}"));
            }
        }

        await Reboot.StopAsync(daemon);
        var bytes = await File.ReadAllBytesAsync(Reboot.JournalOf(daemon));
        var last = bytes.AsSpan().LastIndexOf("lobby"u8) - EntryHeadBytes;
        await File.WriteAllBytesAsync(Reboot.JournalOf(daemon), bytes[..(left < 0 ? bytes.Length + left : last + left)]);

        await Reboot.StartAsync(daemon, 1, Reboot.Options(daemon));
        _ = await daemon.WaitForLogAsync(" 2013 .* an incomplete end of \\d+ bytes was cut off");
        await using var bob = await daemon.JoinAsync();
        await bob.SayAsync("new");
        var history = await bob.ReadUntilAsync(message => message.Message == "new");
        Assert.Equal(said.SkipLast(1).Select(message => message.ToString()), history.SkipLast(1).Select(message => message.ToString()));
        Assert.True(history[^1].IdNumber > said[^1].IdNumber, "an id was given out twice");
        await using var carol = await daemon.JoinAsync($"after={said[1].Id}");
        Assert.Equal("gap", (await carol.ReadAsync()).Type);
        Assert.Equal(
            [said[2].ToString(), said[3].ToString(), history[^1].ToString()],
            [$"{await carol.ReadAsync()}", $"{await carol.ReadAsync()}", $"{await carol.ReadAsync()}"]);
    }

    [Fact]
    public async Task Damage_in_the_middle_costs_one_message_and_is_set_aside()
    {
        await using var daemon = new ApplianceDaemon();
        await Reboot.StartAsync(daemon, 1, Reboot.Options(daemon));
        await using (var ann = await daemon.JoinAsync())
        {
            for (var i = 0; i < 5; i++)
            {
                _ = await ann.SayAndReadAsync($"message {i}");
            }
        }

        await Reboot.StopAsync(daemon);
        var bytes = await File.ReadAllBytesAsync(Reboot.JournalOf(daemon));
        bytes[bytes.AsSpan().IndexOf("message 1"u8)] ^= 1;
        await File.WriteAllBytesAsync(Reboot.JournalOf(daemon), bytes);

        await Reboot.StartAsync(daemon, 1, Reboot.Options(daemon));
        _ = await daemon.WaitForLogAsync(" 2014 .* are damaged and were set aside in ");
        Assert.Contains("lessage 1", await File.ReadAllTextAsync(Reboot.JournalOf(daemon) + ".damaged"), StringComparison.Ordinal);
        await using var bob = await daemon.JoinAsync();
        await bob.SayAsync("new");
        var history = await bob.ReadUntilAsync(message => message.Message == "new");
        Assert.Equal(["message 0", "message 2", "message 3", "message 4", "new"], history.Select(message => message.Message));
    }

    /// <summary>A small disk fills up, and gets room again: nobody notices but the log and monitors, and what rooms still hold is written then.</summary>
    [Theory]
    [InlineData("group")]
    [InlineData("always")]
    public async Task Full_disk_stops_no_chat(string sync)
    {
        Assert.True(Environment.IsPrivilegedProcess, "Only root can mount a small disk.");
        await using var daemon = new ApplianceDaemon();
        var disk = Directory.CreateDirectory(Path.Combine(daemon.Folder, "disk")).FullName;
        daemon.ChoosePort();
        var started = await daemon.LaunchThroughAsync(
            ["unshare", "--mount", "sh", "-c", $"mount -t tmpfs -o size=256k none {disk} && head -c 200k /dev/zero > {disk}/other && exec \"$0\" \"$@\""],
            ["--proc=2", "--announce", "off", "--max-rate", "0", "--journal", $"{disk}/rooms", "--journal-sync", sync, .. MonitoringPort.Options]);
        Assert.True(started.ExitCode == 0, started.ToString());
        var port = await MonitoringPort.OfAsync(daemon);
        var seen = $"/proc/{daemon.Master.Pid}/root{disk}";
        await using var ann = await daemon.JoinAsync("history=0");
        for (var i = 0; i < 600; i++)
        {
            _ = await ann.SayAndReadAsync($"{i}");
        }

        _ = await daemon.WaitForLogAsync(" 2015 .*ENOSPC");
        await AssertHealthAsync(port, 503, "the journal cannot be written: No space left on device (ENOSPC)\n");
        Assert.Equal(200, (await port.GetAsync("/readyz")).Status);
        var status = await daemon.SucceedAsync("status");
        Assert.Contains("the journal cannot be written: No space left on device (ENOSPC)", status, StringComparison.Ordinal);
        var check = await daemon.RunCommandAsync("--check", "--metrics", "off", "--journal", Reboot.JournalOf(daemon));
        Assert.Contains("ENOSPC", check.Output, StringComparison.Ordinal);
        Assert.Equal(1, check.ExitCode);
        File.Delete($"{seen}/other");
        _ = await daemon.WaitForLogAsync(" 2016 ");
        await AssertHealthAsync(port, 200, "ok\n");
        var last = await ann.SayAndReadAsync("the disk has room again");
        await daemon.WaitUntilAsync("all messages in the file", () =>
        {
            var text = Encoding.Latin1.GetString(File.ReadAllBytes($"{seen}/rooms"));
            return text.Contains(last.Id!, StringComparison.Ordinal) && Enumerable.Range(0, 600).All(
                i => text.Contains((last.IdNumber - 600 + i).ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal));
        });
        Assert.Single(daemon.EventsOf(2015));
        _ = await daemon.SucceedAsync("stop");
    }

    private static async Task AssertHealthAsync(MonitoringPort port, int status, string text)
    {
        _ = await port.WaitForStatusAsync(text, figures => figures.GetProperty("healthy").GetBoolean() == (status == 200));
        var health = await port.GetAsync("/healthz");
        Assert.Equal((status, text), (health.Status, health.Text));
    }

    /// <summary>
    /// One and a half times what makes it too long, through a room that holds a hundredth of that. Who waits for the disk cannot be
    /// overtaken on the way.
    /// </summary>
    [Fact]
    public async Task File_that_grows_too_long_is_written_anew()
    {
        const int Messages = 9000;
        const int Window = 50;
        await using var daemon = new ApplianceDaemon();
        string[] options = [.. Reboot.Options(daemon), "--journal-sync", "always", "--max-message", "10000", "--room-size", "1048576", "--max-rooms", "4"];
        await Reboot.StartAsync(daemon, 1, options);
        var padding = new string('x', 9900);
        var last = new List<ChatMessage>();
        await using (var ann = await daemon.JoinAsync())
        {
            for (var i = 0; i < Messages + Window; i++)
            {
                if (i < Messages)
                {
                    await ann.SayAsync($"{i} {padding}");
                }

                if (i >= Window)
                {
                    last.Add(await ann.ReadAsync());
                }
            }
        }

        _ = await daemon.WaitForLogAsync(" 2019 ");
        Assert.InRange(new FileInfo(Reboot.JournalOf(daemon)).Length, 1 << 20, 64 << 20);
        await Reboot.StopAsync(daemon);
        await Reboot.StartAsync(daemon, 1, options);
        await using var bob = await daemon.JoinAsync($"after={last[^51].Id}");
        foreach (var message in last.TakeLast(50))
        {
            Assert.Equal(message.ToString(), (await bob.ReadAsync()).ToString());
        }

        Assert.False(File.Exists(Reboot.JournalOf(daemon) + ".new"));
        Assert.Empty(daemon.EventsOf(2017));
    }

    [Fact]
    public async Task File_that_is_no_journal_or_somebody_elses_is_refused_and_stays_as_it_is()
    {
        await using var daemon = new ApplianceDaemon();
        await File.WriteAllTextAsync(Reboot.JournalOf(daemon), "a letter to my aunt, which is longer than the header of a journal");
        daemon.ChoosePort();
        var refused = await daemon.LaunchAsync(["--proc=1", .. Reboot.Options(daemon)]);
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains($"--journal {Reboot.JournalOf(daemon)}: is not a journal of this version of appliance", refused.Error, StringComparison.Ordinal);
        Assert.StartsWith("a letter", await File.ReadAllTextAsync(Reboot.JournalOf(daemon)), StringComparison.Ordinal);
        File.Delete(Reboot.JournalOf(daemon));

        await Reboot.StartAsync(daemon, 1, Reboot.Options(daemon));
        await using var other = new ApplianceDaemon();
        other.ChoosePort();
        refused = await other.LaunchAsync("--proc=1", "--journal", Reboot.JournalOf(daemon));
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("another appliance uses it", refused.Error, StringComparison.Ordinal);
    }

    /// <summary>What is no regular file, or nothing can be put in the place of, is refused at once, with what it is.</summary>
    [Theory]
    [InlineData("/dev/full", "it is a device")]
    [InlineData("/dev/stdout", "no other file can be put in the place of '/proc/self/fd/1'")]
    [InlineData("/proc/self/mem", "no other file can be put in the place of '/proc/self/mem'")]
    [InlineData("FOLDER/fifo", "it is a FIFO or pipe")]
    [InlineData("FOLDER", "it is a directory (EISDIR)")]
    public async Task Path_of_something_else_is_refused(string journal, string words)
    {
        await using var daemon = new ApplianceDaemon();
        daemon.ChoosePort();
        journal = journal.Replace("FOLDER", daemon.Folder, StringComparison.Ordinal);
        Assert.Equal(0, (await CommandResult.RunAsync("mkfifo", $"{daemon.Folder}/fifo")).ExitCode);
        var refused = await daemon.LaunchAsync("--proc=1", "--journal", journal);
        Assert.Equal(1, refused.ExitCode);
        Assert.Matches($"--journal {journal}: .*{System.Text.RegularExpressions.Regex.Escape(words)}.*; name a", refused.Error);
    }

    [Fact]
    public async Task Path_where_nothing_can_be_written_is_refused_and_found_by_check()
    {
        Assert.True(Environment.IsPrivilegedProcess, "Only root can mount something that is read-only.");
        await using var daemon = new ApplianceDaemon();
        daemon.ChoosePort();
        var nowhere = $"{daemon.Folder}/nowhere/rooms";
        var refused = await daemon.LaunchAsync("--proc=1", "--journal", nowhere);
        Assert.Equal(1, refused.ExitCode);
        var words = $"--journal {nowhere}: cannot be written: the directory '{daemon.Folder}/nowhere' is not there (ENOENT); make it, or ";
        Assert.Contains(words, refused.Error, StringComparison.Ordinal);
        var check = await daemon.RunCommandAsync("--check", "--metrics", "off", "--journal", nowhere);
        Assert.Equal(1, check.ExitCode);
        Assert.Contains(nowhere, check.Output, StringComparison.Ordinal);

        var disk = Directory.CreateDirectory(Path.Combine(daemon.Folder, "disk")).FullName;
        refused = await daemon.LaunchThroughAsync(
            ["unshare", "--mount", "sh", "-c", $"mount -t tmpfs -o ro none {disk} && exec \"$0\" \"$@\""], "--proc=1", "--journal", $"{disk}/rooms");
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("(EROFS)", refused.Error, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(disk));
    }

    /// <summary>Somebody turns it over like a log: the next one has all that the room holds, and nobody notices but the log.</summary>
    [Theory]
    [InlineData("group")]
    [InlineData("always")]
    public async Task File_that_is_moved_away_is_made_anew(string sync)
    {
        await using var daemon = new ApplianceDaemon();
        string[] options = [.. Reboot.Options(daemon), "--journal-sync", sync];
        await Reboot.StartAsync(daemon, 2, options);
        ChatMessage last;
        await using (var ann = await daemon.JoinAsync("history=0"))
        {
            _ = await ann.SayAndReadAsync("first");
            File.Move(Reboot.JournalOf(daemon), Reboot.JournalOf(daemon) + ".1");
            await daemon.WaitUntilAsync("another file", () =>
            {
                _ = ann.SayAndReadAsync("more").Result;
                return File.Exists(Reboot.JournalOf(daemon));
            });
            last = await ann.SayAndReadAsync("last");
        }

        _ = await daemon.WaitForLogAsync(" 2021 .* was moved away or removed");
        await Reboot.StopAsync(daemon);
        await Reboot.StartAsync(daemon, 2, [.. options, "--history", "10000"]);
        await using var bob = await daemon.JoinAsync();
        var history = await bob.ReadUntilAsync(message => message.Message == "last");
        Assert.Equal(last.ToString(), history[^1].ToString());
        Assert.Equal("first", history[0].Message);
        Assert.Equal(history.Count - 1, last.IdNumber - history[0].IdNumber);
    }

    /// <summary>The file outlives <c>stop --purge</c>, is its owner's alone, and a start without it does not touch it.</summary>
    [Fact]
    public async Task Purge_leaves_the_file()
    {
        await using var daemon = new ApplianceDaemon();
        await Reboot.StartAsync(daemon, 1, Reboot.Options(daemon));
        await using (var ann = await daemon.JoinAsync())
        {
            _ = await ann.SayAndReadAsync("kept");
        }

        _ = await daemon.SucceedAsync("stop", "--purge");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Reboot.JournalOf(daemon)));
        var before = await File.ReadAllBytesAsync(Reboot.JournalOf(daemon));
        await Reboot.StartAsync(daemon, 1, ["--announce", "off"]);
        await using (var bob = await daemon.JoinAsync())
        {
            Assert.Equal("without", (await bob.SayAndReadAsync("without")).Message);
        }

        _ = await daemon.SucceedAsync("stop");
        Assert.Equal(before, await File.ReadAllBytesAsync(Reboot.JournalOf(daemon)));
    }
}
