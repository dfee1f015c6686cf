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

/// <summary>Two workers with one room, and clients whose sockets hold little: what each gets is one stream, wherever it is served.</summary>
internal sealed class StreamScene : IDisposable
{
    private const int FrameBytes = 1000;
    private const int PieceBytes = 4096;

    private readonly MemoryRoomLog _memory = new(256 << 10);
    private readonly RingModel _model;
    private readonly Sender _sender = new(together: false);
    private readonly LogDelivery[] _deliveries;
    private readonly List<int> _clients = [];

    public StreamScene(Func<Transport>? transport = null)
    {
        _model = new RingModel(_memory.Ring);
        Workers = [.. Enumerable.Range(0, 2).Select(slot => new WorkerSide(_memory, slot, transport is null ? [] : [transport()]))];
        _deliveries = Array.ConvertAll(Workers, worker => new LogDelivery(worker.Context, worker.Rooms, _sender) { OnGap = (_, _, id) => Gaps.Add(id) });
        Array.ForEach(Workers, worker => Assert.Equal(1, worker.Rooms.AddView(RoomViewTests.Shape)));
    }

    public WorkerSide[] Workers { get; }

    /// <summary>The ids behind which clients were told to go on.</summary>
    public List<long> Gaps { get; } = [];

    public void Dispose()
    {
        Array.ForEach(Workers, worker => worker.Dispose());
        _clients.ForEach(client => _ = Syscall.Close(client));
        _sender.Dispose();
        _memory.Dispose();
    }

    public (int Server, int Client) Join(int worker, byte view = 0, byte transport = 0, int history = 0)
    {
        (int server, int client) = Connect();
        _clients.Add(client);
        var table = Workers[worker].Table;
        Assert.True(table.Open(server, ConnectionState.Http, default, nowMs: 0, unixMs: 0));
        (table[server].View, table[server].Transport) = (view, transport);
        Assert.Equal(RoomOpening.Found, Workers[worker].Rooms.Join(server, RoomLog.Lobby, after: -1, history, out _));
        table[server].State = ConnectionState.Chat;
        return (server, client);
    }

    /// <summary>Two ends of a stream that holds little.</summary>
    private static (int Server, int Client) Connect()
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        using var listening = ListenSocket.BindUnix(ListenKind.Chat, path, mode: 0x180, "stream");
        int client = Syscall.Socket(Syscall.AF_UNIX).OrThrow("socket");
        _ = Syscall.Connect(client, SocketAddress.Unix(path)).OrThrow("connect");
        int server = Syscall.Accept(listening.Descriptor, out _).OrThrow("accept");
        _ = Syscall.SetSocketOption(server, Syscall.SOL_SOCKET, Syscall.SO_SNDBUF, 16 << 10).OrThrow("setsockopt");
        return (server, client);
    }

    public void Say(int records)
    {
        for (int i = 0; i < records; i++)
        {
            _model.Append(new Random(i), FrameBytes + i);
        }
    }

    /// <summary>What a worker does that was woken.</summary>
    public void Deliver(int worker)
    {
        for (int slot = 0; slot < Workers.Length; slot++)
        {
            _memory.Log.Worker(new(slot)).Sleeping = 1;
        }

        var wake = default(WorkerSet);
        _memory.Log.MarkDirty(0, worker: new(7), MonotonicClock.ReadNs(), ref wake);
        Workers[worker].Rooms.EndSleep();
        _deliveries[worker].Deliver();
    }

    public void Flush(int worker, int fd) => _deliveries[worker].Flush(fd);

    public void Move(int fd, int from, int to)
    {
        var batch = new HandoverBatch();
        Workers[from].Packing.Pack(batch, fd);
        Assert.True(Workers[to].Packing.TryWatch(batch));
        Workers[to].Packing.Unpack(batch);
        _memory.Ring.CountMember(new(from), -1);
        _deliveries[to].Deliver();
    }

    public string Drain(int worker, int fd, int client)
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

    public static unsafe string Receive(int client, int bytesMax = int.MaxValue)
    {
        var got = new StringBuilder();
        byte* bytes = stackalloc byte[PieceBytes];
        while (got.Length < bytesMax && Syscall.Receive(client, bytes, Math.Min(PieceBytes, bytesMax - got.Length)) is { Ok: true, Value: > 0 } result)
        {
            _ = got.Append(Encoding.Latin1.GetString(bytes, result.Value));
        }

        return got.ToString();
    }

    public string Frames(int from, int to) => string.Concat(
        _model.Records.Skip(from).Take(to - from).Select(record => Encoding.Latin1.GetString(_model.BytesOf(record))));

    public string Shaped(int from, int to)
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
