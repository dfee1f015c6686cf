using System.Globalization;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>
/// Changes right behind each other, none of which waits for the one before: connections are still on their way to a worker when that one
/// is to end, or all are to go to another master. Nobody is killed, so nobody may be cut off.
/// </summary>
public sealed class OverlapTests : IDisposable
{
    private const int Clients = 400;
    private const int Rooms = 4;
    private const int Changes = 60;
    private const int WorkersMax = 6;
    private const int PauseMsMax = 60;

    private readonly Random _random = new(Environment.TickCount);
    private readonly List<StormClient> _clients = [];
    private readonly CancellationTokenSource _enough = new();

    public void Dispose() => _enough.Dispose();

    [Fact]
    public async Task Nobody_is_cut_off_by_a_resize_or_an_upgrade_that_begins_in_the_middle_of_another_one()
    {
        await using var daemon = new ApplianceDaemon();
        var file = Path.Combine(daemon.Folder, "appliance.conf");
        await File.WriteAllTextAsync(file, "proc = 2\n");
        var started = await daemon.LaunchAsync("--config", file, "--announce", "off", "--max-rate", "0", "--drain", "1");
        Assert.True(started.ExitCode == 0, $"{started}");
        for (var i = 0; i < Clients; i++)
        {
            var client = new StormClient(daemon.Address, $"overlap{i % Rooms}");
            await client.OpenAsync();
            _clients.Add(client);
        }

        var following = _clients.Select(client => Task.Run(() => client.FollowAsync(_enough.Token))).ToList();
        for (var change = 0; change < Changes; change++)
        {
            // A whole file or the former one: the server may read it at any time.
            await File.WriteAllTextAsync($"{file}.new", string.Create(CultureInfo.InvariantCulture, $"proc = {_random.Next(1, WorkersMax + 1)}\n"));
            File.Move($"{file}.new", file, overwrite: true);
            _ = await CommandResult.RunAsync("sh", "-c", $"kill -{(change % 4 == 3 ? "USR2" : "HUP")} {daemon.Master.Pid}");
            _ = await _clients[_random.Next(Clients)].SayAsync($"change {change}");
            await Task.Delay(_random.Next(PauseMsMax));
            Assert.All(_clients, client => Assert.True(client.Fault is null, $"change {change}: {client.Fault} {daemon.Tail()}"));
        }

        // Whatever is still under way comes to its end, and every client has the last message of its room.
        _ = await daemon.SucceedAsync("reload");
        foreach (var room in _clients.GroupBy(client => client.Room))
        {
            await using var last = await daemon.JoinAsync($"room={room.Key}&history=0");
            var end = (await last.SayAndReadAsync("the end")).IdNumber;
            await daemon.WaitUntilAsync(
                $"{room.Key}'s clients to have message {end}", () => room.All(client => client.LastId == end || client.Fault is not null));
        }

        await _enough.CancelAsync();
        await Task.WhenAll(following);
        Assert.All(_clients, client => Assert.True(client.Ends == 0, $"{client.Fault} {daemon.Tail()}"));
        Assert.Empty(daemon.EventsOf(1012, 1024));
    }

    /// <summary>A command that comes at whatever moment of an upgrade is carried out by the process that remains.</summary>
    [Fact]
    public async Task No_command_is_lost_in_an_upgrade()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(1, "--announce", "off");
        for (var i = 0; i < 40; i++)
        {
            await ApplianceDaemon.SignalAsync(daemon.Master, "USR2");
            await Task.Delay(_random.Next(PauseMsMax));
            _ = await daemon.SucceedAsync(i % 2 == 0 ? "reload" : "reopen");
        }

        for (var i = 0; i < 10; i++)
        {
            await ApplianceDaemon.SignalAsync(daemon.Master, "USR2");
            await Task.Delay(_random.Next(PauseMsMax));
            _ = await daemon.SucceedAsync("stop");
            Assert.Equal(3, (await daemon.RunCommandAsync("status")).ExitCode);
            await daemon.StartWorkersAsync(1, "--announce", "off");
        }
    }
}
