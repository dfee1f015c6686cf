using Appliance.Logging;
using Appliance.Native;

namespace Appliance.Master;

/// <summary>What the master has seen of a worker's turns.</summary>
/// <param name="Pid">The process.</param>
/// <param name="TurnedNs">Its last turn, on the clock that all processes share.</param>
/// <param name="WokenMs">When it was woken first without a turn since, on the clock of the master's loop; -1: it was not.</param>
/// <param name="CpuMs">Processor time that it had had by then.</param>
internal readonly record struct TurnRecord(int Pid, long TurnedNs, long WokenMs, long CpuMs);

/// <summary>
/// Ends workers that do not turn any more, stopped or in a loop: each is woken, so one that has nothing to do turns all the same. Time that
/// passed while the master itself did not run does not count (<see cref="Loop.LoopClock"/>), so nobody is ended for a host that was frozen.
/// </summary>
internal sealed class WorkerWatch(WorkerFleet fleet, ServerResources resources, EventLog log)
{
    /// <summary>One that has had less of the processor, of the time that it was silent, did not get more: the host is loaded.</summary>
    private const double BusyShare = 0.25;

    /// <summary>No worker is killed sooner, so that monitors see it first (<see cref="Metrics.Sample.StuckAfterNs"/>), at a sample a second.</summary>
    private const long LimitMsMin = 3000;

    /// <summary>Once a second: looks at every process of the workers, and wakes those that have not turned since the last time.</summary>
    public void Check(long nowMs)
    {
        resources.Rooms.Header.WorkerTimeoutSeconds = fleet.Settings.WorkerTimeoutSeconds;
        foreach (var worker in fleet.Workers.Where(worker => worker.Pid > 0))
        {
            long turnedNs = resources.Rooms.Worker(worker.Slot).TurnedNs;
            if (worker.Turns.Pid != worker.Pid || worker.Turns.TurnedNs != turnedNs)
            {
                worker.Turns = new TurnRecord(worker.Pid, turnedNs, WokenMs: -1, CpuMs: 0);
                continue;
            }

            resources.Wakeups.Set(worker.Slot);
            if (worker.Turns.WokenMs < 0)
            {
                worker.Turns = worker.Turns with { WokenMs = nowMs, CpuMs = ProcessState.Read(worker.Pid)?.CpuMs ?? 0 };
            }
            else
            {
                Judge(worker, nowMs - worker.Turns.WokenMs);
            }
        }
    }

    private void Judge(ChildWorker worker, long silentMs)
    {
        long limitMs = fleet.Settings.WorkerTimeoutSeconds * 1000L;
        if (limitMs == 0 || silentMs < Math.Max(limitMs, LimitMsMin) || ProcessState.Read(worker.Pid) is not { } state)
        {
            return;
        }

        bool isStarved = state.State == 'R' && state.CpuMs - worker.Turns.CpuMs < silentMs * BusyShare;
        if (!isStarved && !state.IsTraced)
        {
            log.Write(EventCatalogue.WorkerStuck, worker.Number.Value, worker.Pid, silentMs / 1000, state.Description);
            _ = Syscall.Kill(worker.Pid, Syscall.SIGKILL);
        }
    }
}
