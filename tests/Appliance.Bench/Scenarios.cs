using System.Diagnostics;
using System.Globalization;
using Appliance.Bench.Load;
using Appliance.Bench.Servers;

namespace Appliance.Bench;

/// <summary>One way to load a server.</summary>
/// <param name="Name">What it is called on the command line.</param>
/// <param name="Rounds">How many fresh servers of each kind it is measured on; 0 for what the command line says.</param>
/// <param name="IsForPeers">Whether peers are measured, too.</param>
/// <param name="Run">Measures a server that serves.</param>
public sealed record Scenario(string Name, int Rounds, bool IsForPeers, Action<RunningServer, Scenarios.Note> Run);

/// <summary>The table of scenarios, for given sizes.</summary>
public sealed class Scenarios(BenchOptions options)
{
    private const int IdleClients = 10_000;
    private const int IdleSeconds = 2;
    private const int SteadySeconds = 10;
    private const int FewClients = 50;

    /// <summary>Takes a number that was measured.</summary>
    public delegate void Note(Measure measure, double number);

    /// <summary>Deliveries a second, and what they cost, with many messages in flight.</summary>
    public LoadMeasures Busy { get; } = new(string.Create(CultureInfo.InvariantCulture, $"{options.Clients:N0} clients, {options.InFlight} in flight"));

    /// <summary>The same with one.</summary>
    public LoadMeasures OneInFlight { get; } = new(string.Create(CultureInfo.InvariantCulture, $"{options.Clients:N0} clients, 1 in flight"));

    /// <summary>Connections opened, answered and closed in a second.</summary>
    public Measure Connects { get; } = new(string.Create(CultureInfo.InvariantCulture, $"connects per second ({options.Connects:N0}, {Generator.OpeningMax} at a time)"), "N0");

    /// <summary>What such a connection costs the server.</summary>
    public Measure ConnectCpuUs { get; } = new("server CPU µs per connect", "N1");

    /// <summary>Memory of an idle connection.</summary>
    public Measure IdleBytes { get; } = new(string.Create(CultureInfo.InvariantCulture, $"bytes (PSS) per idle connection at {IdleClients:N0}"), "N0");

    /// <summary>Time to the first answer.</summary>
    public Measure ReadyMs { get; } = new("ms from start to the first handshake answered (median of 10)", "N1");

    /// <summary>Processor time while nothing happens.</summary>
    public Measure IdleCpuUs { get; } = new(string.Create(CultureInfo.InvariantCulture, $"CPU µs in {IdleSeconds} s with {FewClients} idle clients"), "N0");

    /// <summary>Garbage collections of ours.</summary>
    public Measure Collections { get; } = new(string.Create(CultureInfo.InvariantCulture, $"garbage collections in {SteadySeconds} s of steady load"), "N0");

    /// <summary>The rows.</summary>
    public IReadOnlyList<Scenario> Rows =>
    [
        new("busy", 0, IsForPeers: true, (server, note) => Load(server, note, Busy, options.InFlight)),
        new("single", 0, IsForPeers: true, (server, note) => Load(server, note, OneInFlight, 1)),
        new("connects", 0, IsForPeers: true, OpenAndClose),
        new("memory", 1, IsForPeers: true, Memory),
        new("ready", 10, IsForPeers: true, (server, note) => note(ReadyMs, server.ReadyMs)),
        new("idle", 1, IsForPeers: true, Idle),
        new("garbage", 1, IsForPeers: false, Garbage),
    ];

    private void Load(RunningServer server, Note note, LoadMeasures measures, int inFlight)
    {
        var result = Load(server, inFlight, options.WarmUpSeconds, options.Seconds);
        note(measures.PerSecond, result.Deliveries / result.Seconds);
        note(measures.CpuUs, result.ServerCpuUs / result.Deliveries);
        note(measures.LatencyP50Ms, result.LatencyP50Us / 1000.0);
        note(measures.LatencyP99Ms, result.LatencyP99Us / 1000.0);
    }

    private LoadResult Load(RunningServer server, int inFlight, int warmUpSeconds, int seconds)
    {
        using var generator = new Generator(server.Port, options.Clients);
        generator.Open();
        var result = generator.Load(inFlight, TimeSpan.FromSeconds(warmUpSeconds), TimeSpan.FromSeconds(seconds), server.Figures.CpuUs);
        return result.Faults.Length == 0 ? result : throw new LoadException($"messages: {result.Faults}");
    }

    private void OpenAndClose(RunningServer server, Note note)
    {
        using (var warmUp = new Generator(server.Port, options.Connects / 5))
        {
            warmUp.Open(keepOpen: false);
        }

        using var generator = new Generator(server.Port, options.Connects);
        double cpuUs = server.Figures.CpuUs();
        long started = Stopwatch.GetTimestamp();
        generator.Open(keepOpen: false);
        note(Connects, options.Connects / Stopwatch.GetElapsedTime(started).TotalSeconds);
        note(ConnectCpuUs, (server.Figures.CpuUs() - cpuUs) / options.Connects);
    }

    /// <summary>A few clients come and go first: what a server touches once is no cost of a connection.</summary>
    private void Memory(RunningServer server, Note note)
    {
        using (var warmUp = new Generator(server.Port, Generator.OpeningMax))
        {
            warmUp.Open();
        }

        using var generator = new Generator(server.Port, IdleClients);
        long before = server.Figures.PssBytes();
        generator.Open();
        note(IdleBytes, (double)(server.Figures.PssBytes() - before) / IdleClients);
    }

    private void Idle(RunningServer server, Note note)
    {
        using var generator = new Generator(server.Port, FewClients);
        generator.Open();
        Thread.Sleep(TimeSpan.FromSeconds(1));
        double before = server.Figures.CpuUs();
        Thread.Sleep(TimeSpan.FromSeconds(IdleSeconds));
        note(IdleCpuUs, server.Figures.CpuUs() - before);
    }

    /// <summary>The server's last line counts its collections from the start on, warm-up and connecting included.</summary>
    private void Garbage(RunningServer server, Note note)
    {
        _ = Load(server, options.InFlight, 0, SteadySeconds);
        server.Stop();
        string[] words = server.Log.Split(' ');
        int number = Array.FindIndex(words, word => word.StartsWith("garbage", StringComparison.Ordinal)) - 1;
        if (number < 0)
        {
            throw new LoadException($"the server did not tell its collections: {server.Log}");
        }

        note(Collections, double.Parse(words[number], CultureInfo.InvariantCulture));
    }
}

/// <summary>What a load run gives.</summary>
public sealed class LoadMeasures(string load)
{
    /// <summary>Text frames received by all clients in a second.</summary>
    public Measure PerSecond { get; } = new($"{load}: deliveries per second", "N0");

    /// <summary>Time on a processor, divided by the deliveries.</summary>
    public Measure CpuUs { get; } = new($"{load}: server CPU µs per delivery", "N2");

    /// <summary>Median latency.</summary>
    public Measure LatencyP50Ms { get; } = new($"{load}: latency p50, ms", "N2");

    /// <summary>Latency that one in a hundred exceeds.</summary>
    public Measure LatencyP99Ms { get; } = new($"{load}: latency p99, ms", "N2");
}
