using System.Text;
using Appliance.Connections;
using Appliance.Delivery;
using Appliance.Loop;
using Appliance.Moving;
using Appliance.Native;
using Appliance.Rooms;
using Appliance.Tests.Connections;
using Appliance.Tests.Rooms;

namespace Appliance.Tests.Delivery;

/// <summary>Clients that read a room in another shape get every record once, in order, however slow they are and wherever they go.</summary>
public sealed class ViewDeliveryTests : IDisposable
{
    private const int FrameBytes = 1000;
    private const int PieceBytes = 4096;

    private readonly MemoryRoomLog _memory = new(256 << 10);
    private readonly RingModel _model;
    private readonly Sender _sender = new(together: false);
    private readonly WorkerSide[] _workers;
    private readonly LogDelivery[] _deliveries;
    private readonly List<int> _clients = [];
    private readonly List<long> _gaps = [];

    public ViewDeliveryTests()
    {
        _model = new RingModel(_memory.Ring);
        _workers = [new WorkerSide(_memory, 0), new WorkerSide(_memory, 1)];
        _deliveries = Array.ConvertAll(_workers, worker => new LogDelivery(worker.Context, worker.Rooms, _sender) { OnGap = (_, _, id) => _gaps.Add(id) });
        Array.ForEach(_workers, worker => Assert.Equal(1, worker.Rooms.AddView(RoomViewTests.Shape)));
    }

    public void Dispose()
    {
        Array.ForEach(_workers, worker => worker.Dispose());
        _clients.ForEach(client => _ = Syscall.Close(client));
        _sender.Dispose();
        _memory.Dispose();
    }

    [Fact]
    public void Each_gets_its_shape()
    {
        Say(3);
        (int frames, int framesClient) = Join(0, view: 0);
        (int shaped, int shapedClient) = Join(0, view: 1);
        (int late, int lateClient) = Join(0, view: 1, history: 2);
        Say(4);
        Deliver(0);
        Assert.Equal(Frames(3, 7), Receive(framesClient));
        Assert.Equal(Shaped(3, 7), Receive(shapedClient));
        Assert.True(Receive(lateClient).Length > 4 * FrameBytes);
        Assert.Equal(3, _workers[0].Rooms.RoomOf(_workers[0].Table[frames]).MemberCount);

        // The last one of a shape ends its view; the next one begins another.
        _workers[0].Rooms.Leave(shaped);
        _workers[0].Rooms.Leave(late);
        Assert.Null(_workers[0].Rooms.RoomOf(_workers[0].Table[frames]).Others![0]);
        Say(1);
        Deliver(0);
        (_, int again) = Join(0, view: 1);
        Say(1);
        Deliver(0);
        Assert.Equal(Shaped(8, 9), Receive(again));
        Assert.Equal(Frames(7, 9), Receive(framesClient));
        Assert.Empty(_gaps);
    }

    /// <summary>Whoever is overtaken between two records is told; its stream has no half of one.</summary>
    [Fact]
    public void Slow_client_is_told_what_is_gone()
    {
        (int fd, int client) = Join(0, view: 1);
        _workers[0].Table.SetBlocked(ref _workers[0].Table[fd], true);
        for (int i = 0; i < 10; i++)
        {
            Say(100);
            Deliver(0);
        }

        _workers[0].Table.SetBlocked(ref _workers[0].Table[fd], false);
        var text = Drain(0, fd, client);
        long id = Assert.Single(_gaps);
        Assert.Equal(Shaped((int)(id + 1 - MemoryRoomLog.FirstId), 1000), text);
    }

    /// <summary>It stands inside a record when it goes, and inside another one when it comes back: its bytes are those of one stream.</summary>
    [Fact]
    public void Stream_goes_on_at_another_worker()
    {
        (int fd, int client) = Join(0, view: 1);
        var got = new StringBuilder();
        int at = 0;
        int halves = 0;
        for (int moves = 0; moves < 6; moves++)
        {
            Say(30);
            Deliver(at);
            _ = got.Append(Receive(client, bytesMax: 7777 * (moves + 1)));
            _deliveries[at].Flush(fd);
            halves += _workers[at].Table[fd].Is(ConnectionFlags.MidFrame) ? 1 : 0;
            Move(fd, at, 1 - at);
            at = 1 - at;
            Assert.Equal(1, _workers[at].Rooms.RoomOf(_workers[at].Table[fd]).MemberCount);
        }

        _ = got.Append(Drain(at, fd, client));
        Assert.Equal(Shaped(0, 180), got.ToString());
        Assert.True(halves > 0, "it never stood inside a record");
        Assert.Empty(_gaps);
    }

    private (int Server, int Client) Join(int worker, byte view, int history = 0)
    {
        (int server, int client) = Connect();
        _clients.Add(client);
        var table = _workers[worker].Table;
        Assert.True(table.Open(server, default, nowMs: 0, unixMs: 0));
        table[server].View = view;
        Assert.Equal(RoomOpening.Found, _workers[worker].Rooms.Join(server, RoomLog.Lobby, after: -1, history, out _));
        table[server].State = ConnectionState.Chat;
        return (server, client);
    }

    /// <summary>Two ends of a stream that holds little.</summary>
    private static (int Server, int Client) Connect()
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        using var listening = ListenSocket.BindUnix(path, mode: 0x180, "stream");
        int client = Syscall.Socket(Syscall.AF_UNIX).OrThrow("socket");
        _ = Syscall.Connect(client, SocketAddress.Unix(path)).OrThrow("connect");
        int server = Syscall.Accept(listening.Descriptor, out _).OrThrow("accept");
        _ = Syscall.SetSocketOption(server, Syscall.SOL_SOCKET, Syscall.SO_SNDBUF, 16 << 10).OrThrow("setsockopt");
        return (server, client);
    }

    private void Say(int records)
    {
        for (int i = 0; i < records; i++)
        {
            _model.Append(new Random(i), FrameBytes + i);
        }
    }

    /// <summary>What a worker does that was woken.</summary>
    private void Deliver(int worker)
    {
        for (int slot = 0; slot < _workers.Length; slot++)
        {
            _memory.Log.Worker(slot).Sleeping = 1;
        }

        var wake = default(WorkerSet);
        _memory.Log.MarkDirty(0, worker: 7, MonotonicClock.ReadNs(), ref wake);
        _workers[worker].Rooms.EndSleep();
        _deliveries[worker].Deliver();
    }

    private void Move(int fd, int from, int to)
    {
        var batch = new HandoverBatch();
        _workers[from].Packing.Pack(batch, fd);
        Assert.True(_workers[to].Packing.TryWatch(batch));
        _workers[to].Packing.Unpack(batch);
        _memory.Ring.CountMember(from, -1);
        _deliveries[to].Deliver();
    }

    private string Drain(int worker, int fd, int client)
    {
        var got = new StringBuilder();
        for (string piece = " "; piece.Length > 0;)
        {
            Deliver(worker);
            _deliveries[worker].Flush(fd);
            piece = Receive(client);
            _ = got.Append(piece);
        }

        return got.ToString();
    }

    private static unsafe string Receive(int client, int bytesMax = int.MaxValue)
    {
        var got = new StringBuilder();
        byte* bytes = stackalloc byte[PieceBytes];
        while (got.Length < bytesMax && Syscall.Receive(client, bytes, Math.Min(PieceBytes, bytesMax - got.Length)) is { Ok: true, Value: > 0 } result)
        {
            _ = got.Append(Encoding.Latin1.GetString(bytes, result.Value));
        }

        return got.ToString();
    }

    private string Frames(int from, int to) => string.Concat(
        _model.Records.Skip(from).Take(to - from).Select(record => Encoding.Latin1.GetString(_model.BytesOf(record))));

    private string Shaped(int from, int to)
    {
        var text = new StringBuilder();
        foreach (var record in _model.Records.Skip(from).Take(to - from))
        {
            byte[] shaped = new byte[RoomViews.ShapedBytesMax(record.Length)];
            var found = new FoundRecord(record.Id, 0, record.Length, record.IsMessage);
            int length = RoomViewTests.Shape(found, _model.BytesOf(record), shaped);
            _ = text.Append(Encoding.Latin1.GetString(shaped, 0, length));
        }

        return text.ToString();
    }
}
