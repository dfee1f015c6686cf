using Appliance.Logging;
using Appliance.Loop;
using Appliance.Native;
using Appliance.Rooms;

namespace Appliance.Master;

/// <summary>Gives the workers that run the wake-ups of slots that somebody is to have from now on; those that start later get all there are.</summary>
internal sealed class WakeupSharing(IReadOnlyCollection<ChildWorker> workers, WakeupTable wakeups, EventLog log)
{
    /// <summary>Makes the wake-ups of slots in a row that have none, and gives them to every worker: each wakes the process that has the slot.</summary>
    /// <exception cref="SyscallException">No descriptor is left.</exception>
    public void Share(WorkerSlot first, int count)
    {
        List<WorkerSlot> made = [];
        for (int index = first.Index; index < first.Index + count; index++)
        {
            var slot = new WorkerSlot(index);
            if (wakeups[slot] < 0)
            {
                made.Add(slot);
            }
        }

        int[] descriptors = [.. made.ConvertAll(slot => wakeups.Ensure(slot).Descriptor)];
        if (made.Count == 0)
        {
            return;
        }

        foreach (var worker in workers)
        {
            worker.Ask(ControlWord.Wakeups, string.Join(',', made), descriptors);
        }
    }

    /// <summary>
    /// A worker was killed: it may have appended, or taken note of who sleeps, and not have come to tell anybody. All look after every room.
    /// </summary>
    public void WakeAll(RoomLog rooms)
    {
        rooms.MarkAllDirty();
        wakeups.SetAll();
    }

    /// <summary>The same for a worker more than there were to be at the start; false, and told, when there is no descriptor for it.</summary>
    public bool TryShare(ChildWorker worker)
    {
        try
        {
            Share(worker.Slot, 1);
            return true;
        }
        catch (SyscallException failure)
        {
            log.Write(EventCatalogue.WorkerNotStarted, worker.Number.Value, failure.Message);
            return false;
        }
    }
}
