using Appliance.Connections;
using Appliance.Loop;
using Appliance.Moving;
using Appliance.Native;
using Appliance.Rooms;
using Appliance.Tests.Connections;
using Appliance.Tests.Rooms;

namespace Appliance.Tests.Moving;

/// <summary>Clients of small rooms come together at one worker; whatever happens to it, each client has exactly one worker.</summary>
public sealed class GatheringTests : IDisposable
{
    private const int AtAnn = 0;
    private const int AtBob = 1;
    private const int AtOtherMaster = RoomLogLayout.WorkersMax + 1;

    private readonly MemoryRoomLog _memory = new();
    private readonly WorkerSide _ann;
    private readonly WorkerSide _bob;
    private readonly List<int> _clients = [];

    public GatheringTests() => (_ann, _bob) = (new WorkerSide(_memory, AtAnn), new WorkerSide(_memory, AtBob));

    public void Dispose()
    {
        _ann.Dispose();
        _bob.Dispose();
        _clients.ForEach(client => _ = Syscall.Close(client));
        _memory.Dispose();
    }

    [Fact]
    public void Newcomer_goes_to_the_worker_that_has_most_of_the_room()
    {
        var link = Link();
        Come(_ann, 2);
        Carry(link);
        Assert.Equal((2, 6), (_ann.Table.Count, _bob.Table.Count));
        Assert.Equal((2, 6), (Members(AtAnn), Members(AtBob)));
        Assert.False(_ann.Gathering.IsUnderWay);
    }

    /// <summary>The first one who should go asks for the way, once, and stays.</summary>
    [Fact]
    public void First_one_asks_for_a_link_and_stays()
    {
        Come(_bob, 3);
        Come(_ann, 3);
        _ann.Gathering.Continue();
        Assert.Equal([AtBob], _ann.Wanted);
        Assert.Equal((3, 3), (_ann.Table.Count, _bob.Table.Count));

        _ann.Gathering.OnLink(new(AtBob), -1);
        Come(_bob, 3);
        Come(_ann, 1);
        Assert.Equal([AtBob, AtBob], _ann.Wanted);
    }

    [Theory]
    [InlineData(1, 0, "few connections: a worker that dies would take a whole room along")]
    [InlineData(3, 100, "the other worker has more already")]
    public void Nobody_goes(int connections, int connectionsOfOther, string why)
    {
        Come(_bob, 5);
        _memory.Log.Worker(new(AtBob)).Connections = connectionsOfOther;
        Come(_ann, connections);
        Assert.True(_ann.Wanted.Count == 0, why);
    }

    [Fact]
    public void Large_rooms_are_not_gathered()
    {
        Come(_bob, Gathering.RoomMembersMax);
        Come(_ann, 3);
        Assert.Empty(_ann.Wanted);
    }

    [Fact]
    public void Whoever_has_as_many_keeps_its_own()
    {
        Come(_ann, 3);
        Come(_bob, 3);
        Come(_ann, 2);
        Assert.Empty(_ann.Wanted);
        Assert.Equal([AtAnn], _bob.Wanted);
    }

    /// <summary>In an upgrade everybody goes to those, by another way.</summary>
    [Fact]
    public void Workers_of_another_master_are_none_to_go_to()
    {
        using var other = new WorkerSide(_memory, AtOtherMaster);
        Come(other, 5);
        Come(_ann, 3);
        Assert.Empty(_ann.Wanted);
    }

    [Fact]
    public void Whoever_is_gone_in_the_meantime_is_not_given()
    {
        var link = Link();
        Come(_ann, 1);
        int gone = _ann.Table.HighestDescriptor;
        _ann.Rooms.Leave(gone);
        _ann.Table.Close(gone);
        Come(_ann, 1);
        Carry(link);
        Assert.Equal((2, 5), (_ann.Table.Count, _bob.Table.Count));
    }

    /// <summary>It has died; what it had not answered for is served here, and a successor is asked for a link of its own.</summary>
    [Fact]
    public void What_a_dead_worker_has_not_taken_comes_back()
    {
        var link = Link();
        Come(_ann, 2);
        _ann.Gathering.Continue();
        Assert.Equal(2, _ann.Table.Count);
        _ = Syscall.Close(link.Taking);
        Assert.True(_ann.Gathering.OnReadable(link.Giving));
        Assert.Equal((4, 4), (_ann.Table.Count, Members(AtAnn)));
        Assert.False(_ann.Gathering.IsUnderWay);
        Come(_bob, 4);
        Come(_ann, 1);
        Assert.Equal([AtBob, AtBob], _ann.Wanted);
    }

    /// <summary>It is stopped, and wakes up only when its batch is not its own any more.</summary>
    [Fact]
    public void What_nobody_answered_for_stays_here()
    {
        var link = Link();
        Come(_ann, 2);
        _ann.Gathering.Continue();
        _ann.Gathering.Stop();
        _ann.Gathering.Resume();
        Assert.Equal((4, false), (_ann.Table.Count, _ann.Gathering.IsUnderWay));
        _bob.Handover.OnReadable(link.Taking);
        Assert.Equal((4, 4), (_ann.Table.Count, _bob.Table.Count));
    }

    /// <summary>A worker that gives everything away takes what was sent to it before, and nothing after that.</summary>
    [Fact]
    public void Links_end_when_the_other_worker_gives_everything()
    {
        var link = Link();
        _ = Syscall.SocketPair(out int giving, out int taking).OrThrow("socketpair");
        _clients.Add(taking);
        Come(_ann, 1);
        _ann.Gathering.Continue();
        Come(_ann, 1);
        _bob.Handover.Give(giving, ControlWord.Everything);
        _bob.Handover.Continue();
        Assert.Equal((0, 5), (_bob.Table.Count, Members(AtBob)));
        Assert.True(_ann.Gathering.OnReadable(link.Giving));
        _ann.Gathering.Continue();
        Assert.Equal((3, false), (_ann.Table.Count, _ann.Gathering.IsUnderWay));
        Assert.False(_ann.Gathering.OnReadable(link.Giving));
    }

    /// <summary>Otherwise what comes back would stay in a worker that ends.</summary>
    [Fact]
    public void Whoever_gives_everything_waits_for_what_may_come_back()
    {
        var link = Link();
        _ = Syscall.SocketPair(out int giving, out int taking).OrThrow("socketpair");
        _clients.Add(taking);
        Come(_ann, 1);
        _ann.Gathering.Continue();
        for (int fd = 0; _ann.Table.Count > 0; fd++)
        {
            if (_ann.Table[fd].State != ConnectionState.None)
            {
                _ann.Rooms.Leave(fd);
                _ann.Table.Close(fd);
            }
        }

        _ann.Handover.Give(giving, ControlWord.Everything);
        _ann.Handover.Continue();
        Assert.Empty(_ann.Outcomes);
        _bob.Handover.OnReadable(link.Taking);
        Assert.True(_ann.Gathering.OnReadable(link.Giving));
        _ann.Handover.Continue();
        Assert.Equal([new HandoverOutcome(0, Failed: false)], _ann.Outcomes);
    }

    private int Members(int slot) => _memory.Ring.Members[slot];

    /// <summary>Four at Bob's; of two at Ann's the second asks for the link that then is there. Returns both ends.</summary>
    private (int Giving, int Taking) Link()
    {
        Come(_bob, 4);
        Come(_ann, 2);
        Assert.Equal([AtBob], _ann.Wanted);
        _ = Syscall.SocketPair(out int giving, out int taking).OrThrow("socketpair");
        _ann.Gathering.OnLink(new(AtBob), giving);
        _bob.Handover.TakeLinked(taking);
        return (giving, taking);
    }

    /// <summary>What was given arrives, and the answer does.</summary>
    private void Carry((int Giving, int Taking) link)
    {
        _ann.Gathering.Continue();
        _bob.Handover.OnReadable(link.Taking);
        Assert.True(_ann.Gathering.OnReadable(link.Giving));
    }

    private void Come(WorkerSide side, int count)
    {
        for (int i = 0; i < count; i++)
        {
            _ = Syscall.SocketPair(out int server, out int client).OrThrow("socketpair");
            _clients.Add(client);
            Assert.True(side.Table.Open(server, ConnectionState.Http, default, nowMs: 0, unixMs: 0));
            _ = side.Rooms.Join(server, "lobby"u8, after: -1, history: 0, out _);
            side.Table[server].State = ConnectionState.Chat;
            side.Gathering.OnJoined(server);
        }
    }
}
