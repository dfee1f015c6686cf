using Appliance.Loop;
using Appliance.Rooms;
using Appliance.Worker;

namespace Appliance.Tests.Worker;

public sealed class WorkerStartTests
{
    private const string Whole = "room-log 7\nlayout 6 256 65536\nlisteners 4:chat 5:chat\nwakeups 0:8 128:9\nkeys 10\nproc = 2\nlog-level = debug";

    [Theory]
    [InlineData(Whole)]
    [InlineData("room-log 0\nlayout 5 16 1048576\nlisteners \nwakeups \nkeys \n")]
    public void Message_is_read_as_it_was_written(string message)
    {
        var start = WorkerStart.Read(message);

        Assert.Equal(message, start.Write());
    }

    [Fact]
    public void Message_has_what_a_worker_needs()
    {
        var start = WorkerStart.Read(Whole);

        Assert.Equal(7, start.RoomLog);
        Assert.Equal(6u, start.Layout.Version);
        Assert.Equal(256, start.Layout.Rooms);
        Assert.Equal(65_536, start.Layout.RingBytes);
        Assert.Equal([(4, ListenKind.Chat), (5, ListenKind.Chat)], start.Listeners);
        Assert.Equal([(new(0), 8), (RoomLogLayout.JournalSlot, 9)], start.Wakeups);
        Assert.Equal(10, start.Keys);
        Assert.Equal("proc = 2\nlog-level = debug", start.Settings);
    }

    [Theory]
    [InlineData("", "room-log")]
    [InlineData("7 256 65536 6 4,5 0:8", "room-log")]
    [InlineData("room-log x\n", "room-log")]
    [InlineData("room-log 7 8\n", "room-log")]
    [InlineData("room-log 7", "layout")]
    [InlineData("room-log 7\nlayout 6 256", "layout")]
    [InlineData("room-log 7\nlayout 6 256 99999999999", "layout")]
    [InlineData("room-log 7\nlayout 6 256 65536\nlistener 4:chat", "listeners")]
    [InlineData("room-log 7\nlayout 6 256 65536\nlisteners -4:chat", "listeners")]
    [InlineData("room-log 7\nlayout 6 256 65536\nlisteners 4", "listeners")]
    [InlineData("room-log 7\nlayout 6 256 65536\nlisteners 4:chat\nwakeups 8", "wakeups")]
    [InlineData("room-log 7\nlayout 6 256 65536\nlisteners 4:chat\nwakeups 0:8:9", "wakeups")]
    [InlineData("room-log 7\nlayout 6 256 65536\nlisteners 4:chat\nwakeups 0:8", "keys")]
    [InlineData("room-log 7\nlayout 6 256 65536\nlisteners 4:chat\nwakeups 0:8\nkeys x", "keys")]
    public void Message_that_is_none_is_refused_by_the_name_of_its_line(string message, string name)
    {
        var failure = Assert.Throws<IOException>(() => WorkerStart.Read(message));

        Assert.Contains($"is no {name};", failure.Message, StringComparison.Ordinal);
    }
}
