using Appliance.Master;
using Appliance.Tests.Rooms;

namespace Appliance.Tests.Master;

/// <summary>Who is about to end is not told to give or to take: its channel is closed before its process has ended.</summary>
public sealed class ConnectionMovesTests : IDisposable
{
    private readonly MemoryRoomLog _memory = new();
    private readonly ChildWorker[] _workers =
    [
        new ChildWorker(new(0), new(0), []) { State = ChildState.Serving },
        new ChildWorker(new(1), new(1), []) { State = ChildState.Serving },
    ];

    public void Dispose() => _memory.Dispose();

    [Fact]
    public void Nothing_is_evened_out_with_one_that_is_gone()
    {
        var moves = new ConnectionMoves(_workers, _memory.Log, new Rebalancer(_workers, _memory.Log));
        _memory.Log.Worker(new(0)).Connections = 10;
        moves.BeginRebalancing(0);
        moves.EvenOut(1);
        Assert.False(moves.IsGiving);
    }

    [Fact]
    public void One_that_is_gone_gives_nothing_to_others_that_are_gone()
    {
        var moves = new ConnectionMoves(_workers, _memory.Log, new Rebalancer(_workers, _memory.Log));
        _workers[1].IsRetired = true;
        Assert.False(moves.GiveToOthers(_workers[1]));
        Assert.False(moves.Give(new(0), -1));
    }
}
