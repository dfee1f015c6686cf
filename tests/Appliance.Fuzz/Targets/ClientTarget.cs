using System.Text;
using System.Text.Json;
using Appliance.Config;
using Appliance.Connections;
using Appliance.Fuzz.Driver;
using Appliance.Loop;
using Appliance.Metrics;
using Appliance.Native;
using Appliance.Rooms;
using Appliance.Worker;
using static Appliance.Fuzz.Driver.FuzzException;

namespace Appliance.Fuzz.Targets;

/// <summary>
/// A whole worker's clients: what one sends, in pieces, a turn each, from the request to its end; another one listens. The first byte
/// chooses settings, the second the pieces.
/// </summary>
internal sealed unsafe class ClientTarget : IFuzzTarget
{
    private const int Capacity = 1024;
    private const int TurnsToEndMax = 10;
    private const string Hello = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n";

    private readonly RoomLogLayout _layout = new(3, RoomLogLayout.RingBytesMin);
    private readonly GuardedMemory _memory;
    private readonly WakeupTable _wakeups = new(RoomLogLayout.Slots);
    private readonly SocketAddress _address = SocketAddress.Unix($"@appliance-fuzz-{Environment.ProcessId}");
    private readonly int _listener = Syscall.Socket(Syscall.AF_UNIX).OrThrow("socket");
    private readonly byte[] _received = new byte[1 << 20];

    public ClientTarget()
    {
        _memory = new GuardedMemory(_layout.SegmentBytes);
        _ = Syscall.Bind(_listener, _address).OrThrow("bind");
        _ = Syscall.Listen(_listener, 8).OrThrow("listen");
    }

    public static FuzzTarget Row { get; } = new(
        "clients",
        "all that a client sends, to a worker: whole answers, nobody else is harmed, nothing is left",
        () => new ClientTarget())
    {
        BytesMax = 2048,
        Words =
        [
            Hello, "GET /?room=a&after=0 HTTP/1.1\r\n", "GET / HTTP/1.1\r\n\r\n", "\x81\x80\0\0\0\0",
            "\x81\xB2\0\0\0\0{\"message\":\"hello\",\"name\":\"ann\",\"color\":\"#007AFF\"}", "\x89\x80\0\0\0\0", "\x88\x80\0\0\0\0",
            "/echo", "\x82\x81\0\0\0\0a",
        ],
    };

    public void Run(ReadOnlySpan<byte> input)
    {
        var bytes = new InputBytes(input);
        byte choice = bytes.Byte();
        var random = new Random(bytes.Byte());
        _memory.Span((int)_layout.SegmentBytes).Clear();
        var log = new RoomLog(_memory.Start, _layout);
        log.WriteHeader();
        using var worker = new Worker(log, _wakeups, SettingsOf(choice), _listener);
        int witness = Connect(worker);
        Send(worker, witness, Encoding.ASCII.GetBytes(Hello));
        string heard = Receive(witness);
        int client = Connect(worker);
        var told = new StringBuilder();
        for (var rest = bytes.Rest; !rest.IsEmpty;)
        {
            int piece = Math.Min(rest.Length, 1 + random.Next(1 << random.Next(12)));
            Send(worker, client, rest[..piece]);
            rest = rest[piece..];
            _ = told.Append(Receive(client));
            heard += Receive(witness);
        }

        RequireWhole(told.ToString());
        _ = Syscall.Close(client);
        worker.TurnUntil(1);
        heard += Receive(witness);
        RequireWhole(heard);
        Require(heard.StartsWith("HTTP/1.1 101 ", StringComparison.Ordinal), "the other client is served");
        _ = Syscall.Close(witness);
        worker.TurnUntil(0);
    }

    public void Dispose()
    {
        _ = Syscall.Close(_listener);
        _wakeups.Dispose();
        _memory.Dispose();
    }

    private static Settings SettingsOf(byte choice)
    {
        string[] lines =
        [
            "io = epoll", "max-rate = 0", "max-frame = 500",
            $"echo = {((choice & 1) != 0 ? "on" : "off")}",
            $"announce = {((choice & 2) != 0 ? "ip" : "count")}",
            $"history = {(choice >> 2) & 7}",
        ];
        return SettingsBuilder.Build(new DefaultPaths("/run", "/state"), SettingsBuilder.ReadFile("fuzz", lines));
    }

    private int Connect(Worker worker)
    {
        int client = Syscall.Socket(Syscall.AF_UNIX).OrThrow("socket");
        _ = Syscall.Connect(client, _address).OrThrow("connect");
        worker.Turn();
        return client;
    }

    /// <summary>
    /// Sends, and gives the worker a turn to take it and one to answer; what comes after the end of a connection is lost.
    /// </summary>
    private static void Send(Worker worker, int client, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            _ = Syscall.Send(client, start, bytes.Length, 0);
        }

        worker.Turn();
        worker.Turn();
    }

    private string Receive(int client)
    {
        fixed (byte* start = _received)
        {
            var result = Syscall.Receive(client, start, _received.Length);
            return result.Ok ? Encoding.Latin1.GetString(_received, 0, result.Value) : "";
        }
    }

    /// <summary>Whether a client was told whole responses, and behind an upgrade whole frames; in the chat each text is JSON.</summary>
    private static void RequireWhole(string told)
    {
        while (told.Length > 0)
        {
            int end = told.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4;
            Require(told.StartsWith("HTTP/1.1 ", StringComparison.Ordinal) && end >= 4, "a response has a head");
            string head = told[..end];
            told = told[end..];
            if (head.StartsWith("HTTP/1.1 101 ", StringComparison.Ordinal))
            {
                RequireFrames(told);
                return;
            }

            // The answer to HEAD has no body: then the next response follows at once.
            int length = int.Parse(head.Split("Content-Length: ")[1].Split('\r')[0], System.Globalization.CultureInfo.InvariantCulture);
            bool hasBody = !IsHead(told);
            Require(!hasBody || told.Length == 0 || told.Length >= length, "a response is whole");
            told = hasBody && told.Length > 0 ? told[length..] : told;
        }
    }

    /// <summary>A status line; a body may also begin with the version.</summary>
    private static bool IsHead(string told) => told.StartsWith("HTTP/1.1 ", StringComparison.Ordinal) && told.Length > 9 && char.IsAsciiDigit(told[9]);

    private static void RequireFrames(string frames)
    {
        while (frames.Length > 0)
        {
            int size = frames.Length > 1 ? frames[1] : 0;
            int header = size switch { 126 => 4, 127 => 10, _ => 2 };
            Require(frames.Length >= header && size <= 127, "a frame has a head, and no mask");
            int length = size == 126 ? (frames[2] << 8) | frames[3]
                : size == 127 ? (frames[6] << 24) | (frames[7] << 16) | (frames[8] << 8) | frames[9]
                : size;
            Require(frames.Length >= header + length, "a frame is whole");
            string payload = frames.Substring(header, length);
            Require(frames[0] is '\x81' or '\x82' or '\x88' or '\x89' or '\x8A', "a frame is one that a server sends");
            if (frames[0] == '\x81' && payload.StartsWith("{\"type\":", StringComparison.Ordinal))
            {
                using var json = JsonDocument.Parse(Encoding.Latin1.GetBytes(payload));
            }

            frames = frames[(header + length)..];
        }
    }

    /// <summary>A worker's clients and the turns of its loop.</summary>
    private sealed class Worker : IDisposable
    {
        private const int EventsMax = 16;

        private readonly Poller _poller = new(EventsMax);
        private readonly LoopClock _clock = new();
        private readonly ClientServer _clients;

        public Worker(RoomLog log, WakeupTable wakeups, Settings settings, int listener)
        {
            _clients = new ClientServer(Capacity, _poller, _clock, log, new WorkerIdentity(default, wakeups), settings, new Observer());
            _clients.Acceptor.Listen(ListenSocket.Inherit(listener, ListenKind.Chat));
        }

        public void Turn()
        {
            _ = _clients.BeginSleep();
            int ready = _poller.Wait(0);
            _clock.Update();
            _clients.EndSleep();
            for (int i = 0; i < ready; i++)
            {
                var happened = _poller[i];
                if (happened.Generation == 0)
                {
                    _clients.OnDescriptor(happened.Descriptor);
                }
                else
                {
                    _clients.OnClient(happened);
                }
            }

            _clients.ExpireTimers();
            _clients.EndTurn();
        }

        public void TurnUntil(int connections)
        {
            for (int turns = 0; turns < TurnsToEndMax && _clients.ConnectionCount > connections; turns++)
            {
                Turn();
            }

            Require(_clients.ConnectionCount == connections, "a connection whose client is gone ends");
        }

        public void Dispose()
        {
            _clients.Dispose();
            _poller.Dispose();
        }
    }

    private sealed class Observer : IConnectionObserver
    {
        public void OnAddressRefused(in Connection connection, string why, long untold)
        {
        }

        public void OnConnected(in Connection connection, ReadOnlySpan<byte> room, bool created)
        {
        }

        public void OnDisconnected(in Connection connection, ReadOnlySpan<byte> room)
        {
        }

        public void OnRefused(in Connection connection, RejectReason reason, int status, string why)
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

        public void OnDescriptorsExhausted(string error) => throw new FuzzException($"accept: {error}");
    }
}
