using System.Globalization;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>The shared memory of a state directory outlives its server: killed at work, started with other sizes, damaged.</summary>
public sealed class DurabilityTests
{
    /// <summary>Messages of a round: fewer than a room keeps.</summary>
    private const int MessagesMax = 10_000;

    [Fact]
    public async Task Killed_at_work_it_loses_and_repeats_nothing_that_anybody_saw()
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "off", "--max-rate", "0");
        var seen = new List<ChatMessage>();
        for (var round = 0; round < 5; round++)
        {
            await using var sender = await ChatClient.JoinAsync(server, "history=0");
            await using var reader = await ChatClient.JoinAsync(server, seen.Count == 0 ? "history=0" : $"after={seen[^1].Id}");
            var number = round;
            var sending = Task.Run(() => SendUntilEndAsync(sender, number));
            do
            {
                seen.Add(await reader.ReadAsync());
                Assert.True(seen[^1].Type == "usermsg", seen[^1].ToString());
            }
            while (seen[^1].Name != $"round {round}" || seen[^1].Message != "500");

            await server.KillAsync();
            await sending;
            await server.RestartAsync();
        }

        Assert.All(seen.Zip(seen.Skip(1)), pair => Assert.True(pair.First.IdNumber < pair.Second.IdNumber, $"{pair.First} before {pair.Second}"));
        foreach (var round in seen.GroupBy(message => message.Name))
        {
            Assert.Equal(
                Enumerable.Range(0, round.Count()).Select(i => i.ToString(CultureInfo.InvariantCulture)),
                round.Select(message => message.Message));
        }

        static async Task SendUntilEndAsync(ChatClient sender, int round)
        {
            try
            {
                for (var i = 0; i < MessagesMax; i++)
                {
                    await sender.SayAsync(i.ToString(CultureInfo.InvariantCulture), $"round {round}");
                }
            }
            catch (System.Net.Sockets.SocketException)
            {
                // Killed.
            }
        }
    }

    [Theory]
    [InlineData("--room-size", "65536")]
    [InlineData("--room-size", "16777216")]
    [InlineData("--max-rooms", "2")]
    [InlineData("--max-rooms", "1000")]
    public async Task Other_sizes_after_a_restart_serve_and_ids_go_on(string option, string value)
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "off");
        ChatMessage before;
        await using (var ann = await ChatClient.JoinAsync(server))
        {
            before = await ann.SayAndReadAsync("before");
        }

        await server.RestartAsync("--announce", "off", option, value);
        await using var bob = await ChatClient.JoinAsync(server, $"after={before.Id}");
        var after = await bob.SayAndReadAsync("after");
        Assert.True(after.IdNumber > before.IdNumber, $"{after.Id} behind {before.Id}");
    }

    /// <summary>
    /// Random damage to the segment while no server runs: whatever it hits, the next server serves and sends no garbage. The first 12
    /// bytes, magic and version, are spared: they say whose segment it is.
    /// </summary>
    [Theory]
    [InlineData("header", 4096, 16)]
    [InlineData("directories", 65536, 256)]
    [InlineData("anything", 300_000, 2000)]
    [InlineData("all of it", 300_000, 300_000)]
    public async Task Damaged_memory_is_set_aside(string what, int end, int changes)
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "off", "--max-rate", "0", "--room-size", "65536", "--max-rooms", "16");
        var random = new Random(what.Length);
        for (var round = 0; round < 10; round++)
        {
            await using (var ann = await ChatClient.JoinAsync(server, "history=0"))
            {
                for (var i = 0; i < 100; i++)
                {
                    _ = await ann.SayAndReadAsync($"{round} {i}");
                }
            }

            Assert.Equal(0, await server.StopAsync());
            foreach (var segment in (await SystemVObjects.OfDirectoryAsync(server.StateDirectory)).Where(one => one.Kind == "shm"))
            {
                SystemVObjects.Change(segment, bytes => Damage(bytes, random, changes), 12, (int)Math.Min(end, segment.Bytes) - 12);
            }

            await server.RestartAsync();
            await using var pair = await ChatPair.JoinAsync(server);
            await pair.AssertChatsAsync();
            await using var newcomer = await ChatClient.JoinAsync(server);
            await newcomer.SayAsync("new");
            var history = await newcomer.ReadUntilAsync(message => message.Message == "new");
            Assert.All(history, message => Assert.Equal("usermsg", message.Type));
        }
    }

    private static void Damage(byte[] bytes, Random random, int changes)
    {
        for (var i = 0; i < changes; i++)
        {
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
        }
    }
}
