using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>Start and stop: signals, the pid file, the stop command.</summary>
[Trait(PidNamespace.Trait, PidNamespace.Container)]
public sealed class LifecycleTests
{
    [Theory]
    [InlineData("TERM")]
    [InlineData("INT")]
    [InlineData("QUIT")]
    public async Task Signal_ends_the_server(string signal)
    {
        await using var server = await ApplianceServer.StartAsync();
        await using var ann = await ChatClient.JoinAsync(server);
        await server.SignalAsync(signal);
        if (signal != "QUIT")
        {
            Assert.Equal(1001, await ann.Raw.ReadCloseAsync());
            await ann.Raw.SendAsync(ClientFrame.Close(1001));
        }

        Assert.Equal(0, await server.WaitForExitAsync());
        Assert.Empty(Directory.GetFiles(server.RunDirectory, "*.pid"));
    }

    [Fact]
    public async Task Stop_command_ends_the_server_and_keeps_the_history()
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "off");
        await using (var ann = await ChatClient.JoinAsync(server))
        {
            _ = await ann.SayAndReadAsync("kept");
        }

        var pidFile = Path.Combine(server.RunDirectory, "appliance.pid");
        var pid = await CommandResult.RunAsync("cat", pidFile);
        Assert.Equal($"{new ProcessStatus(server.Pid).OwnPid}\n", pid.Output);
        var stop = await server.RunCommandAsync("stop");
        Assert.True(stop.ExitCode == 0, stop.Error);
        Assert.Equal(0, await server.WaitForExitAsync());
        Assert.False(File.Exists(pidFile), "The pid file is left behind.");

        await server.RestartAsync();
        await using var bob = await ChatClient.JoinAsync(server);
        Assert.Equal("kept", (await bob.ReadAsync()).Message);
    }

    [Theory]
    [InlineData("--run-dir", "--state-dir")]
    [InlineData("--state-dir", "--run-dir")]
    public async Task Second_server_of_a_directory_is_refused(string shared, string own)
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "off");
        await using var pair = await ChatPair.JoinAsync(server);
        var sharedDirectory = shared == "--run-dir" ? server.RunDirectory : server.StateDirectory;
        var second = await CommandResult.ApplianceAsync(
            "--nofork", "--listen", "127.0.0.1:0", "--metrics", "off", shared, sharedDirectory, own, Path.Combine(server.RunDirectory, "own"));
        Assert.True(second.ExitCode == 1, second.Error);
        Assert.Contains($"{shared} {sharedDirectory}", second.Error, StringComparison.Ordinal);
        await pair.AssertChatsAsync();
    }

    [Fact]
    public async Task Clients_that_do_not_answer_cannot_hold_up_the_stop()
    {
        await using var server = await ApplianceServer.StartAsync("--drain", "1");
        await using var silent = await RawClient.OpenAsync(server);
        await using var half = await RawClient.ConnectAsync(server);
        await half.SendAsync("GET / HTTP/1.1\r\n"u8.ToArray());
        await half.WaitUntilReadAsync();
        Assert.Equal(0, await server.StopAsync());
        Assert.Equal(1001, await silent.ReadCloseAsync());
    }

    [Fact]
    public async Task Idle_connections_come_and_go_without_a_leak()
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "off");
        await using var pair = await ChatPair.JoinAsync(server);
        var descriptors = server.DescriptorCount;
        for (var round = 0; round < 5; round++)
        {
            var clients = await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => RawClient.OpenAsync(server, $"/?{pair.Query}")));
            await pair.AssertChatsAsync();
            foreach (var client in clients)
            {
                await client.DisposeAsync();
            }

            await server.WaitForDescriptorCountAsync(descriptors);
        }

        await pair.AssertChatsAsync();
    }
}
