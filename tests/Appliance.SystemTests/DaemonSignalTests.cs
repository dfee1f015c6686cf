using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Appliance.SystemTests.Harness;
using Xunit.Abstractions;

namespace Appliance.SystemTests;

/// <summary>How a daemon ends, by signal or by command, and how its number of workers changes while clients are connected.</summary>
[Trait(TestEngine.Name, TestEngine.Any)]
[Trait(PidNamespace.Trait, PidNamespace.Container)]
public sealed class DaemonSignalTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("TERM")]
    [InlineData("INT")]
    [InlineData("stop")]
    public async Task Graceful_stop_closes_every_client_of_every_worker_with_1001(string how)
    {
        await using var daemon = await ApplianceDaemon.StartAsync(3, "--announce", "off");
        var processes = daemon.Workers().Values.Append(daemon.Master).ToArray();
        var clients = new List<RawClient>();
        for (var slot = 0; slot < 3; slot++)
        {
            clients.Add((await daemon.JoinWorkerAsync(slot)).Raw);
        }

        var asked = how == "stop" ? daemon.SucceedAsync("stop") : ApplianceDaemon.SignalAsync(daemon.Master, how);
        foreach (var client in clients)
        {
            Assert.Equal(1001, await client.ReadCloseAsync());
            await client.SendAsync(ClientFrame.Close(1001));
            Assert.True(await client.ExpectEndAsync(), "A reset instead of an orderly end.");
            await client.DisposeAsync();
        }

        await asked;
        if (how != "stop")
        {
            await daemon.WaitUntilAsync("end of the daemon", () => !File.Exists(daemon.PidFile));
        }

        Assert.False(File.Exists(daemon.PidFile), "The pid file is left behind.");
        foreach (var process in processes)
        {
            await daemon.WaitForEndAsync(process);
        }

        Assert.Equal(3, (await daemon.RunCommandAsync("status")).ExitCode);
        Assert.DoesNotContain(daemon.Log, line => line.Contains("ERR", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Listeners_are_closed_while_the_last_client_is_waited_for()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(2, "--announce", "off", "--drain", "3600");
        await using var ann = await daemon.JoinAsync();
        await ApplianceDaemon.SignalAsync(daemon.Master, "TERM");
        var master = daemon.Master;
        Assert.Equal(1001, await ann.Raw.ReadCloseAsync());
        await TimeLimit.GuardAsync("refusal of connections", async limit =>
        {
            for (var refused = false; !refused; await Task.Delay(1, limit))
            {
                try
                {
                    await (await RawClient.ConnectAsync(daemon.Address)).DisposeAsync();
                }
                catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
                {
                    refused = true;
                }
            }

            return true;
        });
        Assert.True(master.IsAlive, "Connections were taken up to the end of the daemon.");
        await ann.Raw.SendAsync(ClientFrame.Close(1001));
        _ = await ann.Raw.ExpectEndAsync();
        await ann.DisposeAsync();
        await daemon.WaitUntilAsync("end of the daemon", () => !File.Exists(daemon.PidFile));
    }

    [Fact]
    public async Task Quit_ends_it_at_once()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(2, "--announce", "off", "--drain", "3600");
        await using var ann = await daemon.JoinWorkerAsync(0);
        await using var bob = await daemon.JoinWorkerAsync(1);
        var processes = daemon.Workers().Values.Append(daemon.Master).ToArray();
        await ApplianceDaemon.SignalAsync(daemon.Master, "QUIT");
        foreach (var process in processes)
        {
            await daemon.WaitForEndAsync(process);
        }

        await Assert.ThrowsAsync<EndOfStreamException>(() => ReadToEndAsync(ann.Raw));
        await Assert.ThrowsAsync<EndOfStreamException>(() => ReadToEndAsync(bob.Raw));
        Assert.False(File.Exists(daemon.PidFile), "The pid file is left behind.");
    }

    /// <summary>Neither a silent client, nor a worker that is not even able to listen, nor one that is about to be restarted.</summary>
    [Fact]
    public async Task Nobody_can_hold_up_a_stop()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(3, "--announce", "off", "--drain", "1");
        await using var silent = await daemon.JoinWorkerAsync(0);
        await FailUntilItPausesAsync(daemon, 2);
        await ApplianceDaemon.SignalAsync(daemon.Workers()[1], "STOP");
        _ = await daemon.SucceedAsync("stop");
        Assert.False(File.Exists(daemon.PidFile), "The pid file is left behind.");
    }

    /// <summary>Clients that send as fast as they can keep no worker from doing what the master asks.</summary>
    [Fact]
    public async Task Flood_of_data_holds_up_no_signal()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(1, "--announce", "off", "--max-rate", "0", "--max-frame", "1048576", "--echo");
        using var enough = new CancellationTokenSource();
        var floods = Enumerable.Range(0, 4).Select(_ => FloodAsync(daemon, enough.Token)).ToArray();
        await daemon.WaitUntilAsync("the floods", () =>
            daemon.Workers()[0].Descriptors.Values.Count(target => target.StartsWith("socket:", StringComparison.Ordinal)) >= 4);
        var longest = TimeSpan.Zero;
        for (var i = 0; i < 20; i++)
        {
            File.Delete(daemon.LogFile);
            var asked = Stopwatch.GetTimestamp();
            _ = await daemon.SucceedAsync("reopen");
            longest = longest > Stopwatch.GetElapsedTime(asked) ? longest : Stopwatch.GetElapsedTime(asked);
            Assert.True(File.Exists(daemon.LogFile));
        }

        output.WriteLine($"'reopen' took {longest.TotalMilliseconds:0} ms at most, with the start of the command itself");
        await enough.CancelAsync();
        foreach (var flood in floods)
        {
            await flood;
        }
    }

    /// <summary>Signals meant for the group, or sent to a worker by mistake, are the master's business.</summary>
    [Theory]
    [InlineData("HUP")]
    [InlineData("INT")]
    [InlineData("USR1")]
    [InlineData("USR2")]
    public async Task Signal_to_a_worker_does_nothing(string signal)
    {
        await using var daemon = await ApplianceDaemon.StartAsync(1, "--announce", "off");
        await using var ann = await daemon.JoinAsync();
        var worker = daemon.Workers()[0];
        await ApplianceDaemon.SignalAsync(worker, signal);
        _ = await ann.SayAndReadAsync("still here");
        _ = await daemon.SucceedAsync("reopen");
        Assert.Equal(worker, daemon.Workers()[0]);
    }

    [Fact]
    public async Task Workers_come_and_go_while_clients_are_connected()
    {
        await using var daemon = await StartConfiguredAsync("proc = 2");
        await using var ann = await daemon.JoinWorkerAsync(0);
        await using var bob = await daemon.JoinWorkerAsync(1);
        await SetWorkersAsync(daemon, 4);
        var started = daemon.Workers();
        await using var late = await daemon.JoinWorkerAsync(3);
        await late.SayAsync("from the fourth");
        foreach (var client in new[] { ann, bob, late })
        {
            _ = await client.ReadMessageAsync("from the fourth");
        }

        await SetWorkersAsync(daemon, 1);
        for (var i = 0; i < 20; i++)
        {
            // Three workers are going: no connection may end in the queue of a listener that nobody serves.
            await using var newcomer = await daemon.JoinAsync("history=0");
            await newcomer.SayAsync($"newcomer {i}");
            _ = await ann.ReadMessageAsync($"newcomer {i}");
        }

        foreach (var client in new[] { bob, late })
        {
            // They are the first worker's now, and have noticed nothing.
            _ = await client.ReadMessageAsync("newcomer 19");
            await client.SayAsync($"still {client.GetHashCode()}");
            _ = await ann.ReadMessageAsync($"still {client.GetHashCode()}");
        }

        await daemon.WaitUntilAsync("end of three workers", () => daemon.Workers().Count == 1);
        Assert.Equal(started[0], daemon.Workers()[0]);
        await SetWorkersAsync(daemon, 3);
        await using var again = await daemon.JoinWorkerAsync(2, "history=0");
        await again.SayAsync("again");
        _ = await ann.ReadMessageAsync("again");
        Assert.DoesNotContain(daemon.Log, line => line.Contains(" died: ", StringComparison.Ordinal));
        var status = await daemon.SucceedAsync("status");
        Assert.All(daemon.Workers(), worker => Assert.Matches($@"(?m)^ *{worker.Key} +{worker.Value.OwnPid} .* 0$", status));
    }

    /// <summary>A worker that is given up while it waits for its restart is not started any more.</summary>
    [Fact]
    public async Task Worker_in_a_pause_can_be_given_up_and_taken_back()
    {
        await using var daemon = await StartConfiguredAsync("proc = 2");
        await FailUntilItPausesAsync(daemon, 1);
        await using var ann = await daemon.JoinWorkerAsync(0);
        await SetWorkersAsync(daemon, 1);
        _ = await ann.SayAndReadAsync("still here");
        await SetWorkersAsync(daemon, 2);
        await using var bob = await daemon.JoinWorkerAsync(1);
        await bob.SayAsync("here again");
        _ = await ann.ReadMessageAsync("here again");
    }

    /// <summary>Down and up again faster than a worker can end: it is wanted again while it still gives its clients away.</summary>
    [Fact]
    public async Task Worker_that_is_wanted_again_while_it_ends_is_no_failure()
    {
        await using var daemon = await StartConfiguredAsync("proc = 2");
        await using var ann = await daemon.JoinWorkerAsync(0);
        await using var bob = await daemon.JoinWorkerAsync(1);
        for (var round = 0; round < 5; round++)
        {
            await SetWorkersAsync(daemon, 1);
            await SetWorkersAsync(daemon, 2);
            await bob.SayAsync($"still here {round}");
            _ = await ann.ReadMessageAsync($"still here {round}");
        }

        await using var carol = await daemon.JoinWorkerAsync(1);
        await carol.SayAsync("here again");
        _ = await ann.ReadMessageAsync("here again");
        Assert.DoesNotContain(daemon.Log, line => line.Contains(" died: ", StringComparison.Ordinal));
    }

    /// <summary>
    /// A restart is no stampede: closes are spread over most of the drain time, and each tells another moment to come again. Nobody is cut off
    /// without one, however many there are and however late the worker's ticks come.
    /// </summary>
    [Fact]
    public async Task Graceful_stop_tells_every_client_another_moment_to_come_again()
    {
        const int Clients = 1500;
        await using var daemon = await ApplianceDaemon.StartAsync(1, "--announce", "off", "--drain", "1");
        List<RawClient> clients = [];
        for (var i = 0; i < Clients; i++)
        {
            var client = await RawClient.ConnectAsync(daemon.Address);
            _ = await client.UpgradeAsync("/?history=0");
            clients.Add(client);
        }

        var stopping = daemon.SucceedAsync("stop");
        List<int> moments = [];
        foreach (var client in clients)
        {
            var frame = await client.ReadFrameAsync();
            Assert.Equal(1001, frame.CloseCode);
            var hint = Regex.Match(
                Encoding.UTF8.GetString(frame.Payload.AsSpan(2)), "^server stops, retry in (?<ms>[0-9]+) ms$", RegexOptions.ExplicitCapture,
                TimeSpan.FromSeconds(1));
            moments.Add(int.Parse(hint.Groups["ms"].Value, CultureInfo.InvariantCulture));
            await client.SendAsync(ClientFrame.Close(1001));
            await client.DisposeAsync();
        }

        _ = await stopping;
        Assert.All(moments, moment => Assert.InRange(moment, 500, 500 + 2000));
        Assert.True(moments.Distinct().Count() > Clients / 2, "Many are told the same moment.");
    }

    /// <summary>Sends messages of a megabyte, and reads what comes back so that the server goes on reading.</summary>
    private static async Task FloodAsync(ApplianceDaemon daemon, CancellationToken enough)
    {
        await using var client = await RawClient.ConnectAsync(daemon.Address);
        _ = await client.UpgradeAsync("/echo");
        var message = ClientFrame.Binary(new byte[1 << 20]).Encode();
        while (!enough.IsCancellationRequested)
        {
            var sending = client.SendAsync(message);
            Assert.Equal(1 << 20, (await client.ReadFrameAsync()).Payload.Length);
            await sending;
        }
    }

    private static async Task ReadToEndAsync(RawClient client)
    {
        while (true)
        {
            _ = await client.ReadFrameAsync();
        }
    }

    private static async Task<ApplianceDaemon> StartConfiguredAsync(string setting)
    {
        var daemon = new ApplianceDaemon();
        await File.WriteAllTextAsync(ConfigurationOf(daemon), setting);
        var started = await daemon.LaunchAsync("--config", ConfigurationOf(daemon), "--announce", "off");
        Assert.True(started.ExitCode == 0, started.ToString());
        return daemon;
    }

    private static async Task SetWorkersAsync(ApplianceDaemon daemon, int count)
    {
        await File.WriteAllTextAsync(ConfigurationOf(daemon), $"proc = {count}");
        _ = await daemon.SucceedAsync("reload");
    }

    private static string ConfigurationOf(ApplianceDaemon daemon) => Path.Combine(daemon.Folder, "appliance.conf");

    /// <summary>Lets a worker fail until its successor has to wait, but not so often that all are suspected.</summary>
    private static async Task FailUntilItPausesAsync(ApplianceDaemon daemon, int slot)
    {
        for (var pauses = 0; ; pauses++)
        {
            ProcessStatus? worker = null;
            await daemon.WaitUntilAsync($"worker {slot}", () => (worker = daemon.Workers().GetValueOrDefault(slot)) is not null);
            var own = worker!.OwnPid;
            await ApplianceDaemon.SignalAsync(worker, "ABRT");
            var line = await daemon.WaitForLogAsync($"worker {slot}, pid {own}, died: ");
            if (line.Contains("00 ms", StringComparison.Ordinal) && pauses >= 4)
            {
                return;
            }
        }
    }
}
