using System.Globalization;
using Appliance.SystemTests.Harness;
using Xunit.Abstractions;

namespace Appliance.SystemTests;

/// <summary>
/// Everything that can happen to a server, in random order while people chat: at the end every client has every message exactly once,
/// and only those were ever cut off whose worker was killed or whose server was stopped.
/// </summary>
public sealed class StormTests(ITestOutputHelper output) : IDisposable
{
    /// <summary>Environment variable that makes the storm last longer than usual, in seconds.</summary>
    private const string SecondsVariable = "APPLIANCE_STORM_SECONDS";

    private const int Clients = 2000;
    private const int Rooms = 20;
    private const int Opening = 100;
    private static readonly TimeSpan MessageEvery = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan EventEvery = TimeSpan.FromMilliseconds(400);

    private readonly Random _random = new(Environment.TickCount);
    private readonly List<StormClient> _clients = [];
    private readonly CancellationTokenSource _enough = new();

    public void Dispose() => _enough.Dispose();

    [Fact]
    public async Task Every_client_has_every_message_once_and_only_those_are_cut_off_whose_worker_died()
    {
        var seconds = int.Parse(Environment.GetEnvironmentVariable(SecondsVariable) ?? "40", CultureInfo.InvariantCulture);
        await using var daemon = new ApplianceDaemon();
        daemon.ChoosePort();
        await ConfigureAsync(daemon, 3);
        await StartAsync(daemon);
        for (var i = 0; i < Clients; i += Opening)
        {
            var opened = Enumerable.Range(i, Opening).Select(number => new StormClient(daemon.Address, $"storm{number % Rooms}")).ToList();
            await Task.WhenAll(opened.Select(client => client.OpenAsync()));
            _clients.AddRange(opened);
        }

        var following = _clients.Select(client => Task.Run(() => client.FollowAsync(_enough.Token))).ToList();
        using var calm = new CancellationTokenSource();
        var saying = Task.Run(() => SayAsync(calm.Token));
        var events = await RageAsync(daemon, DateTime.UtcNow + TimeSpan.FromSeconds(seconds));
        await calm.CancelAsync();
        var said = await saying;
        await SettleAsync(daemon);
        await _enough.CancelAsync();
        await Task.WhenAll(following);

        output.WriteLine(
            $"{said} messages, {_clients.Sum(client => (long)client.Received)} received, {string.Join(", ", events.Select(one => $"{one.Key} {one.Value}"))}");
        output.WriteLine($"{_clients.Count(client => client.Ends > 0)} of {Clients} clients were cut off at least once");
        Assert.All(events.Values, count => Assert.True(count > 0));
        Assert.All(_clients.GroupBy(client => client.Room), room => Assert.Single(room.Select(client => client.LastId).Distinct()));
        Assert.Empty(daemon.EventsOf(1024, 2003));
    }

    /// <summary>Lets loose one thing after the other; returns how often each happened.</summary>
    private async Task<Dictionary<string, int>> RageAsync(ApplianceDaemon daemon, DateTime end)
    {
        (string Name, Func<Task> Act)[] all =
        [
            ("upgrade", () => daemon.SucceedAsync("upgrade")),
            ("reload", () => daemon.SucceedAsync("reload")),
            ("reopen", () => daemon.SucceedAsync("reopen")),
            ("resize", () => ResizeAsync(daemon)),
            ("kill", () => KillWorkerAsync(daemon)),
            ("restart", () => RestartAsync(daemon)),
        ];
        int[] weights = [6, 2, 2, 5, 3, 1];
        var deck = all.Zip(weights, (one, weight) => Enumerable.Repeat(one, weight)).SelectMany(one => one).ToArray();
        var counts = all.ToDictionary(one => one.Name, _ => 0);
        var next = 0;
        while (DateTime.UtcNow < end || counts.ContainsValue(0))
        {
            if (next % deck.Length == 0)
            {
                _random.Shuffle(deck);
            }

            var (name, act) = deck[next++ % deck.Length];
            await act();
            counts[name]++;
            Assert.All(_clients, client => Assert.True(client.Fault is null, $"after {name}: {client.Fault} {daemon.Tail()}"));
            await Task.Delay(EventEvery);
        }

        return counts;
    }

    private async Task ResizeAsync(ApplianceDaemon daemon)
    {
        await ConfigureAsync(daemon, _random.Next(1, 7));
        _ = await daemon.SucceedAsync("reload");
    }

    /// <summary>The worker is stopped first, so that nobody comes to it or leaves it while it is noted whose it is.</summary>
    private async Task KillWorkerAsync(ApplianceDaemon daemon)
    {
        ProcessStatus victim;
        do
        {
            // One that was given up may end meanwhile.
            victim = await daemon.AnyWorkerAsync(_random);
        }
        while ((await CommandResult.RunAsync("sh", "-c", $"kill -STOP {victim.Pid}")).ExitCode != 0);

        var sockets = victim.Descriptors.Values.ToHashSet();
        foreach (var client in _clients)
        {
            if (client.Inode is { } inode && sockets.Contains($"socket:[{inode}]"))
            {
                client.Grant();
            }
        }

        await ApplianceDaemon.SignalAsync(victim, "KILL");
        await daemon.WaitForEndAsync(victim);
    }

    /// <summary>A client that one worker has closed may come to another one, which is told to stop a moment later.</summary>
    private async Task RestartAsync(ApplianceDaemon daemon)
    {
        _clients.ForEach(client => client.BeginRestart());
        _ = await daemon.SucceedAsync("stop");
        await StartAsync(daemon);
        await daemon.WaitUntilAsync("all clients to be back", () => _clients.TrueForAll(client => client.IsBack || client.Fault is not null));
        _clients.ForEach(client => client.EndRestart());
    }

    private static async Task StartAsync(ApplianceDaemon daemon)
    {
        var started = await daemon.LaunchAsync(
            "--config", Path.Combine(daemon.Folder, "appliance.conf"), "--announce", "off", "--max-rate", "0", "--drain", "2",
            "--listen", $"127.0.0.1:{daemon.Port}");
        Assert.True(started.ExitCode == 0, $"{started} {daemon.Tail()}");
    }

    private static Task ConfigureAsync(ApplianceDaemon daemon, int workers) =>
        File.WriteAllTextAsync(Path.Combine(daemon.Folder, "appliance.conf"), $"proc = {workers}\n");

    /// <summary>A hundred messages a second, each by somebody else.</summary>
    private async Task<int> SayAsync(CancellationToken calm)
    {
        var said = 0;
        using var pace = new PeriodicTimer(MessageEvery);
        while (!calm.IsCancellationRequested)
        {
            _ = await pace.WaitForNextTickAsync(CancellationToken.None);
            said += await _clients[_random.Next(Clients)].SayAsync($"message {said}") ? 1 : 0;
        }

        return said;
    }

    /// <summary>Waits until all clients of a room have its last message, which is said until everybody is there.</summary>
    private async Task SettleAsync(ApplianceDaemon daemon)
    {
        foreach (var room in _clients.GroupBy(client => client.Room))
        {
            await using var last = await daemon.JoinAsync($"room={room.Key}&history=0");
            var end = (await last.SayAndReadAsync("the end")).IdNumber;
            await daemon.WaitUntilAsync(
                $"{room.Key}'s clients to have message {end}", () => room.All(client => client.LastId == end || client.Fault is not null));
        }
    }
}
