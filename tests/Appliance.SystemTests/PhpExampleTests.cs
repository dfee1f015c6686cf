using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>The scripts of examples/php do what they say.</summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class PhpExampleTests
{
    [Fact]
    public async Task Push_says_something_to_every_browser()
    {
        await using var server = await ApplianceDaemon.StartAsync(2, "--announce", "off");
        await using var client = await server.JoinAsync("room=shop");
        Assert.Equal("", await RunAsync("push.php", server.StateDirectory, "Sold out: Grüße 🙂", "shop"));
        var message = await client.ReadAsync();
        Assert.Equal(("php", "Sold out: Grüße 🙂", "#777BB3"), (message.Name, message.Message, message.Color));
        await using var lobby = await server.JoinAsync();
        Assert.Equal("", await RunAsync("push.php", server.StateDirectory, "Back in five minutes"));
        Assert.Equal("Back in five minutes", (await lobby.ReadAsync()).Message);
    }

    [Fact]
    public async Task Push_tells_that_there_is_no_server()
    {
        await using var folder = new IpcFolder();
        var result = await CommandResult.RunAsync("php", PhpScript.Example("push.php", folder.FullName, "hello"));
        Assert.Equal((1, "", $"push.php: no server runs with --state-dir {folder.FullName}\n"), (result.ExitCode, result.Output, result.Error));
        Assert.Equal(2, (await CommandResult.RunAsync("php", PhpScript.Example("push.php"))).ExitCode);
        Assert.Empty(await folder.ObjectsAsync());
    }

    [Fact]
    public async Task Moderation_bans_and_is_told_what_it_may_not()
    {
        await using var server = await ApplianceDaemon.StartAsync(2, "--announce", "off", "--control", "say,ask,kick");
        await using var client = await server.JoinAsync();
        Assert.Equal("ok 1\n", await RunAsync("moderate.php", server.StateDirectory, "ban 127.0.0.0/8 for 1h because spam"));
        Assert.Equal(1008, await client.Raw.ReadCloseAsync());
        Assert.Contains("\"subject\":\"127.0.0.0/8\"", await RunAsync("moderate.php", server.StateDirectory, "bans"), StringComparison.Ordinal);
        var slip = await CommandResult.RunAsync("php", PhpScript.Example("moderate.php", server.StateDirectory, "ban everybody"));
        Assert.Equal(1, slip.ExitCode);
        Assert.StartsWith("failed 'everybody' must be an address", slip.Output, StringComparison.Ordinal);
        Assert.Equal("ok 0\n", await RunAsync("moderate.php", server.StateDirectory, "unban 127.0.0.0/8"));
    }

    [Fact]
    public async Task Worker_does_jobs_until_it_is_told_to_quit()
    {
        await using var server = await ApplianceDaemon.StartAsync(2, "--announce", "off");
        await using var client = await server.JoinAsync();
        await using var folder = new IpcFolder();
        await folder.SucceedAsync("queue", "send", "resize photo.jpg");
        var worker = RunAsync("worker.php", server.StateDirectory, folder.FullName);
        _ = await client.ReadMessageAsync("done: resize photo.jpg");
        await folder.SucceedAsync("queue", "send", "rotate photo.jpg");
        _ = await client.ReadMessageAsync("done: rotate photo.jpg");
        await folder.SucceedAsync("queue", "send", "--type", "2", "quit");
        Assert.Equal("waiting\nmsgtype: 1, message: resize photo.jpg\nmsgtype: 1, message: rotate photo.jpg\n", await worker);
        Assert.Empty(await folder.ObjectsAsync());
    }

    [Fact]
    public async Task Counter_loses_nothing_between_processes()
    {
        await using var folder = new IpcFolder();
        var counts = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => RunAsync("counter.php", folder.FullName, "250")));
        Assert.Contains("1000\n", counts);
        Assert.Equal("1001\n", await RunAsync("counter.php", folder.FullName));
    }

    /// <summary>shm_attach() makes a new segment ready: two that do it at once may begin twice.</summary>
    [Fact]
    public async Task Counter_touches_the_segment_only_when_it_is_its_turn()
    {
        await using var folder = new IpcFolder();
        await using var holder = RunningProgram.Start(
            PublishedBinary.FilePath, "sem", "run", "--path", folder.FullName, "--", "sh", "-c", "echo held; read line");
        Assert.Equal("held", await holder.ReadLineAsync());
        var counting = RunAsync("counter.php", folder.FullName, "3");
        await folder.WaitForWaitingAsync(1);
        Assert.DoesNotContain(await folder.ObjectsAsync(), one => one.Kind == "shm");
        await holder.WriteLineAsync("");
        Assert.Equal("3\n", await counting);
    }

    [Fact]
    public async Task Follow_prints_every_message_once_through_upgrade_and_restart()
    {
        await using var server = await ApplianceDaemon.StartAsync(2, "--announce", "count");
        var following = RunAsync("follow.php", $"{server.Address}", "shop", "4");
        await using (var client = await server.JoinAsync("room=shop"))
        {
            _ = await client.ReadUntilAsync(message => message.Message == "2 online");
            await client.SayAsync("one");
            _ = await server.SucceedAsync("upgrade");
            await client.SayAsync("two");
            _ = await client.ReadMessageAsync("two");
        }

        _ = await server.SucceedAsync("stop");
        await server.StartWorkersAsync(2, "--announce", "count");
        await using var other = await server.JoinAsync("room=shop");
        await other.SayAsync("three");
        await other.SayAsync("four");
        Assert.Equal("ann: one\nann: two\nann: three\nann: four\n", await following);
    }

    private static async Task<string> RunAsync(string example, params string[] arguments)
    {
        var result = await CommandResult.RunAsync("php", PhpScript.Example(example, arguments));
        Assert.True((result.ExitCode, result.Error) == (0, ""), $"{example}: {result}");
        return result.Output;
    }
}
