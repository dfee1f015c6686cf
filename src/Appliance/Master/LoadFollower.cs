using Appliance.Logging;
using Appliance.Metrics;
using Appliance.Monitoring;
using Appliance.Rooms;

namespace Appliance.Master;

/// <summary>Tells monitors how the workers are, and of <c>--proc=MIN-MAX</c> has as many as the load asks for.</summary>
internal sealed class LoadFollower(RoomLog rooms, WorkerFleet fleet, EventLog log)
{
    private static readonly BuildInfo Build = new("", "");

    private readonly WorkerScaling _scaling = new();

    private int Count => fleet.Workers.Count(worker => !worker.IsRetired);

    /// <summary>Writes on the scoreboard how each worker is.</summary>
    public void Publish(bool stopping)
    {
        foreach (var worker in fleet.Workers)
        {
            rooms.Worker(worker.Slot).State = worker.StateOf(stopping);
        }
    }

    /// <summary>The settings have changed, or are new: has as many workers as there were, within their limits.</summary>
    public void Apply() => Resize(Math.Clamp(Count, fleet.Settings.WorkersLeast, fleet.Settings.WorkersMost));

    /// <summary>Once a second: a worker more or less, if the load asks for it, and nothing is under way that it would disturb.</summary>
    public void Follow(long nowMs)
    {
        bool isSteady = !fleet.Moves.IsGiving
            && fleet.Workers.All(worker => worker.State == ChildState.Ended || worker is { State: ChildState.Serving, IsRetired: false });
        if (fleet.Settings.WorkersLeast == fleet.Settings.WorkersMost || !isSteady)
        {
            return;
        }

        double idle = Sampler.Read(rooms, Build).Total.IdlePercent;
        int wanted = _scaling.Decide(idle, Count, fleet.Settings.WorkersLeast, fleet.Settings.WorkersMost, nowMs);
        if (wanted != Count)
        {
            log.Write(EventCatalogue.WorkersChanged, (int)idle, wanted, Count);
            Resize(wanted);
        }
    }

    private void Resize(int count)
    {
        (rooms.Header.WorkersLeast, rooms.Header.WorkersMost) = (fleet.Settings.WorkersLeast, fleet.Settings.WorkersMost);
        fleet.Resize(count);
    }
}
