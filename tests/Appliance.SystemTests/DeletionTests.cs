using System.Globalization;
using System.Text;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>One message is deleted: its place stays, its text goes, for those who are there, for those who come, and from the journal.</summary>
public sealed class DeletionTests
{
    private const string Secret = "secret-text-of-ann";

    public static TheoryData<int> Modes => [0, 2];

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task Clients_and_history_have_it_no_more(int workers)
    {
        await using var server = await ApplianceDaemon.StartInModeAsync(workers, ["--announce", "off"]);
        await using var ann = await server.JoinAsync("room=a");
        await using var bob = await server.JoinAsync("room=a");
        var first = await ann.SayAndReadAsync("first");
        var said = await ann.SayAndReadAsync(Secret);
        Assert.Equal("", await server.SucceedAsync("delete", said.Id!, "--room", "a"));
        var told = await ann.ReadAsync();
        Assert.Equal(("delete", said.Id, said.IdNumber + 1), (told.Type, told.Json["deleted"]?.GetValue<string>(), told.IdNumber));
        _ = await ann.SayAndReadAsync("last");
        foreach (var message in (ChatMessage[])[first, said, told])
        {
            Assert.Equal(message.ToString(), (await bob.ReadAsync()).ToString());
        }

        foreach (var query in (string[])["", $"&after={first.Id}"])
        {
            await using var late = await server.JoinAsync($"room=a{query}");
            Assert.True(query.Length > 0 || (await late.ReadAsync()).ToString() == first.ToString(), query);
            var tombstone = await late.ReadAsync();
            Assert.Equal(("deleted", said.Id, said.Time, 3), (tombstone.Type, tombstone.Id, tombstone.Time, tombstone.Json.Count));
            Assert.Equal(told.ToString(), (await late.ReadAsync()).ToString());
            Assert.Equal("last", (await late.ReadAsync()).Message);
        }

        var lines = (await server.SucceedAsync("history", "--room", "a")).TrimEnd('\n').Split('\n');
        Assert.Equal(3, lines.Length);
        Assert.EndsWith("  * deleted", lines[1], StringComparison.Ordinal);
        Assert.Contains($"message {said.Id} was deleted", await server.SucceedAsync("history", "--room", "a", "--announcements"), StringComparison.Ordinal);
        Assert.Contains(server.Log, line => line.Contains($"delete @a {said.Id}", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_cannot_be_deleted_is_told_with_the_way_out()
    {
        await using var server = await ApplianceDaemon.StartInModeAsync(1, ["--room-size", "65536", "--max-rate", "0"]);
        await using var ann = await server.JoinAsync("room=a");
        var announcement = await ann.ReadAsync();
        var said = await ann.SayAndReadAsync("first");
        (string Id, string Room, string Reason)[] cases =
        [
            (announcement.Id!, "a", "is an announcement, not a message"),
            (said.Id!, "b", "there is no room 'b'"),
            ((said.IdNumber + 1000).ToString(CultureInfo.InvariantCulture), "a", "has never had a message"),
            ("12", "a", "is not the id of a message, which has 16 digits: history --json prints them"),
        ];
        foreach (var (id, room, reason) in cases)
        {
            var outcome = await server.RunCommandAsync("delete", id, "--room", room);
            Assert.Equal(1, outcome.ExitCode);
            Assert.Contains(reason, outcome.Error, StringComparison.Ordinal);
        }

        for (var i = 0; i < 800; i++)
        {
            _ = await ann.SayAndReadAsync(new string('x', 90));
        }

        Assert.Contains("any more", (await server.RunCommandAsync("delete", said.Id!, "--room", "a")).Error, StringComparison.Ordinal);
    }

    /// <summary>All processes are killed right behind it, with or without the loss of memory: the text is in no file, and does not come back.</summary>
    [Theory]
    [InlineData(0, "always")]
    [InlineData(2, "group")]
    public async Task Journal_has_it_no_more(int workers, string sync)
    {
        await using var daemon = new ApplianceDaemon();
        string[] options = [.. Reboot.Options(daemon), "--journal-sync", sync];
        await Reboot.StartAsync(daemon, workers, options);
        ChatMessage said;
        await using (var ann = await daemon.JoinAsync())
        {
            said = await ann.SayAndReadAsync(Secret);
        }

        await daemon.WaitUntilAsync("the text is in the file", () => JournalHas(daemon, Secret));
        _ = await daemon.SucceedAsync("delete", said.Id!);
        ProcessStatus[] all = [daemon.Master, .. daemon.Workers().Values];
        _ = await CommandResult.RunAsync("kill", ["-9", .. all.Select(process => process.Pid.ToString(CultureInfo.InvariantCulture))]);
        foreach (var process in all)
        {
            await daemon.WaitForEndAsync(process);
        }

        for (var round = 0; round < 2; round++)
        {
            await Reboot.StartAsync(daemon, workers, options);
            await daemon.WaitUntilAsync("the text is gone from the file", () => !JournalHas(daemon, Secret));
            await using (var bob = await daemon.JoinAsync())
            {
                Assert.Equal(("deleted", said.Id), ((await bob.ReadAsync()) is var message ? message.Type : "", message.Id));
                Assert.Equal("delete", (await bob.ReadAsync()).Type);
            }

            await Reboot.CutPowerAsync(daemon);
            Assert.False(JournalHas(daemon, Secret));
        }
    }

    private static bool JournalHas(ApplianceDaemon daemon, string text) => Directory.EnumerateFiles(daemon.Folder, "rooms.journal*")
        .Any(file => File.Exists(file) && File.ReadAllBytes(file).AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)) >= 0);
}
