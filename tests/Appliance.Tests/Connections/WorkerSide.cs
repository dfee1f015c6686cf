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
    public WorkerSide(MemoryRoomLog memory, int slot, params Transport[] transports)
    {
        Table = new ConnectionTable(Capacity, _poller, _timers) { Transports = transports };
        var context = new WorkerContext
        {
            Worker = new WorkerIdentity(new(slot), _wakeups),
            Settings = SettingsBuilder.Build(new DefaultPaths("/run", "/state"), []),
            Log = memory.Log,
            Poller = _poller,
            Clock = new LoopClock(),
            Timers = _timers,
            Table = Table,
            Observer = new NoObserver(),
        };
        Context = context;
        Rooms = new ChatRooms(context);
        Packing = new HandoverPacking(context, Rooms);
        Gathering = new Gathering(context, Rooms, Packing) { OnWanted = slot => Wanted.Add(slot.Index), ConnectionsMin = 2 };
        Handover = new Handover(context, Packing, Gathering) { OnDone = Outcomes.Add };
    }

    public WorkerContext Context { get; }

    public ConnectionTable Table { get; }

    public ChatRooms Rooms { get; }

    public HandoverPacking Packing { get; }

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

    private sealed class NoObserver : IConnectionObserver
    {
        public void OnConnected(in Connection connection, ReadOnlySpan<byte> room, bool created)
        {
        }

        public void OnDisconnected(in Connection connection, ReadOnlySpan<byte> room)
        {
        }

        public void OnRefused(in Connection connection, RejectReason reason, int status, string why)
        {
        }

        public void OnAddressRefused(in Connection connection, string why, long untold)
        {
        }

        public void OnTokenRefused(in Connection connection, string why)
        {
        }

        public void OnUndecided(in Connection connection, string why)
        {
        }

        public void OnTlsFailed(in Connection connection, string why)
        {
        }

        public void OnTooFast(in Connection connection, int perSecondMax)
        {
        }

        public void OnDescriptorsExhausted(string error)
        {
        }
    }
}
