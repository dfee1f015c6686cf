using System.Text;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>
/// What was said survives a reboot, with its ids. A reboot is a stop, or the death of all processes at once, and the loss of all shared
/// memory.
/// </summary>
public sealed class JournalTests
{
    /// <summary>Workers, 0 for a single process, and how to sync.</summary>
    public static TheoryData<int, string> Modes => new()
    {
        { 0, "always" },
        { 0, "group" },
        { 2, "always" },
        { 2, "group" },
        { 2, "off" },
    };

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task History_and_ids_survive_a_reboot(int workers, string sync)
    {
        await using var daemon = new ApplianceDaemon();
        string[] options = [.. Reboot.Options(daemon), "--journal-sync", sync];
        var before = new List<ChatMessage>();
        for (var round = 0; round < 3; round++)
        {
            await Reboot.StartAsync(daemon, workers, options);
            foreach (var room in (string[])["lobby", "garden"])
            {
                await using var ann = await daemon.JoinAsync($"room={room}");
                var known = before.Where(message => message.Name == room).ToList();
                foreach (var message in known)
                {
                    Assert.Equal(message.ToString(), (await ann.ReadAsync()).ToString());
                }

                for (var i = 0; i < 5; i++)
                {
                    var said = await ann.SayAndReadAsync($"{room} {round} {i}", room);
                    Assert.True(known.Count == 0 || said.IdNumber == known[^1].IdNumber + 1, $"{said} behind {known.LastOrDefault()}");
                    known.Add(said);
                    before.Add(said);
                }

                await using var bob = await daemon.JoinAsync($"room={room}&after={known[^3].Id}");
                Assert.Equal(known[^2].ToString(), (await bob.ReadAsync()).ToString());
            }

            await Reboot.StopAsync(daemon);
        }
    }

    /// <summary>Nobody gets what is not on disk: what anybody got is there after the worst, and nothing seems to be missing.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public async Task Always_means_that_what_anybody_saw_is_there_after_a_power_cut(int workers)
    {
        await using var daemon = new ApplianceDaemon();
        string[] options = [.. Reboot.Options(daemon), "--journal-sync", "always"];
        ChatMessage? last = null;
        for (var round = 0; round < 5; round++)
        {
            await Reboot.StartAsync(daemon, workers, options);
            await using (var ann = await daemon.JoinAsync(last is null ? "history=0" : $"after={last.IdNumber - 1}"))
            {
                Assert.True(last is null || (await ann.ReadAsync()).ToString() == last.ToString(), $"{last} is lost");
                for (var i = 0; i <= round; i++)
                {
                    var said = await ann.SayAndReadAsync($"round {round} {i}");
                    Assert.True(last is null || said.IdNumber == last.IdNumber + 1, $"{said} behind {last}");
                    last = said;
                }
            }

            await Reboot.CutPowerAsync(daemon);
        }
    }

    /// <summary>
    /// The order of system calls, as the kernel sees them: the journal writes a message (w) and syncs (s), and only then anything goes out
    /// (o), to the sender too, for each message anew.
    /// </summary>
    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public async Task Always_means_that_it_is_on_disk_before_anybody_gets_it(int workers)
    {
        const int Messages = 20;
        await using var daemon = new ApplianceDaemon();
        var trace = Path.Combine(daemon.Folder, "trace");
        await daemon.StartForegroundAsync(
            ["strace", "--follow-forks", "--seccomp-bpf", "--signal=none", "--trace=pwrite64,fdatasync,sendto,io_uring_enter", "--output", trace],
            new Dictionary<string, string>(StringComparer.Ordinal),
            [workers > 0 ? $"--proc={workers}" : "--nofork", .. Reboot.Options(daemon), "--journal-sync", "always"]);
        await using (var ann = await daemon.JoinAsync("history=0"))
        await using (var bob = await daemon.JoinAsync("history=0"))
        {
            for (var i = 0; i < Messages; i++)
            {
                var said = await ann.SayAndReadAsync($"{i}");
                Assert.Equal(said.ToString(), (await bob.ReadAsync()).ToString());
            }
        }

        _ = await daemon.SucceedAsync("stop");
        _ = await daemon.WaitForForegroundAsync();
        var calls = string.Concat((await File.ReadAllLinesAsync(trace)).Select(CallOf));
        Assert.Matches($"^(wso+){{{Messages}}}[so]*$", calls[Math.Max(0, calls.IndexOf('w', StringComparison.Ordinal))..]);
    }

    /// <summary>Ids that have jumped because some may be lost do not jump back at the next reboot, also where nobody said anything.</summary>
    [Fact]
    public async Task Ids_do_not_jump_back()
    {
        await using var daemon = new ApplianceDaemon();
        await Reboot.StartAsync(daemon, 1, Reboot.Options(daemon));
        ChatMessage last;
        await using (var ann = await daemon.JoinAsync())
        {
            last = await ann.SayAndReadAsync("last");
        }

        await Reboot.CutPowerAsync(daemon);
        for (var round = 0; round < 2; round++)
        {
            await Reboot.StartAsync(daemon, 1, Reboot.Options(daemon));
            await Reboot.StopAsync(daemon);
        }

        await Reboot.StartAsync(daemon, 1, Reboot.Options(daemon));
        await using var bob = await daemon.JoinAsync($"after={last.Id}");
        Assert.Equal("gap", (await bob.ReadAsync()).Type);
        Assert.True((await bob.SayAndReadAsync("new")).IdNumber > last.IdNumber + 1);
    }

    /// <summary>Some of what was said last may be lost, but no id is given out twice, and who resumes is told.</summary>
    [Theory]
    [InlineData("group")]
    [InlineData("off")]
    public async Task After_a_power_cut_no_id_repeats_and_resuming_tells_a_gap(string sync)
    {
        await using var daemon = new ApplianceDaemon();
        string[] options = [.. Reboot.Options(daemon), "--journal-sync", sync, "--history", "1000"];
        var said = new List<ChatMessage>();
        for (var round = 0; round < 3; round++)
        {
            await Reboot.StartAsync(daemon, 2, options);
            await using (var ann = await daemon.JoinAsync(round == 0 ? "history=0" : $"after={said[^1].Id}"))
            {
                Assert.True(round == 0 || (await ann.ReadAsync()).Type == "gap");
                for (var i = 0; i < 20; i++)
                {
                    said.Add(await ann.SayAndReadAsync($"{round} {i}"));
                }
            }

            // How far the writing is behind is not promised; that it comes to it is.
            var first = Encoding.ASCII.GetBytes("\"message\":\"0 0\"");
            await daemon.WaitUntilAsync("the first message in the journal", () => File.ReadAllBytes(Reboot.JournalOf(daemon)).AsSpan().IndexOf(first) >= 0);
            await Reboot.CutPowerAsync(daemon);
        }

        await Reboot.StartAsync(daemon, 2, options);
        Assert.Equal(said.Select(message => message.IdNumber).Order().Distinct(), said.Select(message => message.IdNumber));
        await using var bob = await daemon.JoinAsync();
        var last = await bob.SayAndReadAsync("the end");
        Assert.True(last.IdNumber > said[^1].IdNumber);
        await using var carol = await daemon.JoinAsync();
        var history = await carol.ReadUntilAsync(message => message.Message == "the end");
        Assert.All(history.SkipLast(1), old => Assert.Contains(said, message => message.ToString() == old.ToString()));
        Assert.InRange(history.Count, 2, said.Count + 1);
        Assert.Contains(history, message => message.Message == "0 0");
    }

    /// <summary>Power fails again and again at once, and nothing of what was said in between has reached the disk.</summary>
    [Fact]
    public async Task Ids_of_what_was_lost_are_not_given_out_again_by_the_next_start_either()
    {
        await using var daemon = new ApplianceDaemon();
        var options = Reboot.Options(daemon);
        var last = 0L;
        for (var round = 0; round < 4; round++)
        {
            await Reboot.StartAsync(daemon, 2, options);
            var kept = await File.ReadAllBytesAsync(Reboot.JournalOf(daemon));
            await using (var ann = await daemon.JoinAsync("history=0"))
            {
                var said = await ann.SayAndReadAsync("hello");
                Assert.True(said.IdNumber > last, $"{said.IdNumber} behind {last}");
                last = said.IdNumber;
            }

            if (round == 0)
            {
                await daemon.WaitUntilAsync(
                    "the message in the journal", () => (kept = File.ReadAllBytes(Reboot.JournalOf(daemon))).AsSpan().IndexOf("\"message\":\"hello\""u8) >= 0);
            }

            await Reboot.CutPowerAsync(daemon);
            await File.WriteAllBytesAsync(Reboot.JournalOf(daemon), kept);
        }
    }

    /// <summary>Workers die, masters hand over, somebody talks all the time: after a reboot each message is there once, in order.</summary>
    [Theory]
    [InlineData("group")]
    [InlineData("always")]
    public async Task Upgrades_and_deaths_lose_nothing(string sync)
    {
        await using var daemon = new ApplianceDaemon();
        string[] options = [.. Reboot.Options(daemon), "--journal-sync", sync, "--history", "10000"];
        await Reboot.StartAsync(daemon, 2, options);
        var said = new List<ChatMessage>();
        await using (var ann = await daemon.JoinWorkerAsync(0, "history=0"))
        {
            for (var round = 0; round < 4; round++)
            {
                var change = round % 2 == 0
                    ? daemon.RunCommandAsync("upgrade")
                    : KillWorkerOfNobodyAsync(daemon, ann);
                do
                {
                    said.Add(await ann.SayAndReadAsync($"{said.Count}"));
                }
                while (!change.IsCompleted);
                var outcome = await change;
                Assert.True(outcome.ExitCode == 0, outcome.ToString());
            }
        }

        await Reboot.StopAsync(daemon);
        await Reboot.StartAsync(daemon, 2, options);
        await using var bob = await daemon.JoinAsync();
        foreach (var message in said)
        {
            Assert.Equal(message.ToString(), (await bob.ReadAsync()).ToString());
        }

        Assert.Empty(daemon.EventsOf(2013, 2015));
    }

    [Fact]
    public async Task Reload_changes_how_it_syncs_but_not_where_it_lies()
    {
        await using var daemon = new ApplianceDaemon();
        var config = Path.Combine(daemon.Folder, "appliance.conf");
        await File.WriteAllTextAsync(config, $"journal = {Reboot.JournalOf(daemon)}\njournal-sync = group\nannounce = off\nmax-rate = 0\n");
        await Reboot.StartAsync(daemon, 2, ["--config", config]);
        await using var ann = await daemon.JoinAsync();
        _ = await ann.SayAndReadAsync("group");
        foreach (var sync in (string[])["always", "off", "always"])
        {
            await File.WriteAllTextAsync(config, $"journal = {daemon.Folder}/other\njournal-sync = {sync}\nannounce = off\nmax-rate = 0\n");
            Assert.Contains("in force only after a restart: journal\n", await daemon.SucceedAsync("reload"), StringComparison.Ordinal);
            for (var i = 0; i < 20; i++)
            {
                _ = await ann.SayAndReadAsync($"{sync} {i}");
            }
        }

        Assert.Contains("always 19", Encoding.Latin1.GetString(await File.ReadAllBytesAsync(Reboot.JournalOf(daemon))), StringComparison.Ordinal);
        Assert.False(File.Exists($"{daemon.Folder}/other"));
    }

    /// <summary>
    /// A line of strace(1) as a letter: a write of what was said in the lobby when it begins; a sync when it ends; what goes out when it begins.
    /// </summary>
    private static string CallOf(string line) =>
        line.Contains(" pwrite64(", StringComparison.Ordinal) && line.Contains("lobby", StringComparison.Ordinal) ? "w"
        : line.Contains("fdatasync", StringComparison.Ordinal) && line.EndsWith("= 0", StringComparison.Ordinal) ? "s"
        : line.Contains(" sendto(", StringComparison.Ordinal) || line.Contains(" io_uring_enter(", StringComparison.Ordinal) ? "o"
        : "";

    /// <summary>Kills a worker that does not have this client, and waits for its successor.</summary>
    private static async Task<CommandResult> KillWorkerOfNobodyAsync(ApplianceDaemon daemon, ChatClient client)
    {
        var has = await daemon.WorkerOfAsync(client.Raw);
        var (slot, victim) = daemon.Workers().First(worker => worker.Key != has);
        var kill = await CommandResult.RunAsync("kill", "-9", $"{victim.Pid}");
        await daemon.WaitUntilAsync("a successor", () => daemon.Workers().TryGetValue(slot, out var next) && next.Pid != victim.Pid);
        return kill;
    }
}
