using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Appliance.Loop;
using Appliance.Native;

namespace Appliance.Bench.Load;

/// <summary>
/// WebSocket clients on one epoll loop, on one thread. Every frame of every client is counted by its header; the messages of sampled
/// clients and of publishers are read. Nothing is allocated once the clients are open.
/// </summary>
public sealed unsafe class Generator : IDisposable
{
    /// <summary>Clients that connect at a time.</summary>
    public const int OpeningMax = 64;

    /// <summary>Clients of one source address: the kernel has some 28,000 ports for each.</summary>
    private const int ClientsPerAddress = 20_000;

    private const int EventsMax = 1024;
    private const int EventsAPace = 16;
    private const int DrainMsMax = 2000;
    private const int ReceiveBytesMax = 256 << 10;

    /// <summary>IP_BIND_ADDRESS_NO_PORT of ip(7): the port is chosen when it is known where to, and one that waits out its end for elsewhere will do.</summary>
    private const int BindAddressNoPort = 24;

    /// <summary>IPPROTO_IP.</summary>
    private const int InternetLevel = 0;

    /// <summary>SO_RCVBUF of socket(7).</summary>
    private const int ReceiveBufferOption = 8;

    /// <summary>Larger than any frame or handshake answer of a benchmarked server.</summary>
    private const int KeptBytesMax = 1024;

    private readonly GeneratorOptions _options;
    private readonly Poller _poller = new(EventsMax);
    private readonly Client[] _clients;
    private byte* _received = (byte*)NativeMemory.Alloc(KeptBytesMax + ReceiveBytesMax);
    private byte* _kept;
    private byte[] _request = [];
    private int _requestRoom;
    private int _opening;
    private bool _keepOpen = true;

    /// <summary>A generator whose clients are not connected yet.</summary>
    public Generator(GeneratorOptions options)
    {
        _options = options;
        _clients = new Client[options.Clients];
        _kept = (byte*)NativeMemory.Alloc((nuint)options.Clients, KeptBytesMax);
        Frames = new FrameReader(_clients, options.Rooms);
        _ = Syscall.GetDescriptorLimit(out _, out long hard).OrThrow("getrlimit");
        _ = Syscall.SetDescriptorLimit(hard, hard).OrThrow("setrlimit");
    }

    private static ReadOnlySpan<byte> Accept => "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="u8;

    /// <summary>What its clients have got.</summary>
    public FrameReader Frames { get; }

    /// <summary>Whether something listens at a port of 127.0.0.1.</summary>
    public static bool IsListening(int port)
    {
        int fd = Syscall.Socket(Syscall.AF_INET).OrThrow("socket");
        _ = Syscall.Connect(fd, SocketAddress.Internet([127, 0, 0, 1], port));
        byte letter = (byte)'G';
        bool connected = Syscall.Send(fd, &letter, 1, 0).Ok;
        _ = Syscall.Close(fd);
        return connected;
    }

    /// <summary>Opens all clients, and closes each at once unless they are to stay.</summary>
    /// <exception cref="LoadException">A client was refused or not answered within ten seconds.</exception>
    public void Open(bool keepOpen = true)
    {
        _keepOpen = keepOpen;
        long progressMs = Environment.TickCount64;
        for (int next = 0; next < _clients.Length || _opening > 0;)
        {
            int before = _opening;
            while (next < _clients.Length && _opening < OpeningMax)
            {
                Connect(next++);
            }

            Turn(100);
            progressMs = _opening != before || next < _clients.Length ? Environment.TickCount64 : progressMs;
            if (Environment.TickCount64 - progressMs > 10_000)
            {
                throw new LoadException(string.Create(CultureInfo.InvariantCulture, $"{_opening} handshakes are not answered"));
            }
        }
    }

    /// <summary>Loads the server and measures it.</summary>
    /// <param name="traffic">Who sends how much.</param>
    /// <param name="warmUp">How long the load goes on before it is measured.</param>
    /// <param name="duration">How long it is measured.</param>
    /// <param name="serverCpuUs">Time the server has spent on processors so far, in microseconds.</param>
    /// <exception cref="LoadException">A client was cut off.</exception>
    public LoadResult Load(Traffic traffic, TimeSpan warmUp, TimeSpan duration, Func<double> serverCpuUs)
    {
        Frames.StartPublishing(traffic);
        RunFor(warmUp);
        Frames.Latencies.Clear();
        long frames = Frames.TextFrames;
        double cpuUs = serverCpuUs();
        long startUs = BenchMessage.NowUs;
        RunFor(duration);
        double seconds = (BenchMessage.NowUs - startUs) / 1e6;
        double spentUs = serverCpuUs() - cpuUs;
        long deliveries = Frames.TextFrames - frames;
        Frames.StopPublishing();
        var latency = Frames.Latencies.Summary();
        Drain();
        return new LoadResult
        {
            Deliveries = deliveries,
            Seconds = seconds,
            ServerCpuUs = spentUs,
            Latency = latency,
            Outstanding = Frames.Outstanding,
            Faults = Frames.Faults(),
        };
    }

    /// <summary>Sends what is due, and reads what has come or comes within some milliseconds.</summary>
    public void Turn(int timeoutMs)
    {
        int ready = _poller.Wait(Math.Min(timeoutMs, Frames.Pace()));
        for (int i = 0; i < ready; i++)
        {
            var happened = _poller[i];
            int index = (int)happened.Generation - 1;
            if (_clients[index].State == ClientState.Connecting)
            {
                SendRequest(index);
            }
            else
            {
                Read(index);
            }

            if (i % EventsAPace == 0)
            {
                _ = Frames.Pace();
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (ref var client in _clients.AsSpan())
        {
            if (client.State != ClientState.None)
            {
                _ = Syscall.Close(client.Descriptor);
            }
        }

        _poller.Dispose();
        NativeMemory.Free(_received);
        NativeMemory.Free(_kept);
        _received = _kept = null;
    }

    private void RunFor(TimeSpan duration)
    {
        long endUs = BenchMessage.NowUs + (long)duration.TotalMicroseconds;
        while (BenchMessage.NowUs < endUs)
        {
            Turn(10);
        }
    }

    /// <summary>Waits for what is still under way, some seconds at most: who cannot keep up with a pace has much to catch up with.</summary>
    private void Drain()
    {
        long end = Environment.TickCount64 + DrainMsMax;
        while (Frames.Outstanding > 0 && Environment.TickCount64 < end)
        {
            Turn(100);
        }
    }

    private void Connect(int index)
    {
        int fd = Syscall.Socket(Syscall.AF_INET).OrThrow("socket");
        byte source = (byte)(_options.FirstSource + (index / ClientsPerAddress));
        if (source > 1)
        {
            _ = Syscall.SetSocketOption(fd, InternetLevel, BindAddressNoPort, 1).OrThrow("setsockopt IP_BIND_ADDRESS_NO_PORT");
            _ = Syscall.Bind(fd, SocketAddress.Internet([127, 0, 0, source], 0)).OrThrow("bind");
        }

        if (_options.ReceiveBufferBytes > 0)
        {
            _ = Syscall.SetSocketOption(fd, Syscall.SOL_SOCKET, ReceiveBufferOption, _options.ReceiveBufferBytes).OrThrow("setsockopt SO_RCVBUF");
        }

        _ = Syscall.SetSocketOption(fd, Syscall.IPPROTO_TCP, Syscall.TCP_NODELAY, 1).OrThrow("setsockopt TCP_NODELAY");
        _clients[index] = new Client { Descriptor = fd, State = ClientState.Connecting, Publisher = -1, Sample = -1 };
        _opening++;
        var connected = Syscall.Connect(fd, SocketAddress.Internet([127, 0, 0, 1], _options.Port));
        if (!connected.Ok && connected.Error != Errno.EINPROGRESS)
        {
            throw Failure(index, $"connect: {SyscallException.Describe(connected.Error)}");
        }

        _ = _poller.Add(fd, (uint)index + 1).OrThrow("epoll_ctl");
        SendRequest(index);
    }

    /// <summary>Sends the handshake; while the kernel still connects, that has to wait.</summary>
    private void SendRequest(int index)
    {
        ref var client = ref _clients[index];
        byte[] bytes = Request(index / _options.Members);
        fixed (byte* request = bytes)
        {
            var result = Syscall.Send(client.Descriptor, request, bytes.Length, 0);
            if (!result.Ok && !result.WouldBlock)
            {
                throw Failure(index, $"connect: {SyscallException.Describe(result.Error)}");
            }

            _poller.Watch(client.Descriptor, (uint)index + 1, read: true, write: !result.Ok);
            client.State = result.Ok ? ClientState.Handshaking : ClientState.Connecting;
        }
    }

    private byte[] Request(int room)
    {
        if (_request.Length == 0 || room != _requestRoom)
        {
            _requestRoom = room;
            string path = _options.RoomPrefix.Length == 0 ? "/" : string.Create(CultureInfo.InvariantCulture, $"/?room={_options.RoomPrefix}{room}");
            _request = Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
        }

        return _request;
    }

    private void Read(int index)
    {
        ref var client = ref _clients[index];
        byte* kept = _kept + ((long)index * KeptBytesMax);
        new ReadOnlySpan<byte>(kept, client.Kept).CopyTo(new Span<byte>(_received, client.Kept));
        var result = Syscall.Receive(client.Descriptor, _received + client.Kept, ReceiveBytesMax);
        if (result.WouldBlock)
        {
            return;
        }

        if (!result.Ok || result.Value == 0)
        {
            throw Failure(index, result.Ok ? "closed by the server" : SyscallException.Describe(result.Error));
        }

        var bytes = new ReadOnlySpan<byte>(_received, client.Kept + result.Value);
        client.Kept = 0;
        int used = client.State == ClientState.Handshaking ? ReadResponse(index, bytes) : 0;
        if (client.State == ClientState.Open)
        {
            used += Frames.Read(index, bytes[used..]);
        }

        var rest = bytes[used..];
        if (rest.Length > KeptBytesMax)
        {
            throw Failure(index, $"a frame or answer of more than {KeptBytesMax} bytes");
        }

        rest.CopyTo(new Span<byte>(kept, KeptBytesMax));
        client.Kept = client.State == ClientState.None ? 0 : rest.Length;
    }

    private int ReadResponse(int index, ReadOnlySpan<byte> bytes)
    {
        int end = bytes.IndexOf("\r\n\r\n"u8);
        if (end < 0)
        {
            return 0;
        }

        if (!bytes.StartsWith("HTTP/1.1 101 "u8) || bytes[..end].IndexOf(Accept) < 0)
        {
            throw Failure(index, $"handshake answered with: {Encoding.Latin1.GetString(bytes[..end])}");
        }

        ref var client = ref _clients[index];
        _opening--;
        client.State = _keepOpen ? ClientState.Open : ClientState.None;
        if (!_keepOpen)
        {
            _ = Syscall.Close(client.Descriptor);
            return bytes.Length;
        }

        return end + 4;
    }

    private static LoadException Failure(int index, string what) =>
        new(string.Create(CultureInfo.InvariantCulture, $"client {index}: {what}"));
}
