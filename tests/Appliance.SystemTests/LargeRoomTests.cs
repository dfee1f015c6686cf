using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>A room with more clients than a turn serves: whoever comes or goes in the middle of a round costs nobody a message.</summary>
public sealed class LargeRoomTests : IAsyncDisposable, IAsyncLifetime
{
    /// <summary>A turn serves 256.</summary>
    private const int Crowd = 1200;

    /// <summary>A fault that shows once in five times is missed by so many less than once in a thousand runs.</summary>
    private const int Trials = 40;

    private const int Newcomers = 3;

    private readonly ApplianceDaemon _daemon = new();
    private readonly List<RawClient> _clients = [];
    private readonly CancellationTokenSource _enough = new();

    public async Task InitializeAsync() => await _daemon.StartWorkersAsync(1, "--announce", "off", "--max-rate", "0");

    Task IAsyncLifetime.DisposeAsync() => DisposeAsync().AsTask();

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients)
        {
            await client.DisposeAsync();
        }

        await _daemon.DisposeAsync();
        _enough.Dispose();
    }

    [Fact]
    public async Task Whoever_comes_in_the_middle_of_a_round_takes_nobodys_message()
    {
        await using var author = await _daemon.JoinAsync("room=large&history=0");
        var members = Enumerable.Range(0, Crowd).Select(_ => new StormClient(_daemon.Address, "large")).ToList();
        var following = new List<Task>();
        foreach (var member in members)
        {
            await member.OpenAsync();
            following.Add(Task.Run(() => member.FollowAsync(_enough.Token)));
        }

        for (var trial = 0; trial < Trials; trial++)
        {
            var newcomers = new List<RawClient>();
            for (var i = 0; i < Newcomers; i++)
            {
                newcomers.Add(await RawClient.ConnectAsync(_daemon.Address));
            }

            _clients.AddRange(newcomers);

            // The author came first: it goes on while the others are still to be served, and the next round begins in their middle.
            _ = await author.SayAndReadAsync("one");
            await author.SayAsync("two");
            await Task.WhenAll(newcomers.Select(newcomer => newcomer.UpgradeAsync("/?room=large&history=0")));
            var last = (await author.ReadAsync()).IdNumber;
            await _daemon.WaitUntilAsync($"all to have message {last}", () => members.All(member => member.LastId >= last || member.Fault is not null));
        }

        await _enough.CancelAsync();
        await Task.WhenAll(following);
        Assert.All(members, member => Assert.Null(member.Fault));
    }

    /// <summary>It reads on, so what was appended before is still for it.</summary>
    [Fact]
    public async Task Whoever_ends_sending_in_the_middle_of_a_round_gets_what_was_said_before()
    {
        await using var author = await _daemon.JoinAsync("room=large&history=0");
        for (var i = 0; i < Crowd; i++)
        {
            var client = await RawClient.ConnectAsync(_daemon.Address);
            _ = await client.UpgradeAsync("/?room=large&history=0");
            _clients.Add(client);
        }

        for (var trial = 0; trial < Trials; trial++)
        {
            _ = await author.SayAndReadAsync($"message {trial}");
            var leaver = _clients[trial * (Crowd / Trials)];
            leaver.EndSending();
            for (var read = 0; read < trial; read++)
            {
                _ = await leaver.ReadFrameAsync();
            }

            Assert.Contains($"message {trial}", (await leaver.ReadFrameAsync()).Text, StringComparison.Ordinal);
            Assert.True(await leaver.ExpectEndAsync(), $"trial {trial}");
        }
    }
}
