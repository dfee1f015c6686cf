using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>Who may do what through the control queue (<c>--control</c>), tried by another user of the server's group.</summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class ControlRightsTests
{
    private const string Refused = "others than the server's user and root need '{0}' in --control";

    [Fact]
    public async Task By_default_others_push_and_ask_and_no_more()
    {
        await using var server = await ApplianceDaemon.StartAsync(2, "--announce", "off");
        await using var ann = await server.JoinAsync();
        await AssertMayAsync(server, "say", "hello");
        _ = await ann.ReadMessageAsync("hello");
        await AssertMayAsync(server, "clients");
        await AssertMayAsync(server, "rooms");
        await AssertMayAsync(server, "history");
        await AssertMayNotAsync(server, "kick", "kick", "127.0.0.1");
        _ = await server.WaitForLogAsync("queue dropped, user 65534, process [0-9]+ may not: others .*: .*kick 127\\.0\\.0\\.1");

        // Without an answer the log alone tells it; whoever is there stays.
        foreach (var command in (string[])["kick 127.0.0.1", "stop", "reload", "reopen"])
        {
            await SendAsync(server, command);
            _ = await server.WaitForLogAsync($"may not: .*: {command}$");
        }

        await AssertMayAsync(server, "say", "still here");
        _ = await ann.ReadMessageAsync("still here");
        Assert.DoesNotContain(server.Log, line => line.Contains("command from the control queue", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Rights_are_those_of_the_list_and_change_at_a_reload()
    {
        await using var server = new ApplianceDaemon();
        var file = Path.Combine(server.Folder, "appliance.conf");
        await File.WriteAllTextAsync(file, "control = none\n");
        await server.StartWorkersAsync(1, "--announce", "off", "--config", file);
        await using var ann = await server.JoinAsync();
        await AssertMayNotAsync(server, "say", "say", "hello");
        await AssertMayNotAsync(server, "ask", "rooms");
        await File.WriteAllTextAsync(file, "control = kick\n");
        _ = await server.SucceedAsync("reload");
        await AssertMayNotAsync(server, "say", "say", "hello");
        await AssertMayAsync(server, "kick", "127.0.0.1");
        Assert.Equal(1008, await ann.Raw.ReadCloseAsync());
        _ = await server.WaitForLogAsync("command from the control queue: 'kick 127.0.0.1', user 65534, process [0-9]+$");
    }

    /// <summary>As the packages run it: the server is another user's than the administrator who gives commands.</summary>
    [Fact]
    public async Task Root_and_the_servers_user_may_do_everything()
    {
        await using var server = new ApplianceDaemon();
        var given = await CommandResult.RunAsync("chown", $"{OtherUser.Service}:{OtherUser.Service}", server.RunDirectory, server.StateDirectory);
        Assert.True(given.ExitCode == 0, given.ToString());
        var started = await server.LaunchThroughAsync(OtherUser.As(OtherUser.Service), "--proc=1", "--announce", "off", "--control", "none");
        Assert.True(started.ExitCode == 0, started.ToString());
        foreach (var user in (string[])["0", OtherUser.Service])
        {
            await using var ann = await server.JoinAsync();
            string[] command = [PublishedBinary.FilePath, "say", "hello", "--run-dir", server.RunDirectory, "--state-dir", server.StateDirectory];
            await OtherUser.SucceedAsync(user, command);
            _ = await ann.ReadMessageAsync("hello");
            await OtherUser.SucceedAsync(user, [PublishedBinary.FilePath, "kick", "127.0.0.1", .. command[3..]]);
            Assert.Equal(1008, await ann.Raw.ReadCloseAsync());
            _ = await server.WaitForLogAsync($"'kick 127.0.0.1', user {user}, process [0-9]+$");
        }

        Assert.Empty(Directory.GetFiles(server.StateDirectory, "command-*"));
    }

    /// <summary>A file of somebody else's, of another command, a link: none of them shows that root has asked.</summary>
    [Theory]
    [InlineData("printf 'kick 127.0.0.1' > $1/command-1-a; chown 65534 $1/command-1-a")]
    [InlineData("printf 'kick 127.0.0.2' > $1/command-1-a")]
    [InlineData("printf 'kick 127.0.0.1' > $1/other; ln -s other $1/command-1-a")]
    [InlineData("printf 'kick 127.0.0.1' > $1/command-1-a; chmod 666 $1/command-1-a")]
    [InlineData("mkdir $1/command-1-a")]
    [InlineData("mkfifo $1/command-1-a")]
    [InlineData("true")]
    public async Task Forged_proof_is_none(string script)
    {
        await using var server = await ApplianceDaemon.StartAsync(1, "--announce", "off");
        await using var ann = await server.JoinAsync();
        var made = await CommandResult.RunAsync("sh", "-c", script, "sh", server.StateDirectory);
        Assert.True(made.ExitCode == 0, made.ToString());
        await SendAsync(server, "ask 77 proof 1-a kick 127.0.0.1");
        _ = await server.WaitForLogAsync("may not: others than .*kick 127.0.0.1$");
        await AssertMayAsync(server, "say", "still here");
        _ = await ann.ReadMessageAsync("still here");
    }

    private static async Task AssertMayAsync(ApplianceDaemon server, params string[] command)
    {
        var done = await OtherAsync(server, command);
        Assert.True(done.ExitCode == 0, done.ToString());
    }

    private static async Task AssertMayNotAsync(ApplianceDaemon server, string right, params string[] command)
    {
        var done = await OtherAsync(server, command);
        Assert.True(done.ExitCode == 1, done.ToString());
        Assert.Contains(Refused.Replace("{0}", right, StringComparison.Ordinal), done.Error, StringComparison.Ordinal);
    }

    private static Task<CommandResult> OtherAsync(ApplianceDaemon server, string[] command) => CommandResult.RunAsync(
        "setpriv",
        [
            .. OfTheGroup, PublishedBinary.FilePath, .. command, "--run-dir", server.RunDirectory, "--state-dir", server.StateDirectory,
        ]);

    private static async Task SendAsync(ApplianceDaemon server, string text)
    {
        var sent = await CommandResult.RunAsync(
            "setpriv",
            [.. OfTheGroup, PublishedBinary.FilePath, "queue", "send", text, "--plain", "--type", "1", "--path", server.StateDirectory]);
        Assert.True(sent.ExitCode == 0, sent.ToString());
    }

    /// <summary>A user that is neither the server's nor root, in the server's group.</summary>
    private static string[] OfTheGroup => [$"--reuid={OtherUser.Nobody}", "--regid=0", "--clear-groups"];
}
