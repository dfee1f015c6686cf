using Appliance.Logging;
using Appliance.Loop;
using Appliance.Native;

namespace Appliance.Master;

/// <summary>Ends the processes of workers, by signals: those that do not end by themselves, and in the end without waiting for any.</summary>
internal sealed class WorkerEnding(IReadOnlyCollection<ChildWorker> workers, LoopClock clock, EventLog log)
{
    /// <summary>Sends a signal to every process, or to some.</summary>
    public void Signal(int signal, Func<ChildWorker, bool>? wanted = null)
    {
        foreach (var worker in workers.Where(worker => worker.Pid > 0 && wanted?.Invoke(worker) != false))
        {
            _ = Syscall.Kill(worker.Pid, signal);
        }
    }

    /// <summary>Ends the processes that have not ended by themselves.</summary>
    public void Kill()
    {
        foreach (var worker in workers.Where(worker => worker.Pid > 0))
        {
            log.Write(EventCatalogue.WorkerKilled, worker.Number.Value, worker.Pid);
            _ = Syscall.Kill(worker.Pid, Syscall.SIGKILL);
        }
    }

    /// <summary>Waits no longer for processes that the kernel does not end, although they are killed.</summary>
    public void Leave()
    {
        foreach (var worker in workers.Where(worker => worker.Pid > 0))
        {
            log.Write(EventCatalogue.WorkerLeft, worker.Number.Value, worker.Pid);
            _ = worker.NoteEnd(ProcessEnd.Expected, clock.NowMs);
            worker.State = ChildState.Ended;
        }
    }
}
