using Appliance.Config;
using Appliance.Connections;
using Appliance.Delivery;
using Appliance.Loop;
using Appliance.Metrics;
using Appliance.Moving;
using Appliance.Rooms;
using Appliance.Tests.Rooms;

namespace Appliance.Tests.Connections;

/// <summary>What a worker has of connections, on logs in the memory of this process.</summary>
internal sealed class WorkerSide : IDisposable
{
    private const int Capacity = 4096;

    private readonly Poller _poller = new(8);
    private readonly TimerWheel _timers = new(Capacity + 1, 0);
    private readonly WakeupTable _wakeups = new(RoomLogLayout.Slots);

    /// <summary>The worker of a slot.</summary>
    public WorkerSide(MemoryRoomLog memory, int slot)
    {
        Table = new ConnectionTable(Capacity, _poller, _timers);
        var settings = SettingsBuilder.Build(new DefaultPaths("/run", "/state"), []);
        var clock = new LoopClock();
        Rooms = new ChatRooms(memory.Log, new WorkerIdentity(slot, _wakeups), Table, _timers, clock, settings, new WorkerCounters());
        var packing = new HandoverPacking(Table, Rooms, _timers, clock);
        Gathering = new Gathering(Table, Rooms, packing, _poller) { OnWanted = Wanted.Add, ConnectionsMin = 2 };
        Handover = new Handover(Table, packing, Gathering, _poller) { OnDone = Outcomes.Add };
    }

    public ConnectionTable Table { get; }

    public ChatRooms Rooms { get; }

    public Gathering Gathering { get; }

    public Handover Handover { get; }

    /// <summary>Slots to which it has asked for a link.</summary>
    public List<int> Wanted { get; } = [];

    public List<HandoverOutcome> Outcomes { get; } = [];

    public void Dispose()
    {
        for (int fd = 0; fd <= Table.HighestDescriptor; fd++)
        {
            if (Table[fd].State != ConnectionState.None)
            {
                Table.Close(fd);
            }
        }

        Table.Dispose();
        _timers.Dispose();
        _poller.Dispose();
        _wakeups.Dispose();
    }
}
