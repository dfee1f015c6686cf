using Appliance.Connections;
using Appliance.Loop;
using Appliance.Moving;
using Appliance.Native;
using Appliance.Tests.Connections;
using Appliance.Tests.Rooms;

namespace Appliance.Tests.Moving;

/// <summary>Orders to give connections end, whatever overlaps, and of two workers exactly one has each connection afterwards.</summary>
public sealed class HandoverTests : IDisposable
{
    private readonly MemoryRoomLog _memory = new();
    private readonly WorkerSide _ann;
    private readonly WorkerSide _bob;
    private readonly WorkerSide _carol;
    private readonly List<int> _clients = [];

    public HandoverTests() => (_ann, _bob, _carol) = (new WorkerSide(_memory, 0), new WorkerSide(_memory, 0), new WorkerSide(_memory, 0));

    public void Dispose()
    {
        foreach (var side in (WorkerSide[])[_ann, _bob, _carol])
        {
            side.Dispose();
        }

        _clients.ForEach(client => _ = Syscall.Close(client));
        _memory.Dispose();
    }

    /// <summary>A worker that sleeps for ever would leave those behind the first one for ever.</summary>
    [Fact]
    public void Orders_with_nothing_to_give_end_at_once()
    {
        foreach (int count in (int[])[3, 0, ControlWord.Everything])
        {
            (int giving, int taking) = Way();
            _ann.Handover.Give(giving, count);
            _bob.Handover.Take(taking);
        }

        _ann.Handover.Continue();
        Assert.Equal([new(0, Failed: false), new(0, Failed: false), new HandoverOutcome(0, Failed: false)], _ann.Outcomes);
        Assert.False(_ann.Handover.IsGiving);
    }

    /// <summary>Otherwise connections would come to a worker that has given all it had, and ends.</summary>
    [Fact]
    public void Whoever_gives_everything_gives_what_is_still_coming_as_well()
    {
        (int toBob, int atBob) = Way();
        (int toCarol, int atCarol) = Way();
        _bob.Handover.Take(atBob);
        _carol.Handover.Take(atCarol);
        _bob.Handover.Give(toCarol, ControlWord.Everything);
        _bob.Handover.Continue();
        Assert.Empty(_bob.Outcomes);

        Connect(_ann);
        _ann.Handover.Give(toBob, ControlWord.Everything);
        _ann.Handover.Continue();
        _bob.Handover.OnReadable(atBob);
        _bob.Handover.Continue();
        _carol.Handover.OnReadable(atCarol);
        _bob.Handover.OnReadable(toCarol);
        _bob.Handover.Continue();
        Assert.Empty(_bob.Outcomes);

        _ann.Handover.OnReadable(toBob);
        _ann.Handover.Continue();
        _bob.Handover.OnReadable(atBob);
        _bob.Handover.Continue();
        Assert.Equal([new HandoverOutcome(1, Failed: false)], _ann.Outcomes);
        Assert.Equal([new HandoverOutcome(1, Failed: false)], _bob.Outcomes);
        Assert.Equal((0, 0, 1), (_ann.Table.Count, _bob.Table.Count, _carol.Table.Count));
    }

    /// <summary>The other worker is stopped, and wakes up only when its master has given up: it finds a batch that is not its own any more.</summary>
    [Fact]
    public void Batch_that_nobody_answered_for_stays_with_the_giver()
    {
        (int giving, int taking) = Way();
        _bob.Handover.Take(taking);
        Connect(_ann);
        _ann.Handover.Give(giving, ControlWord.Everything);
        _ann.Handover.Give(Way().Giving, ControlWord.Everything);
        _ann.Handover.Continue();
        Assert.Equal(0, _ann.Table.Count);

        _ann.Handover.Abandon();
        Assert.Equal([new(0, Failed: true), new HandoverOutcome(0, Failed: true)], _ann.Outcomes);
        Assert.False(_ann.Handover.IsGiving);
        _bob.Handover.OnReadable(taking);
        Assert.Equal((1, 0), (_ann.Table.Count, _bob.Table.Count));
    }

    [Fact]
    public void Batch_that_was_answered_for_stays_with_the_taker()
    {
        (int giving, int taking) = Way();
        _bob.Handover.Take(taking);
        Connect(_ann);
        _ann.Handover.Give(giving, ControlWord.Everything);
        _ann.Handover.Continue();
        _bob.Handover.OnReadable(taking);
        _ann.Handover.Abandon();
        Assert.Equal([new HandoverOutcome(1, Failed: true)], _ann.Outcomes);
        Assert.Equal((0, 1), (_ann.Table.Count, _bob.Table.Count));
    }

    /// <summary>The taker's master is gone: what it took goes back the way it came, also past a batch that comes the other way.</summary>
    [Fact]
    public void What_was_given_in_an_upgrade_comes_back()
    {
        (int atAnn, int atBob) = Way();
        _bob.Handover.Take(atBob, isRoute: true);
        Connect(_ann);
        _ann.Handover.Give(atAnn, ControlWord.Everything, isRoute: true);
        _ann.Handover.Continue();
        _bob.Handover.OnReadable(atBob);
        Connect(_ann);
        _ann.Handover.OnReadable(atAnn);
        _ann.Handover.Continue();
        Assert.Equal((0, 1), (_ann.Table.Count, _bob.Table.Count));

        Assert.True(_bob.Handover.TryReturn());
        _bob.Handover.Continue();
        _bob.Handover.OnReadable(atBob);
        _ann.Handover.OnReadable(atAnn);
        _ann.Handover.OnReadable(atAnn);
        _bob.Handover.OnReadable(atBob);
        _bob.Handover.Continue();
        Assert.Equal((2, 0), (_ann.Table.Count, _bob.Table.Count));
        Assert.Equal([new HandoverOutcome(1, Failed: true)], _ann.Outcomes);
        Assert.Equal([new HandoverOutcome(1, Failed: false)], _bob.Outcomes);
        Assert.False(_bob.Handover.TryReturn());
    }

    private static (int Giving, int Taking) Way()
    {
        _ = Syscall.SocketPair(out int giving, out int taking).OrThrow("socketpair");
        return (giving, taking);
    }

    private void Connect(WorkerSide side)
    {
        _ = Syscall.SocketPair(out int server, out int client).OrThrow("socketpair");
        _clients.Add(client);
        Assert.True(side.Table.Open(server, ConnectionState.Http, default, nowMs: 0, unixMs: 0));
    }
}
