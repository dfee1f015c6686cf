using Appliance.Loop;
using Appliance.Native;
using Appliance.Rooms;

namespace Appliance.Worker;

/// <summary>
/// Measures the turns of a loop and publishes a worker's figures in shared memory, where they survive it; they go on from the former
/// process's. A turn costs one reading of the clock and one copy of the figures.
/// </summary>
internal sealed class TurnMeter(RoomLog rooms, WorkerSlot slot, ClientServer clients)
{
    private long _beganNs;
    private long _requests;

    /// <summary>Wakes the sampler of this process, if it has one that may rest.</summary>
    public Wakeup? Sampler { get; set; }

    /// <summary>Takes the slot over.</summary>
    public void Begin(long unixMs)
    {
        rooms.Worker(slot).Uring = clients.SendsTogether ? 1 : 0;
        clients.Figures = Scoreboard.Begin(rooms, slot, Environment.ProcessId, unixMs);
    }

    /// <summary>A wait has ended.</summary>
    public void BeginTurn(long nowNs)
    {
        _beganNs = nowNs;
        _requests = clients.Figures.Requests;
        if (Scoreboard.BeginTurn(rooms, slot, nowNs))
        {
            Sampler?.Set();
        }
    }

    /// <summary>A turn has ended: a turn that handled messages was spent on them.</summary>
    public void EndTurn()
    {
        ref var figures = ref clients.Figures;
        Scoreboard.HoldOwner(rooms, slot);
        long nowNs = MonotonicClock.ReadNs();
        long turnNs = Math.Max(0, nowNs - _beganNs);
        figures.BusyNs += turnNs;
        figures.RequestNs += figures.Requests != _requests ? turnNs : 0;
        rooms.Worker(slot).LacksDescriptors = clients.LacksDescriptors ? 1 : 0;
        Scoreboard.EndTurn(rooms, slot, figures, clients.ConnectionCount, clients.MeasureLag(), nowNs);
    }
}
