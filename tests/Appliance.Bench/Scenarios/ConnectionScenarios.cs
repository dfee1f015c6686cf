using System.Diagnostics;
using System.Globalization;
using Appliance.Bench.Load;
using Appliance.Bench.Reports;
using Appliance.Bench.Servers;

namespace Appliance.Bench.Scenarios;

/// <summary>What connections cost: to open, to hold, to do nothing with.</summary>
public sealed class ConnectionScenarios(BenchOptions options)
{
    private const int IdleClients = 10_000;
    private const int IdleSeconds = 2;
    private const int FewClients = 50;
    private const int ReadyRounds = 10;

    /// <summary>Connections opened, answered and closed in a second.</summary>
    public Measure Connects { get; } = new(
        string.Create(CultureInfo.InvariantCulture, $"connects per second ({options.Connects:N0}, {Generator.OpeningMax} at a time)"), "N0");

    /// <summary>What such a connection costs the server.</summary>
    public Measure ConnectCpuUs { get; } = new("server CPU µs per connect", "N1");

    /// <summary>Memory of an idle connection.</summary>
    public Measure IdleBytes { get; } = new(string.Create(CultureInfo.InvariantCulture, $"bytes (PSS) per idle connection at {IdleClients:N0}"), "N0");

    /// <summary>Time to the first answer.</summary>
    public Measure ReadyMs { get; } = new(
        string.Create(CultureInfo.InvariantCulture, $"ms from start to the first handshake answered ({ReadyRounds} starts)"), "N1");

    /// <summary>Processor time while nothing happens.</summary>
    public Measure IdleCpuUs { get; } = new(string.Create(CultureInfo.InvariantCulture, $"CPU µs in {IdleSeconds} s with {FewClients} idle clients"), "N0");

    /// <summary>Share of a core (0 to 1) that <see cref="IdleCpuUs"/> is.</summary>
    public static double IdleShare(double cpuUs) => cpuUs / (IdleSeconds * 1e6);

    /// <summary>The scenarios.</summary>
    public IReadOnlyList<Scenario> Rows =>
    [
        new("connects") { Cases = [new(_ => true, OpenAndClose)] },
        new("memory") { Cases = [new(server => server.ClientsMax >= IdleClients, Memory)] },
        new("ready") { Rounds = ReadyRounds, IsQuick = false, Cases = [new(_ => true, (server, note) => note(ReadyMs, server.ReadyMs))] },
        new("idle") { Cases = [new(_ => true, Idle)] },
    ];

    private void OpenAndClose(RunningServer server, Note note)
    {
        using (var warmUp = new Generator(new GeneratorOptions { Port = server.Port, Clients = options.Connects / 5 }))
        {
            warmUp.Open(keepOpen: false);
        }

        using var generator = new Generator(new GeneratorOptions { Port = server.Port, Clients = options.Connects });
        var figures = server.Observe();
        double cpuUs = figures.CpuUs();
        long started = Stopwatch.GetTimestamp();
        generator.Open(keepOpen: false);
        note(Connects, options.Connects / Stopwatch.GetElapsedTime(started).TotalSeconds);
        note(ConnectCpuUs, (figures.CpuUs() - cpuUs) / options.Connects);
    }

    /// <summary>A few clients come and go first: what a server touches once is no cost of a connection.</summary>
    private void Memory(RunningServer server, Note note)
    {
        using (var warmUp = new Generator(new GeneratorOptions { Port = server.Port, Clients = Generator.OpeningMax }))
        {
            warmUp.Open();
        }

        using var generator = new Generator(new GeneratorOptions { Port = server.Port, Clients = IdleClients });
        var figures = server.Observe();
        long before = figures.PssBytes();
        generator.Open();
        note(IdleBytes, (double)(figures.PssBytes() - before) / IdleClients);
    }

    private void Idle(RunningServer server, Note note)
    {
        using var generator = new Generator(new GeneratorOptions { Port = server.Port, Clients = FewClients });
        generator.Open();
        Thread.Sleep(TimeSpan.FromSeconds(1));
        var figures = server.Observe();
        double before = figures.CpuUs();
        Thread.Sleep(TimeSpan.FromSeconds(IdleSeconds));
        note(IdleCpuUs, figures.CpuUs() - before);
    }
}
