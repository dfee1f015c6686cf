using Appliance.Rooms;

namespace Appliance.Master;

/// <summary>
/// For some time after a change, moves connections until no worker has more than 1.2 times what another one has. Nobody is moved while
/// workers die.
/// </summary>
internal sealed class Rebalancer(IReadOnlyList<ChildWorker> workers, RoomLog rooms)
{
    /// <summary>By then the clients of a worker that died have come again.</summary>
    private const int LastsMs = 30_000;

    private long _untilMs = long.MinValue;

    /// <summary>Something has changed.</summary>
    public void Begin(long nowMs) => _untilMs = nowMs + LastsMs;

    /// <summary>Orders the moves that are due; all workers serve, and none gives connections yet.</summary>
    public void Continue(long nowMs)
    {
        if (nowMs > _untilMs || workers.Any(worker => nowMs - worker.DiedMs < ChildWorker.SteadyMs))
        {
            return;
        }

        int[] counts = new int[workers.Count];
        for (int i = 0; i < counts.Length; i++)
        {
            counts[i] = rooms.Worker(workers[i].Slot).Connections;
        }

        foreach (var move in Balance.Plan(counts))
        {
            _ = workers[move.From].GiveTo(workers[move.To], move.Count);
        }
    }
}
