using Appliance.Loop;
using Appliance.Native;
using Appliance.Rooms;

namespace Appliance.Master;

/// <summary>
/// Orders workers to give connections to each other: all of one that retires, all of all in an upgrade, and some of full ones to empty
/// ones. Orders may overlap: a worker that gives up all connections also passes on those that arrive meanwhile.
/// </summary>
internal sealed class ConnectionMoves(IReadOnlyCollection<ChildWorker> workers, RoomLog rooms, Rebalancer rebalancer)
{
    /// <summary>Whether connections are on their way from a worker.</summary>
    public bool IsGiving => workers.Any(worker => worker.PendingTransfers > 0);

    /// <summary>Whether everything goes to another master's workers: none takes connections any more, and none is replaced.</summary>
    public bool IsGivingAll { get; private set; }

    /// <summary>While everything is given: called with a worker's number, and whether some could not be given and stay there.</summary>
    public Action<WorkerNumber, bool> OnGiven { get; set; } = (_, _) => { };

    /// <summary>Orders every worker to give all its connections through the socket of its number.</summary>
    public void GiveAll(IReadOnlyDictionary<WorkerNumber, int> sockets)
    {
        IsGivingAll = true;
        foreach (var (number, socket) in sockets)
        {
            _ = Give(number, socket);
        }
    }

    /// <summary>Orders a worker to give all its connections through a socket; false when it has no process.</summary>
    public bool Give(WorkerNumber number, int socket) =>
        workers.FirstOrDefault(worker => worker.Number == number) is { Channel: not null } worker
            && worker.GiveThrough(socket, ControlWord.Everything, $"{ControlWord.Route}");

    /// <summary>What was not given yet stays, and is served again.</summary>
    public void KeepAll()
    {
        IsGivingAll = false;
        foreach (var worker in workers)
        {
            _ = worker.Channel?.Send(ControlWord.Resume);
        }
    }

    /// <summary>Orders a worker to take the connections that come through a socket.</summary>
    public void TakeThrough(WorkerNumber number, int socket) =>
        _ = workers.FirstOrDefault(worker => worker.Number == number)?.Channel?.Send(ControlWord.Take, $"{ControlWord.Route}", socket);

    /// <summary>Joins a worker to another one, through a socket that lasts, if both go on and there are descriptors; tells it in any case.</summary>
    public void Link(ChildWorker worker, string number)
    {
        var other = workers.FirstOrDefault(other => other.Number.ToString() == number);
        (int giving, int taking) = (-1, -1);
        if (IsGivingAll || worker is not { IsServing: true, IsRetired: false } || other is not { IsServing: true, IsRetired: false }
            || !Syscall.SocketPair(out giving, out taking).Ok)
        {
            _ = worker.Channel?.Send(ControlWord.Link, number);
            return;
        }

        _ = other.Channel!.Send(ControlWord.Take, $"{ControlWord.Link}", taking);
        _ = worker.Channel!.Send(ControlWord.Link, number, giving);
        _ = Syscall.Close(taking);
        _ = Syscall.Close(giving);
    }

    /// <summary>Orders a retiring worker to give its connections to the remaining ones; false when none remains, or it has no process.</summary>
    public bool GiveToOthers(ChildWorker retired)
    {
        ChildWorker[] others = [.. workers.Where(other => other is { IsRetired: false, IsServing: true })];
        if (IsGivingAll || others.Length == 0 || !retired.IsServing)
        {
            return false;
        }

        return retired.GiveAllTo(others, rooms.Worker(retired.Slot).Connections);
    }

    /// <summary>A worker has carried out an order; one that retires and has nothing left may end.</summary>
    public void Hear(ChildWorker worker, bool failed)
    {
        worker.PendingTransfers = Math.Max(0, worker.PendingTransfers - 1);
        if (IsGivingAll)
        {
            OnGiven(worker.Number, failed);
        }
        else if (worker is { PendingTransfers: 0, IsRetired: true } && !(failed && worker.MayGiveAgain() && GiveToOthers(worker)))
        {
            _ = worker.Channel?.Send(ControlWord.Stop);
        }
    }

    /// <summary>From now on for some time, connections are evened out.</summary>
    public void BeginRebalancing(long nowMs) => rebalancer.Begin(nowMs);

    /// <summary>Moves connections from full workers to empty ones, if it is time to.</summary>
    public void EvenOut(long nowMs)
    {
        if (!IsGivingAll && !IsGiving && workers.All(worker => worker.IsServing))
        {
            rebalancer.Continue(nowMs);
        }
    }
}
