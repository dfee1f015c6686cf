using System.Text;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>Connections by TLS go to other processes, and their clients notice nothing.</summary>
public sealed class TlsUpgradeTests
{
    private const int Clients = 24;

    /// <summary>Three times in a row, while messages are under way.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task Every_connection_is_kept_under_load(int workers)
    {
        await using var scene = await TlsScene.StartAsync(workers);
        await using var ann = await TlsClient.JoinAsync(scene.Address);
        var clients = await JoinAllAsync(scene);
        var said = 0;
        for (var round = 0; round < 3; round++)
        {
            var upgrade = scene.Daemon.SucceedAsync("upgrade");
            do
            {
                await ann.SayAsync($"message {said}");
                Assert.Equal($"message {said}", await ann.ReadAsync());
                said++;
            }
            while (!upgrade.IsCompleted);
            _ = await upgrade;
            clients.Add(await TlsClient.JoinAsync(scene.Address, $"history={said}"));
        }

        await ann.SayAsync("the end");
        foreach (var (number, client) in clients.Index())
        {
            for (var i = number < Clients ? 0 : (int?)null; i < said; i++)
            {
                Assert.Equal($"message {i}", await client.ReadAsync());
            }

            await client.SayAsync($"from {number}", "bob");
            string last;
            do
            {
                last = await client.ReadAsync();
            }
            while (last != $"from {number}");
            await client.DisposeAsync();
        }

        Assert.DoesNotContain(scene.Daemon.Log, line => line.Contains(" ERR ", StringComparison.Ordinal));
    }

    /// <summary>The new process takes a batch, gives it back, takes another one without an answer, and dies: exactly one side goes on with each.</summary>
    [Fact]
    public async Task What_a_new_process_gives_back_or_never_took_is_served_again()
    {
        await using var scene = await TlsScene.StartCopyAsync(2);
        var daemon = scene.Daemon;
        var clients = await JoinAllAsync(scene);
        daemon.ReplaceBinary(Encoding.UTF8.GetBytes(UpgradeReturnTests.Returning));
        var failed = await daemon.RunCommandAsync("upgrade");
        Assert.Contains("the former process goes on", failed.Error, StringComparison.Ordinal);
        await AssertAllHearAsync(clients, "still here");
        daemon.ReplaceBinary(await File.ReadAllBytesAsync(PublishedBinary.FilePath));
        _ = await daemon.SucceedAsync("upgrade");
        await AssertAllHearAsync(clients, "and still");
        foreach (var client in clients)
        {
            await client.DisposeAsync();
        }
    }

    /// <summary>A handshake that OpenSSL has begun has two seconds; one that has not begun moves along and comes to its end in the new process.</summary>
    [Fact]
    public async Task Handshakes_under_way_do_not_hold_up_an_upgrade()
    {
        await using var scene = await TlsScene.StartAsync(1);
        await using var begun = await RawClient.ConnectAsync(scene.Address);
        await begun.SendAsync(await TlsTests.HelloAsync());
        await begun.WaitUntilReadAsync();
        var upgraded = new TaskCompletionSource();
        var joining = TlsClient.ConnectAsync(scene.Address, through: stream => new SplitStream(stream, pieceBytes: 100, () => upgraded.Task));
        _ = await scene.Daemon.SucceedAsync("upgrade");
        Assert.NotEmpty(await begun.ReadToEndAsync());
        upgraded.SetResult();
        await using var client = await joining;
        await client.EnterAsync("history=0");
        await client.SayAsync("in the new process");
        Assert.Equal("in the new process", await client.ReadAsync());
    }

    /// <summary>A worker more, a worker less: connections move between workers of one master.</summary>
    [Fact]
    public async Task Connections_move_to_other_workers()
    {
        await using var scene = await TlsScene.StartAsync(3);
        var clients = await JoinAllAsync(scene);
        foreach (var workers in (int[])[1, 4, 2])
        {
            await scene.ChangeWorkersAsync(workers);
            await AssertAllHearAsync(clients, $"with {workers}");
        }

        foreach (var client in clients)
        {
            await client.DisposeAsync();
        }
    }

    private static async Task<List<TlsClient>> JoinAllAsync(TlsScene scene)
    {
        List<TlsClient> clients = [];
        for (var i = 0; i < Clients; i++)
        {
            clients.Add(await TlsClient.JoinAsync(scene.Address));
        }

        return clients;
    }

    private static async Task AssertAllHearAsync(List<TlsClient> clients, string message)
    {
        await clients[0].SayAsync(message);
        foreach (var client in clients)
        {
            Assert.Equal(message, await client.ReadAsync());
        }
    }
}
