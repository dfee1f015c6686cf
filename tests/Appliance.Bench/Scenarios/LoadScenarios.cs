using System.Globalization;
using Appliance.Bench.Load;
using Appliance.Bench.Reports;
using Appliance.Bench.Servers;

namespace Appliance.Bench.Scenarios;

/// <summary>One room: with so many messages in flight as fast as they come back, and at a pace.</summary>
public sealed class LoadScenarios(BenchOptions options)
{
    /// <summary>Publishers that take turns at a pace.</summary>
    private const int PacedPublishers = 50;

    private const int Some = 16;
    private const int SlowPace = 100;
    private const int FastPace = 500;
    private const int SteadySeconds = 10;

    /// <summary>Many messages in flight.</summary>
    public LoadMeasures Busy { get; } = InFlight(options, options.InFlight);

    /// <summary>Sixteen.</summary>
    public LoadMeasures Sixteen { get; } = InFlight(options, Some);

    /// <summary>One.</summary>
    public LoadMeasures One { get; } = InFlight(options, 1);

    /// <summary>100 messages a second.</summary>
    public LoadMeasures Slow { get; } = Paced(options, SlowPace, "");

    /// <summary>500 messages a second.</summary>
    public LoadMeasures Fast { get; } = Paced(options, FastPace, "");

    /// <summary>100 messages a second over two workers.</summary>
    public LoadMeasures SlowOnTwo { get; } = Paced(options, SlowPace, ", two workers");

    /// <summary>500 messages a second over two workers.</summary>
    public LoadMeasures FastOnTwo { get; } = Paced(options, FastPace, ", two workers");

    /// <summary>Garbage collections of ours.</summary>
    public Measure Collections { get; } = new(string.Create(CultureInfo.InvariantCulture, $"garbage collections in {SteadySeconds} s of steady load"), "N0");

    /// <summary>The scenarios.</summary>
    public IReadOnlyList<Scenario> Rows =>
    [
        new("busy") { Alias = "40", Cases = [Waiting(Busy, options.InFlight)] },
        new("sixteen") { Alias = "16", IsQuick = false, Cases = [Waiting(Sixteen, Some)] },
        new("single") { Alias = "1", Cases = [Waiting(One, 1)] },
        new("paced-100") { Cases = [AtPace(Slow, SlowPace, 1), AtPace(SlowOnTwo, SlowPace, 2)] },
        new("paced-500") { IsQuick = false, Cases = [AtPace(Fast, FastPace, 1), AtPace(FastOnTwo, FastPace, 2)] },
        new("garbage") { IsQuick = false, Cases = [new(options.IsOurs, Garbage)] },
    ];

    /// <summary>Loads a server with clients in one room.</summary>
    /// <exception cref="LoadException">A message was missing, repeated or out of order.</exception>
    public LoadResult Run(RunningServer server, Traffic traffic, int warmUpSeconds, int seconds)
    {
        using var generator = new Generator(new GeneratorOptions { Port = server.Port, Clients = options.Clients });
        generator.Open();
        var result = generator.Load(traffic, TimeSpan.FromSeconds(warmUpSeconds), TimeSpan.FromSeconds(seconds), server.Observe().CpuUs);
        bool mayBeLate = traffic.PerSecond > 0 && server.Kind != ServerKind.Ours;
        if (result.Faults.Length > 0 || (result.Outstanding != 0 && !mayBeLate) || result.Outstanding < 0)
        {
            throw new LoadException(
                string.Create(CultureInfo.InvariantCulture, $"messages: {result.Outstanding} of all clients not delivered; {result.Faults}"));
        }

        return result;
    }

    /// <summary>Loads a server at a pace of 100 a second.</summary>
    public LoadResult RunSlow(RunningServer server) => Run(server, Traffic.Paced(SlowPace, PacedPublishers), options.WarmUpSeconds, options.Seconds);

    private static LoadMeasures InFlight(BenchOptions options, int inFlight) =>
        new(string.Create(CultureInfo.InvariantCulture, $"{options.Clients:N0} clients, {inFlight} in flight"));

    private static LoadMeasures Paced(BenchOptions options, int perSecond, string how) =>
        new(string.Create(CultureInfo.InvariantCulture, $"{options.Clients:N0} clients, {perSecond} messages/s{how}"));

    private ScenarioCase Waiting(LoadMeasures measures, int inFlight) =>
        new(server => server.ClientsMax >= options.Clients, (server, note) =>
            measures.NoteLoad(Run(server, Traffic.Waiting(inFlight), options.WarmUpSeconds, options.Seconds), note));

    /// <summary>Limits know no pace, and over several workers only those that have some are measured.</summary>
    private ScenarioCase AtPace(LoadMeasures measures, int perSecond, int workers) =>
        new(
            server => (server.Kind == ServerKind.Peer || options.IsOurs(server)) && server.ClientsMax >= options.Clients && (workers == 1 || server.HasWorkers),
            (server, note) => measures.NoteLatency(
                Run(server, Traffic.Paced(perSecond, PacedPublishers), options.WarmUpSeconds, options.Seconds), note))
        {
            Setup = new ServerSetup { Workers = workers },
        };

    /// <summary>The server's last line counts its collections since it was ready, connecting included.</summary>
    private void Garbage(RunningServer server, Note note)
    {
        _ = Run(server, Traffic.Waiting(options.InFlight), 0, SteadySeconds);
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
