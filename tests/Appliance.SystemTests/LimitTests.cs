using System.Globalization;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>Limits that show by many: rates, connections, rooms, floods of garbage.</summary>
public sealed class LimitTests
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(5);

    [Fact]
    public async Task Too_fast_sender_is_told_and_then_closed_with_1008()
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "off", "--max-rate", "5");
        await using var pair = await ChatPair.JoinAsync(server);
        await pair.Ann.Raw.SendAsync([.. Enumerable.Range(0, 200).Select(i => ClientFrame.Text(ChatClient.Json($"flood {i}")))]);

        var refused = 0;
        ServerFrame frame;
        while ((frame = await pair.Ann.Raw.ReadFrameAsync()).Opcode != Opcode.Close)
        {
            refused += frame.Text.Contains("\"too_fast\"", StringComparison.Ordinal) ? 1 : 0;
        }

        Assert.Equal(1008, frame.CloseCode);
        Assert.InRange(refused, 1, 3);
        await pair.Bob.SayAsync("calm", "bob");
        var flood = await pair.Bob.ReadUntilAsync(message => message.Name == "bob");
        Assert.InRange(flood.Count - 1, 10, 199);
        Assert.Equal(Enumerable.Range(0, flood.Count - 1).Select(i => $"flood {i}"), flood.SkipLast(1).Select(message => message.Message));
    }

    [Fact]
    public async Task Burst_of_twice_the_rate_passes_and_no_rate_means_no_limit()
    {
        await using var limited = await ApplianceServer.StartAsync("--announce", "off", "--max-rate", "20");
        await using var unlimited = await ApplianceServer.StartAsync("--announce", "off", "--max-rate", "0");
        foreach (var (server, count) in new[] { (limited, 40), (unlimited, 2000) })
        {
            await using var pair = await ChatPair.JoinAsync(server);
            await pair.Ann.Raw.SendAsync([.. Enumerable.Range(0, count).Select(i => ClientFrame.Text(ChatClient.Json($"burst {i}")))]);
            for (var i = 0; i < count; i++)
            {
                Assert.Equal($"burst {i}", (await pair.Bob.ReadAsync()).Message);
            }
        }
    }

    [Fact]
    public async Task Connections_over_the_limit_get_503_until_one_leaves()
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "off", "--max-connections", "2");
        await using var pair = await ChatPair.JoinAsync(server);
        for (var i = 0; i < 3; i++)
        {
            await using var third = await RawClient.ConnectAsync(server);
            await third.SendAsync(RawClient.UpgradeRequest());
            var response = await third.ReadResponseAsync();
            Assert.True(response.Status == 503, response.Head);
            await third.ExpectEndAsync();
        }

        await pair.AssertChatsAsync();
        var deadline = DateTime.UtcNow + TimeLimit.Event;
        await pair.Bob.DisposeAsync();
        int status;
        do
        {
            await using var next = await RawClient.ConnectAsync(server);
            await next.SendAsync(RawClient.UpgradeRequest());
            status = (await next.ReadResponseAsync()).Status;
        }
        while (status == 503 && DateTime.UtcNow < deadline);
        Assert.Equal(101, status);
    }

    [Fact]
    public async Task Rooms_over_the_limit_get_403()
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "off", "--max-rooms", "3");
        await using var a = await ChatClient.JoinAsync(server, "room=a");
        await using var b = await ChatClient.JoinAsync(server, "room=b");
        await using var c = await RawClient.ConnectAsync(server);
        await c.SendAsync(RawClient.UpgradeRequest("/?room=c"));
        var response = await c.ReadResponseAsync();
        Assert.True(response.Status == 403, response.Head);
        await using var anotherA = await ChatClient.JoinAsync(server, "room=a&history=0");
        Assert.Equal("still here", (await anotherA.SayAndReadAsync("still here")).Message);
        Assert.Equal("still here", (await a.ReadAsync()).Message);
    }

    [Fact]
    public async Task Room_in_which_nothing_was_said_makes_place_for_another()
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "off", "--max-rooms", "3");
        await using var stays = await ChatClient.JoinAsync(server, "room=stays");
        for (var i = 0; i < 10; i++)
        {
            await using var passer = await ChatClient.JoinAsync(server, $"room=passing-{i}");
            await LeaveAsync(passer);
        }

        await using (var ann = await ChatClient.JoinAsync(server, "room=kept"))
        {
            _ = await ann.SayAndReadAsync("for later");
            await LeaveAsync(ann);
        }

        await using var refused = await RawClient.ConnectAsync(server);
        await refused.SendAsync(RawClient.UpgradeRequest("/?room=another"));
        Assert.Equal(403, (await refused.ReadResponseAsync()).Status);
        await using var back = await ChatClient.JoinAsync(server, "room=kept");
        Assert.Equal("for later", (await back.ReadAsync()).Message);
        Assert.Equal("still here", (await stays.SayAndReadAsync("still here")).Message);

        static async Task LeaveAsync(ChatClient client)
        {
            await client.Raw.SendAsync(ClientFrame.Close(1000));
            Assert.Equal(1000, await client.Raw.ReadCloseAsync());
        }
    }

    /// <summary>
    /// When the server has no descriptor left, those who are in chat on, whoever comes is told to come again, and is served once others have left.
    /// </summary>
    [Fact]
    public async Task Clients_are_told_to_come_again_while_no_descriptor_is_left()
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "off", "--handshake-timeout", "60");
        await using var pair = await ChatPair.JoinAsync(server);
        var before = server.DescriptorCount;
        var limit = (before + 5).ToString(CultureInfo.InvariantCulture);
        var prlimit = await CommandResult.RunAsync(
            "prlimit", "--pid", server.Pid.ToString(CultureInfo.InvariantCulture), $"--nofile={limit}:{limit}");
        Assert.True(prlimit.ExitCode == 0, prlimit.Error);

        List<RawClient> crowd = [];
        for (var i = 0; i < 20; i++)
        {
            crowd.Add(await RawClient.ConnectAsync(server));
        }

        await server.WaitForLogAsync("no descriptor is left");
        await pair.AssertChatsAsync();
        var refused = await crowd[^1].ReadResponseAsync();
        Assert.Equal((503, "5"), (refused.Status, refused.Header("Retry-After")));
        foreach (var client in crowd)
        {
            await client.DisposeAsync();
        }

        _ = await TimeLimit.GuardAsync("end of their connections", async limit =>
        {
            while (server.DescriptorCount > before)
            {
                await Task.Delay(Poll, limit);
            }

            return 0;
        });
        await using var newcomer = await RawClient.OpenAsync(server, $"/?{pair.Query}");
        await pair.AssertChatsAsync();
    }

    /// <summary>Thousands of short connections with garbage of all kinds, beside two who chat and must not notice.</summary>
    [Fact]
    public async Task Garbage_disturbs_nobody()
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "off", "--max-rate", "0", "--echo");
        await using var pair = await ChatPair.JoinAsync(server);
        var descriptors = server.DescriptorCount;
        var garbage = Task.WhenAll(ThrowGarbageAsync(server, seed: 1, connections: 2000), ThrowGarbageAsync(server, seed: 2, connections: 2000));
        do
        {
            await pair.AssertChatsAsync();
        }
        while (!garbage.IsCompleted);
        await garbage;
        await pair.AssertChatsAsync();
        await server.WaitForDescriptorCountAsync(descriptors);
        await using var newcomer = await ChatClient.JoinAsync(server, pair.Query);
        Assert.Equal("hello", (await newcomer.SayAndReadAsync("hello")).Message);
        Assert.DoesNotContain(server.Log, line => line.Contains("Exception", StringComparison.Ordinal));
    }

    private static async Task ThrowGarbageAsync(ApplianceServer server, int seed, int connections)
    {
        var random = new Random(seed);
        for (var i = 0; i < connections; i++)
        {
            await using var client = await RawClient.ConnectAsync(server);
            var bytes = Garbage.Next(random);
            try
            {
                await client.SendChoppedAsync(bytes, random.Next(4) == 0 ? random.Next(1, 64) : bytes.Length + 1);
                switch (random.Next(4))
                {
                    case 0:
                        client.Reset();
                        break;
                    case 1:
                        client.EndSending();
                        break;
                    case 2:
                        await client.WaitUntilReadAsync();
                        break;
                    default:
                        break;
                }
            }
            catch (System.Net.Sockets.SocketException)
            {
                // The server has already closed this connection.
            }
        }
    }
}
