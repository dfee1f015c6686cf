using System.Globalization;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>
/// In a server with many connections the clients of a small room come together at one worker. They notice nothing of it, whatever happens
/// to the workers meanwhile.
/// </summary>
public sealed class GatheringTests : IAsyncDisposable, IAsyncLifetime
{
    /// <summary>So many that each of two workers has more than it must have before it gives any away.</summary>
    private const int Crowd = 1400;

    private const int Rooms = 30;
    private const int Members = 8;

    private readonly ApplianceDaemon _daemon = new();
    private readonly List<RawClient> _crowd = [];
    private readonly List<StormClient> _members = [];
    private readonly CancellationTokenSource _enough = new();

    public Task InitializeAsync() => Task.CompletedTask;

    Task IAsyncLifetime.DisposeAsync() => DisposeAsync().AsTask();

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _crowd)
        {
            await client.DisposeAsync();
        }

        await _daemon.DisposeAsync();
        _enough.Dispose();
    }

    [Fact]
    public async Task Clients_of_small_rooms_come_together()
    {
        await OpenCrowdAsync();
        RawClient[][] rooms = [.. Enumerable.Range(0, Rooms).Select(_ => new RawClient[Members])];
        for (var i = 0; i < Members; i++)
        {
            // All rooms' turn before the next member: on a loaded machine, too, the one before has arrived by then.
            for (var room = 0; room < Rooms; room++)
            {
                rooms[room][i] = await EnterAsync($"small{room}");
                _crowd.Add(rooms[room][i]);
            }
        }

        // Chance alone would have 64 of 100 together. Not all are: who comes while another one is on the way may find that one's worker the better one.
        var together = 0;
        foreach (var members in rooms)
        {
            var at = await Task.WhenAll(members.Select(_daemon.WorkerOfAsync));
            together += at.GroupBy(slot => slot).Max(slot => slot.Count());
        }

        Assert.InRange(together, Rooms * Members * 8 / 10, Rooms * Members);
    }

    [Fact]
    public async Task Nobody_misses_anything_while_workers_are_killed_upgraded_and_resized()
    {
        await OpenCrowdAsync();
        var following = new List<Task>();
        for (var round = 0; round < Members; round++)
        {
            for (var room = 0; room < Rooms; room++)
            {
                var member = new StormClient(_daemon.Address, $"storm{room}");
                await member.OpenAsync();
                _members.Add(member);
                following.Add(Task.Run(() => member.FollowAsync(_enough.Token)));
                _ = await _members[^1].SayAsync($"round {round}");
            }

            await ChangeAsync(round);
        }

        foreach (var room in _members.GroupBy(member => member.Room))
        {
            await using var last = await _daemon.JoinAsync($"room={room.Key}&history=0");
            var end = (await last.SayAndReadAsync("the end")).IdNumber;
            await _daemon.WaitUntilAsync(
                $"{room.Key}'s clients to have message {end}", () => room.All(member => member.LastId == end || member.Fault is not null));
        }

        await _enough.CancelAsync();
        await Task.WhenAll(following);
        Assert.All(_members, member => Assert.True(member.Fault is null, $"{member.Fault} {_daemon.Tail()}"));
    }

    /// <summary>Nothing, an upgrade, the death of a worker, another number of workers: none of them is waited for.</summary>
    private async Task ChangeAsync(int round)
    {
        if (round % 4 == 1)
        {
            await SignalAsync("USR2", _daemon.Master);
        }
        else if (round % 4 == 2)
        {
            _members.ForEach(member => member.Grant());
            await SignalAsync("KILL", await _daemon.AnyWorkerAsync(Random.Shared));
        }
        else if (round % 4 == 3)
        {
            await File.WriteAllTextAsync(Configuration, string.Create(CultureInfo.InvariantCulture, $"proc = {2 + (round % 8 / 4)}\n"));
            await SignalAsync("HUP", _daemon.Master);
        }
    }

    /// <summary>Whoever it was for may have ended in an upgrade just now.</summary>
    private static async Task SignalAsync(string name, ProcessStatus process) => _ = await CommandResult.RunAsync("sh", "-c", $"kill -{name} {process.Pid}");

    private string Configuration => Path.Combine(_daemon.Folder, "appliance.conf");

    private async Task OpenCrowdAsync()
    {
        await File.WriteAllTextAsync(Configuration, "proc = 2\n");
        var started = await _daemon.LaunchAsync("--config", Configuration, "--announce", "off", "--max-rate", "0", "--drain", "1");
        Assert.True(started.ExitCode == 0, $"{started}");
        while (_crowd.Count < Crowd)
        {
            _crowd.Add(await EnterAsync("crowd"));
        }
    }

    private async Task<RawClient> EnterAsync(string room)
    {
        var client = await RawClient.ConnectAsync(_daemon.Address);
        _ = await client.UpgradeAsync($"/?room={room}");
        return client;
    }
}
