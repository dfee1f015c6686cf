using System.Net.Sockets;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>Somebody writes into the shared memory of running workers: a new epoch begins, and workers do not die for ever.</summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class DaemonDamageTests
{
    /// <summary>More deaths than that are a loop: each of two workers may die a few times before the memory is suspected.</summary>
    private const int DeathsMax = 20;

    /// <summary>The lock of the directory of rooms.</summary>
    private const int DirectoryLock = 64;

    /// <summary>Where the hashes of the rooms' names begin.</summary>
    private const int Names = 573_440;

    /// <summary>Where the rooms' headers begin, with the lock of the first one.</summary>
    private const int RoomHeaders = 577_536;

    /// <summary>Where the first room's index begins.</summary>
    private const int Rooms = 585_728;

    private static readonly TimeSpan RecoveryMax = TimeSpan.FromSeconds(40);

    /// <summary>Everything behind the first 12 bytes, magic and version, by parts. Sizes as of <c>--max-rooms 4 --room-size 65536</c>.</summary>
    [Theory]
    [InlineData("header", 12, 4096, 5000)]
    [InlineData("workers", 4096, 4096 + (2 * 4096), 1000)]
    [InlineData("room names and positions", Names, Rooms, 500)]
    [InlineData("room positions and locks", RoomHeaders, Rooms, 5000)]
    [InlineData("all rooms", Names, 850_000, 100_000)]
    [InlineData("everything", 12, 850_000, 850_000)]
    public async Task Damage_leads_to_a_new_epoch_and_not_to_a_crash_loop(string what, int start, int end, int changes)
    {
        await using var daemon = await ApplianceDaemon.StartAsync(2, "--announce", "off", "--max-rate", "0", "--max-rooms", "4", "--room-size", "65536");
        var random = new Random(what.Length);
        await AssertRecoversAsync(daemon, bytes => Damage(bytes, random, changes), start, end);
    }

    /// <summary>A lock says that a process holds it which does not know of it, or is not there: it will never be given back.</summary>
    [Theory]
    [InlineData(DirectoryLock, 1)]
    [InlineData(RoomHeaders, 1)]
    [InlineData(RoomHeaders, 0x3FFF_FFFF)]
    public async Task Lock_of_nobody_leads_to_a_new_epoch_and_not_to_silence(int offset, int holder)
    {
        await using var daemon = await ApplianceDaemon.StartAsync(2, "--announce", "off", "--max-rate", "0", "--max-rooms", "4", "--room-size", "65536");
        await AssertRecoversAsync(daemon, bytes => BitConverter.TryWriteBytes(bytes, holder), offset, offset + sizeof(int));
    }

    private static async Task AssertRecoversAsync(ApplianceDaemon daemon, Action<byte[]> damage, int start, int end)
    {
        var before = await ChatAsync(daemon);
        var segment = Assert.Single(await SystemVObjects.OfDirectoryAsync(daemon.StateDirectory), one => one.Kind == "shm");
        SystemVObjects.Change(segment, damage, start, (int)Math.Min(end, segment.Bytes) - start);

        var after = await ChatWhenItCanAsync(daemon);
        Assert.True(after > before, $"{after} behind {before}");
        for (var i = 0; i < 20; i++)
        {
            var next = await ChatAsync(daemon);
            Assert.True(next > after, $"{next} behind {after}");
            after = next;
        }

        var deaths = daemon.Log.Count(line => line.Contains(" died: ", StringComparison.Ordinal));
        Assert.True(deaths <= DeathsMax, $"{deaths} workers died. {daemon.Tail()}");
        Assert.Equal(0, (await daemon.RunCommandAsync("status")).ExitCode);
    }

    /// <summary>A member on each worker; each says something that both get. Returns the last id.</summary>
    private static async Task<long> ChatAsync(ApplianceDaemon daemon)
    {
        await using var ann = await daemon.JoinWorkerAsync(0, "history=0");
        await using var bob = await daemon.JoinWorkerAsync(1, "history=0");
        var id = 0L;
        foreach (var (from, to) in new[] { (ann, bob), (bob, ann) })
        {
            var text = Guid.NewGuid().ToString("N");
            await from.SayAsync(text);
            foreach (var reader in new[] { from, to })
            {
                var message = (await reader.ReadUntilAsync(message => message.Message == text))[^1];
                Assert.True(message.IdNumber > id || reader == to, $"{message.Id} behind {id}");
                id = message.IdNumber;
            }
        }

        return id;
    }

    /// <summary>While workers die and come again, connections are lost; what is never allowed is to wait in vain for an answer.</summary>
    private static async Task<long> ChatWhenItCanAsync(ApplianceDaemon daemon)
    {
        using var limit = new CancellationTokenSource(RecoveryMax);
        while (true)
        {
            try
            {
                return await ChatAsync(daemon);
            }
            catch (Exception e) when (e is EndOfStreamException or SocketException or InvalidDataException or Xunit.Sdk.XunitException)
            {
                Assert.False(limit.IsCancellationRequested, $"{e.Message} {daemon.Tail()}");
            }
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
