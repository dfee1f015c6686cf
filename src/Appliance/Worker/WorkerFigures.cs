using Appliance.Connections;
using Appliance.Ipc;

namespace Appliance.Worker;

/// <summary>Publishes a worker's figures in shared memory, where they survive it; counters go on from the former process's.</summary>
internal sealed class WorkerFigures(RoomLog rooms, int slot, ClientServer clients)
{
    private long _messages;
    private long _deliveries;
    private long _accepted;

    /// <summary>Takes the slot over.</summary>
    public void Begin(long unixMs)
    {
        ref var header = ref rooms.Worker(slot);
        (_messages, _deliveries, _accepted) = (header.Messages, header.Deliveries, header.Accepted);
        header.ReadyMs = header.TurnedMs = unixMs;
        header.Pid = Environment.ProcessId;
    }

    /// <summary>Brings the figures up to date: a few stores, once a turn.</summary>
    public void Publish(long unixMs)
    {
        ref var header = ref rooms.Worker(slot);
        header.TurnedMs = unixMs;
        header.Connections = clients.ConnectionCount;
        header.Messages = _messages + clients.Messages;
        header.Deliveries = _deliveries + clients.Deliveries;
        header.Accepted = _accepted + clients.Accepted;
    }
}
