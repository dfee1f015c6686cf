using System.Net.Sockets;
using System.Text;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>
/// Invariants hold in what is published: somebody writes into the shared memory of a running server, so that one invariant breaks for one worker. It
/// names it in the log, ends and is replaced; the other worker and its room do not notice.
/// </summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class InvariantTests
{
    /// <summary>Fields in the header of the first worker: its process, and the sequence of its figures.</summary>
    private const int Pid = 4096 + 64;

    private const int Sequence = 4096 + 104;

    /// <summary>Where the headers of rooms begin, as of <c>--max-rooms 4 --room-size 65536</c>; fields of one, 8 bytes but for the members.</summary>
    private const int RoomHeaders = 577_536;

    private const int RoomHeaderBytes = 1024;
    private const int Tail = 64;
    private const int Head = 128;
    private const int FirstId = 192;
    private const int Members = 512;

    /// <summary>How often something is said before anything is broken.</summary>
    private const int Before = 5;

    private static readonly string[] Options = ["--announce", "off", "--max-rate", "0", "--max-rooms", "4", "--room-size", "65536"];

    [Theory]
    [InlineData("positions and ids of a room", Head, 1L << 40)]
    [InlineData("positions and ids of a room", Tail, 1L << 40)]
    [InlineData("newest record against head", Head, -300L)]
    [InlineData("record numbers against index", FirstId, -1024L)]
    [InlineData("counted members against list", Members, -1L)]
    [InlineData("slot against process", Pid, 1L)]
    [InlineData("figures against their writer", Sequence, 1L)]
    public async Task Worker_with_a_broken_invariant_names_it_and_is_replaced_and_nobody_else_notices(string name, int field, long change)
    {
        await using var daemon = await ApplianceDaemon.StartAsync(2, Options);
        await using var ann = await daemon.JoinWorkerAsync(0, "room=broken");
        await using var bob = await daemon.JoinWorkerAsync(1, "room=sound");
        await SayBeforeAsync(ann);
        var id = (await bob.SayAndReadAsync("before")).IdNumber;
        var before = daemon.Workers();
        var segment = await SegmentAsync(daemon);
        Change(segment, field, change);
        await SayUntilBrokenAsync(daemon, ann, name);
        await daemon.WaitForLogLinesAsync(1, " died: exit status 1");
        if (field is Head or Tail or FirstId)
        {
            Change(segment, field, -change);
        }

        await daemon.WaitUntilAsync("another process of worker 0", () => daemon.Workers().TryGetValue(0, out var now) && now.Pid != before[0].Pid);
        Assert.Equal(before[1].Pid, daemon.Workers()[1].Pid);
        Assert.Equal(id + 1, (await bob.SayAndReadAsync("after")).IdNumber);
        await using var again = await daemon.JoinWorkerAsync(0, "room=broken");
        _ = await again.ReadMessageAsync("before");
        _ = await again.SayAndReadAsync("after");
        await daemon.WaitForLogLinesAsync(1, "; this process ends");
        Assert.Equal(0, (await daemon.RunCommandAsync("status")).ExitCode);
    }

    [Fact]
    public async Task Single_process_with_a_broken_invariant_names_it_and_fails_and_its_rooms_stay()
    {
        await using var daemon = await ApplianceDaemon.StartInModeAsync(0, Options);
        await using (var ann = await daemon.JoinAsync("room=broken"))
        {
            await SayBeforeAsync(ann);
            Change(await SegmentAsync(daemon), Pid, 1);
            await SayUntilBrokenAsync(daemon, ann, "slot against process");
        }

        Assert.Equal(1, await daemon.WaitForForegroundAsync());
        Assert.DoesNotContain(daemon.Log, line => line.Contains("   at ", StringComparison.Ordinal));
        await daemon.StartForegroundAsync([], new Dictionary<string, string>(StringComparer.Ordinal), ["--nofork", .. Options]);
        await daemon.WaitForLogLinesAsync(2, "ready on ");
        await using var again = await daemon.JoinAsync("room=broken");
        _ = await again.ReadMessageAsync("before");
    }

    /// <summary>The journal's thread is the master's: it takes a broken invariant for a failure, and goes on once all is right.</summary>
    [Fact]
    public async Task Journal_with_a_broken_invariant_fails_and_the_chat_goes_on()
    {
        await using var daemon = new ApplianceDaemon();
        var journal = Path.Combine(daemon.StateDirectory, "journal");
        await daemon.StartWorkersAsync(2, ["--journal", journal, .. Options]);
        await using var ann = await daemon.JoinWorkerAsync(0, "room=broken");
        await using var bob = await daemon.JoinWorkerAsync(1, "room=sound");
        await SayBeforeAsync(ann);
        await daemon.WaitUntilAsync("all of it in the journal", () => CountIn(journal, "\"before\"") == Before);
        var before = daemon.Workers()[1].Pid;
        var segment = await SegmentAsync(daemon);
        Change(segment, Head, -300);

        // The end of the worker, too, has the journal look at every room.
        await SayUntilBrokenAsync(daemon, ann, "newest record against head");
        _ = await daemon.WaitForLogAsync("fails: invariant 'follower cursor against head' does not hold: ");
        _ = await bob.SayAndReadAsync("while it fails");
        Change(segment, Head, 300);
        _ = await daemon.WaitForLogAsync("works again");
        _ = await bob.SayAndReadAsync("after");
        Assert.Equal(before, daemon.Workers()[1].Pid);
    }

    /// <summary>More than 300 bytes, so that the last record begins behind what is left.</summary>
    private static async Task SayBeforeAsync(ChatClient client)
    {
        for (var i = 0; i < Before; i++)
        {
            _ = await client.SayAndReadAsync("before");
        }
    }

    /// <summary>How often a text stands in a file that another process writes.</summary>
    private static int CountIn(string file, string text)
    {
        using var reader = new StreamReader(new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete), Encoding.Latin1);
        return reader.ReadToEnd().Split(text).Length - 1;
    }

    /// <summary>Says something again and again, because an invariant is looked at in turns; the worker's end is that of the connection.</summary>
    private static Task SayUntilBrokenAsync(ApplianceDaemon daemon, ChatClient client, string name) =>
        daemon.WaitUntilAsync($"invariant '{name}' in the log", () =>
        {
            try
            {
                client.SayAsync("is it broken?").GetAwaiter().GetResult();
            }
            catch (Exception ended) when (ended is IOException or SocketException)
            {
                // The log says why.
            }

            return daemon.Log.Any(line => line.Contains($"invariant '{name}' does not hold: ", StringComparison.Ordinal));
        });

    private static async Task<SystemVObject> SegmentAsync(ApplianceDaemon daemon) =>
        Assert.Single(await SystemVObjects.OfDirectoryAsync(daemon.StateDirectory), one => one.Kind == "shm");

    /// <summary>Adds to a field of the first worker's header, or of the header of the room called broken.</summary>
    private static void Change(SystemVObject segment, int field, long by)
    {
        var bytes = field is Head or Tail or FirstId ? sizeof(long) : sizeof(int);
        var place = field is Pid or Sequence ? field : RoomHeaders + (SlotOf(segment, "broken") * RoomHeaderBytes) + field;
        SystemVObjects.Change(segment, memory => _ = bytes == sizeof(long)
            ? BitConverter.TryWriteBytes(memory, BitConverter.ToInt64(memory) + by)
            : BitConverter.TryWriteBytes(memory, BitConverter.ToInt32(memory) + (int)by), place, bytes);
    }

    private static int SlotOf(SystemVObject segment, string room)
    {
        var at = SystemVObjects.Read(segment, RoomHeaders + (4 * RoomHeaderBytes)).AsSpan(RoomHeaders).IndexOf(Encoding.UTF8.GetBytes(room));
        Assert.True(at >= 0, $"no room '{room}'");
        return at / RoomHeaderBytes;
    }
}
