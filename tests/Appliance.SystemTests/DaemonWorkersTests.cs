using System.Globalization;
using System.Net.Sockets;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>Several workers are one server: one order for all, listeners that outlive their worker or are shared, a master that may die.</summary>
public sealed class DaemonWorkersTests
{
    [Fact]
    public async Task Clients_of_all_workers_get_all_messages_in_one_order()
    {
        const int Workers = 4;
        const int Messages = 250;
        await using var daemon = await ApplianceDaemon.StartAsync(Workers, "--announce", "off", "--max-rate", "0");
        var clients = new List<ChatClient>();
        for (var i = 0; i < 2 * Workers; i++)
        {
            clients.Add(await daemon.JoinWorkerAsync(i % Workers, "room=order"));
        }

        var sending = Task.WhenAll(clients.Select((client, sender) => Task.Run(async () =>
        {
            for (var i = 0; i < Messages; i++)
            {
                await client.SayAsync(i.ToString(CultureInfo.InvariantCulture), $"sender {sender}");
            }
        })));
        var received = await Task.WhenAll(clients.Select(client => Task.Run(async () =>
        {
            var messages = new List<ChatMessage>();
            while (messages.Count < Messages * clients.Count)
            {
                messages.Add(await client.ReadAsync());
            }

            return messages;
        })));
        await sending;

        var first = received[0].Select(message => message.ToString()).ToArray();
        Assert.All(received, messages => Assert.Equal(first, messages.Select(message => message.ToString())));
        Assert.All(received[0].Zip(received[0].Skip(1)), pair => Assert.Equal(pair.First.IdNumber + 1, pair.Second.IdNumber));
        Assert.All(received[0].GroupBy(message => message.Name), sender => Assert.Equal(
            Enumerable.Range(0, Messages).Select(i => i.ToString(CultureInfo.InvariantCulture)), sender.Select(message => message.Message)));
        await DisposeAllAsync(clients);
    }

    /// <summary>A room's other members hear at once of a client on another worker, and of its end by a reset.</summary>
    /// <summary>A worker can be replaced, and a dead master ends them all: when memory runs out, the kernel must choose a worker.</summary>
    [Fact]
    public async Task Workers_stand_before_their_master_when_memory_runs_out()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(2);
        static int Score(ProcessStatus process) => int.Parse(File.ReadAllText($"/proc/{process.Pid}/oom_score_adj"), CultureInfo.InvariantCulture);
        Assert.All(daemon.Workers().Values, worker => Assert.Equal(Math.Min(1000, Score(daemon.Master) + 10), Score(worker)));
    }

    [Fact]
    public async Task Joins_and_leaves_are_announced_across_workers()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(3, "--announce", "count");
        await using var ann = await daemon.JoinWorkerAsync(0);
        _ = await ann.ReadUntilAsync(message => message.Message == "1 online");
        await using var bob = await daemon.JoinWorkerAsync(2, "history=0");
        _ = await ann.ReadUntilAsync(message => message.Message == "2 online");
        bob.Raw.Reset();
        _ = await ann.ReadUntilAsync(message => message.Message == "1 online");
    }

    /// <summary>Whatever a connection takes, it gives back: by its end, or a few thousand later at the latest.</summary>
    [Fact]
    public async Task Descriptors_and_memory_stay_flat_over_connects()
    {
        const int KibibytesMax = 2048;
        await using var daemon = await ApplianceDaemon.StartAsync(1, "--announce", "off");
        var worker = daemon.Workers()[0];
        var descriptors = worker.Descriptors.Count;
        await ConnectAsync(daemon, 6000);
        await daemon.WaitUntilAsync("end of the first connections", () => worker.Descriptors.Count == descriptors);
        var before = Memory();
        await ConnectAsync(daemon, 30_000);
        await daemon.WaitUntilAsync("end of all connections", () => worker.Descriptors.Count == descriptors);
        Assert.InRange(Memory() - before, -before, KibibytesMax);

        int Memory() => int.Parse(worker.Field("RssAnon").Split(' ')[0], CultureInfo.InvariantCulture);
    }

    /// <summary>Connections that wait in a listener's queue are taken by the worker's successor.</summary>
    [Fact]
    public async Task Waiting_connections_survive_their_worker()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(1, "--announce", "off");
        var worker = daemon.Workers()[0];
        await ApplianceDaemon.SignalAsync(worker, "STOP");
        var waiting = new List<RawClient>();
        for (var i = 0; i < 10; i++)
        {
            waiting.Add(await RawClient.ConnectAsync(daemon.Address));
            await waiting[^1].SendAsync(RawClient.UpgradeRequest());
        }

        await ApplianceDaemon.SignalAsync(worker, "KILL");
        foreach (var client in waiting)
        {
            Assert.Equal(101, (await client.ReadResponseAsync()).Status);
            await client.DisposeAsync();
        }
    }

    [Fact]
    public async Task Unix_listener_is_shared_by_all_workers()
    {
        await using var daemon = new ApplianceDaemon();
        var path = Path.Combine(daemon.Folder, "chat.sock");
        await RunOneServerThatIsKilledAsync(daemon, path);
        await daemon.StartWorkersAsync(3, "--listen", $"unix:{path}", "--announce", "off");
        var workers = daemon.Workers();
        var clients = new List<ChatClient>();
        foreach (var (slot, worker) in workers)
        {
            // Of all workers only this one runs: that it answers shows that it listens.
            var others = workers.Where(other => other.Key != slot).Select(other => other.Value).ToArray();
            await Task.WhenAll(others.Select(other => ApplianceDaemon.SignalAsync(other, "STOP")));
            clients.Add(await JoinUnixAsync(path));
            Assert.True(worker.IsAlive);
            await Task.WhenAll(others.Select(other => ApplianceDaemon.SignalAsync(other, "CONT")));
        }

        foreach (var sender in clients)
        {
            await sender.SayAsync("to all");
            foreach (var client in clients)
            {
                _ = await client.ReadMessageAsync("to all");
            }
        }

        await ApplianceDaemon.SignalAsync(workers[1], "KILL");
        await using (var newcomer = await JoinUnixAsync(path))
        {
            _ = await newcomer.SayAndReadAsync("still here");
        }

        await DisposeAllAsync(clients);
        _ = await daemon.SucceedAsync("stop");
        Assert.False(File.Exists(path), "The Unix socket is left behind.");
    }

    /// <summary>Workers end by themselves, so that nothing is in the way of the next start, on the same port, at once.</summary>
    [Fact]
    public async Task Workers_of_a_killed_master_end_and_the_next_start_works_at_once()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(4, "--announce", "off");
        for (var round = 0; round < 5; round++)
        {
            await using var ann = await daemon.JoinAsync($"room=round-{round}");
            var last = await ann.SayAndReadAsync("before");
            var master = daemon.Master;
            var workers = daemon.Workers().Values.ToArray();
            await ApplianceDaemon.SignalAsync(master, "KILL");
            await daemon.StartWorkersAsync(4, "--announce", "off");
            Assert.DoesNotContain(workers, worker => worker.IsAlive);
            _ = await Assert.ThrowsAsync<EndOfStreamException>(ann.ReadAsync);
            await using var bob = await daemon.JoinAsync($"room=round-{round}&after={last.IdNumber - 1}");
            Assert.Equal(last.ToString(), (await bob.ReadAsync()).ToString());
            Assert.True((await bob.SayAndReadAsync("after")).IdNumber > last.IdNumber);
        }
    }

    [Fact]
    public async Task Killed_master_leaves_a_dead_status_and_nothing_to_stop()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(2);
        Assert.Equal(0, (await daemon.RunCommandAsync("status")).ExitCode);
        var workers = daemon.Workers().Values.ToArray();
        await ApplianceDaemon.SignalAsync(daemon.Master, "KILL");
        foreach (var worker in workers)
        {
            await daemon.WaitForEndAsync(worker);
        }

        var status = await daemon.RunCommandAsync("status");
        Assert.True(status.ExitCode == 1, status.ToString());
        File.Delete(daemon.PidFile);
        Assert.Equal(3, (await daemon.RunCommandAsync("status")).ExitCode);
    }

    private static async Task ConnectAsync(ApplianceDaemon daemon, int times)
    {
        for (var i = 0; i < times; i++)
        {
            await using var client = await daemon.JoinAsync("history=0");
            client.Raw.Reset();
        }
    }

    /// <summary>The socket file that a killed server leaves is in nobody's way.</summary>
    private static async Task RunOneServerThatIsKilledAsync(ApplianceDaemon daemon, string path)
    {
        await daemon.StartWorkersAsync(1, "--listen", $"unix:{path}");
        var worker = daemon.Workers()[0];
        await ApplianceDaemon.SignalAsync(daemon.Master, "KILL");
        await daemon.WaitForEndAsync(worker);
        Assert.True(File.Exists(path));
    }

    private static async Task<ChatClient> JoinUnixAsync(string path)
    {
        var raw = await RawClient.ConnectAsync(new UnixDomainSocketEndPoint(path));
        _ = await raw.UpgradeAsync("/?history=0");
        return ChatClient.Over(raw);
    }

    private static async Task DisposeAllAsync(IEnumerable<ChatClient> clients)
    {
        foreach (var client in clients)
        {
            await client.DisposeAsync();
        }
    }
}
