using System.Buffers.Text;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Appliance.Native;

namespace Appliance.Bench.Load;

/// <summary>Something that others do to a server while its clients talk: a process of this program, from its start to its end.</summary>
public sealed class Disturbance : IDisposable
{
    /// <summary>The argument that makes this program one; its kind and a port or a process follow.</summary>
    public const string Argument = "--disturb";

    /// <summary>Messages a second of a flood: a person's limit is 20.</summary>
    public const int FloodPerSecond = 10_000;

    /// <summary>Connections that one address holds or tries to hold.</summary>
    public const int CrowdConnections = 10_000;

    /// <summary>Address of the crowd; whoever measures has lower ones.</summary>
    public const string CrowdAddress = "127.0.0.99";

    private const int CrowdPerSecond = 1000;
    private const int StalledClients = 20;
    private const int StalledBytes = 4096;
    private const int FillPerSecond = 40_000;
    private const int FillMessages = 40_000;
    private const int AnswerBytesMax = 1 << 20;
    private static readonly TimeSpan ScrapePause = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan ReloadPause = TimeSpan.FromMilliseconds(100);

    private static readonly Dictionary<string, Action<int>> Kinds = new(StringComparer.Ordinal)
    {
        ["stall"] = Stall,
        ["flood"] = Flood,
        ["scrape"] = Scrape,
        ["reload"] = Reload,
        ["crowd"] = Crowd,
    };

    private readonly Process _process;

    /// <summary>Starts one and waits until it disturbs.</summary>
    /// <param name="kind">One of the kinds.</param>
    /// <param name="target">A port of 127.0.0.1, or the process to reload.</param>
    public Disturbance(string kind, int target)
    {
        _process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, [Argument, kind, target.ToString(CultureInfo.InvariantCulture)])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        if (_process.StandardOutput.ReadLine() is null)
        {
            throw new LoadException($"the disturbance '{kind}' has ended");
        }
    }

    /// <summary>Disturbs until it is ended, or its stdin: the program that started it may end without a word.</summary>
    public static int Run(string kind, string target)
    {
        var watch = new Thread(() =>
        {
            _ = Console.In.ReadToEnd();
            Environment.Exit(0);
        });
        watch.IsBackground = true;
        watch.Start();
        using (var self = Process.GetCurrentProcess())
        {
            // Whoever disturbs is on another machine in life: here it leaves the processors to the server and to who measures.
            self.PriorityClass = ProcessPriorityClass.Idle;
        }

        Kinds[kind](int.Parse(target, CultureInfo.InvariantCulture));
        return 0;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    /// <summary>
    /// Clients in the same room that read nothing. The kernel keeps megabytes for each of them: so much is said to them first that
    /// they are full.
    /// </summary>
    private static void Stall(int port)
    {
        using var stalled = new Generator(new GeneratorOptions { Port = port, Clients = StalledClients, ReceiveBufferBytes = StalledBytes });
        stalled.Open();
        using (var talker = new Generator(new GeneratorOptions { Port = port, Clients = 1 }))
        {
            talker.Open();
            talker.Frames.StartPublishing(Traffic.Paced(FillPerSecond, 1));
            while (talker.Frames.TextFrames < FillMessages)
            {
                talker.Turn(1);
            }
        }

        Console.Out.WriteLine("ready");
        Thread.Sleep(Timeout.Infinite);
    }

    private static void Flood(int port)
    {
        using var generator = new Generator(new GeneratorOptions { Port = port, Clients = 1, RoomPrefix = "flood" });
        generator.Open();
        generator.Frames.StartPublishing(Traffic.Paced(FloodPerSecond, 1));
        Console.Out.WriteLine("ready");
        while (true)
        {
            generator.Turn(1);
        }
    }

    /// <summary>By hand: a client of the runtime costs more than the answers.</summary>
    private static void Scrape(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(IPAddress.Loopback, port);
        byte[] answer = new byte[AnswerBytesMax];
        Forever(ScrapePause, () =>
        {
            _ = socket.Send("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"u8);
            int count = 0;
            do
            {
                int more = socket.Receive(answer.AsSpan(count));
                count += more > 0 ? more : throw new LoadException("a scrape was not answered");
            }
            while (!IsWhole(answer.AsSpan(0, count)));
        });
    }

    private static bool IsWhole(ReadOnlySpan<byte> answer)
    {
        int bodyAt = answer.IndexOf("\r\n\r\n"u8) + 4;
        int lengthAt = answer.IndexOf("Content-Length: "u8) + "Content-Length: ".Length;
        return bodyAt >= 4 && Utf8Parser.TryParse(answer[lengthAt..], out int length, out _) && answer.Length >= bodyAt + length;
    }

    private static void Reload(int pid) => Forever(ReloadPause, () => _ = Syscall.Kill(pid, Syscall.SIGHUP).OrThrow("kill"));

    /// <summary>One address that wants many connections: whatever becomes of one, it asks for the next.</summary>
    private static void Crowd(int port)
    {
        var sockets = new Socket?[CrowdConnections];
        byte[] request = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"u8.ToArray();
        request = [.. request, .. "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"u8];
        for (int i = 0; i < sockets.Length; i++)
        {
            sockets[i] = Join(port, request);
        }

        int next = 0;
        Forever(TimeSpan.FromSeconds(1.0 / CrowdPerSecond), () =>
        {
            sockets[next]?.Dispose();
            sockets[next] = Join(port, request);
            next = (next + 1) % sockets.Length;
        });
    }

    /// <summary>Null when the server, or the kernel, does not take the connection.</summary>
    private static Socket? Join(int port, byte[] request)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { LingerState = new LingerOption(true, 0) };
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Parse(CrowdAddress), 0));
            socket.Connect(IPAddress.Loopback, port);
            _ = socket.Send(request);
            return socket;
        }
        catch (SocketException)
        {
            socket.Dispose();
            return null;
        }
    }

    private static void Forever(TimeSpan pause, Action once)
    {
        once();
        Console.Out.WriteLine("ready");
        while (true)
        {
            Thread.Sleep(pause);
            once();
        }
    }
}
