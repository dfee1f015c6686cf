using System.Reflection;
using Appliance.Connections;
using Appliance.Delivery;
using Appliance.Loop;
using Appliance.Native;
using Appliance.Rooms;
using Appliance.Tests.Connections;
using Appliance.Tests.Rooms;

namespace Appliance.Tests;

/// <summary>A worker with three clients in the lobby and one that has not shaken hands, all sound: for tests that break one thing of it.</summary>
internal sealed unsafe class InvariantScene : IDisposable
{
    public const int FrameBytes = 100;

    private readonly List<int> _clients = [];
    private readonly Sender _sender = new(together: false);

    public InvariantScene()
    {
        Worker = new WorkerSide(Memory, slot: 0);
        Delivery = new LogDelivery(Worker.Context, Rooms, _sender);
        int[] members = [Open(), Open(), Open()];
        foreach (int fd in members)
        {
            Assert.Equal(RoomOpening.Found, Rooms.Join(fd, RoomLog.Lobby, after: -1, history: 0, out _));
            Table[fd].State = ConnectionState.Chat;
        }

        (Fd, Other, Waiting) = (members[0], members[1], Open());
        Say();
        EndTurn();
    }

    public MemoryRoomLog Memory { get; } = new(rooms: 2);

    public WorkerSide Worker { get; }

    public ConnectionTable Table => Worker.Table;

    public ChatRooms Rooms => Worker.Rooms;

    public LogDelivery Delivery { get; }

    public RoomLog Log => Memory.Log;

    public RoomRing Ring => Memory.Ring;

    public RoomHeader* Header => Memory.Ring.Header;

    /// <summary>A member of the lobby.</summary>
    public int Fd { get; }

    /// <summary>Another one.</summary>
    public int Other { get; }

    /// <summary>One that has not shaken hands.</summary>
    public int Waiting { get; }

    public ref Connection Client => ref Table[Fd];

    public LocalRoom Lobby => Rooms.RoomOf(Client);

    public Audience Audience => Lobby.Frames;

    /// <summary>What the worker's loop does at the end of a turn, with a look at everything.</summary>
    public void EndTurn()
    {
        Rooms.Append();
        Delivery.Deliver();
        Audit();
    }

    public void Audit()
    {
        for (int i = 0; i <= 2 * (Table.HighestDescriptor + 2); i++)
        {
            int fd = Table.AuditNext();
            if (fd >= 0)
            {
                Rooms.Audit(fd);
            }

            Rooms.AuditNext();
        }
    }

    public void Say() => Assert.Equal(Appliance.Chat.ChatRefusal.None, Rooms.Publish(Fd, """{"message":"hello","name":"ann","color":"#007AFF"}"""u8));

    /// <summary>Appends frames as another worker does.</summary>
    public void Append(int count = 1, int lengthSaid = FrameBytes)
    {
        for (int i = 0; i < count; i++)
        {
            Ring.Append(RingModel.Frame(FrameBytes, new Random(1)), [new LogRecord(lengthSaid, IdOffset: 60, RecordKind.Chat)]);
        }
    }

    /// <summary>A field that no other code reaches.</summary>
    public static T Hidden<T>(object of, string field) =>
        (T)of.GetType().GetField(field, BindingFlags.Instance | BindingFlags.NonPublic)!.GetValue(of)!;

    public int Open()
    {
        _ = Syscall.SocketPair(out int server, out int client).OrThrow("socketpair");
        _clients.Add(client);
        Assert.True(Table.Open(server, ConnectionState.Http, default, nowMs: 0, unixMs: 0));
        return server;
    }

    public void Dispose()
    {
        for (int fd = 0; fd <= Table.HighestDescriptor; fd++)
        {
            // What was broken must not break the end of the test.
            if (Table[fd].Generation != 0 || Table[fd].State != ConnectionState.None)
            {
                Table[fd] = default;
                _ = Syscall.Close(fd);
            }
        }

        Worker.Dispose();
        _sender.Dispose();
        _clients.ForEach(client => _ = Syscall.Close(client));
        Memory.Dispose();
    }
}
