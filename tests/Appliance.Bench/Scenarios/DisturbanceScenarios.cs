using Appliance.Bench.Load;
using Appliance.Bench.Servers;

namespace Appliance.Bench.Scenarios;

/// <summary>Whether clients notice what happens beside them: latency at 100 messages a second with one disturbance at a time.</summary>
public sealed class DisturbanceScenarios(BenchOptions options, LoadScenarios loads)
{
    /// <summary>Without one.</summary>
    public LoadMeasures None { get; } = new("100 messages/s, undisturbed");

    /// <summary>With each of them.</summary>
    public IReadOnlyList<LoadMeasures> Disturbed => [_stall, _flood, _scrape, _reload, _crowd, _debug];

    /// <summary>The scenarios; the cases of a round follow each other, so that the machine is as busy for each.</summary>
    public IReadOnlyList<Scenario> Rows =>
    [
        new("disturbed")
        {
            IsQuick = false,
            Cases =
            [
                Case(None, new ServerSetup(), _ => null),
                Case(_stall, new ServerSetup(), server => new Disturbance("stall", server.Port)),
                Case(_flood, new ServerSetup(), server => new Disturbance("flood", server.Port)),
                Case(_scrape, new ServerSetup { IsMonitored = true }, server => new Disturbance("scrape", server.MonitorPort)),
                Case(_reload, new ServerSetup(), server => new Disturbance("reload", server.Pid)),
                Case(
                    _crowd,
                    new ServerSetup { Options = ["--exempt", "127.0.0.0/28"] },
                    server => new Disturbance("crowd", server.Port)),
                Case(_debug, new ServerSetup { Options = ["--log-level", "debug"] }, _ => null),
            ],
        },
    ];

    private readonly LoadMeasures _stall = new("100 messages/s, clients stalled in the same room");
    private readonly LoadMeasures _flood = new("100 messages/s, 10,000/s in another room");
    private readonly LoadMeasures _scrape = new("100 messages/s, 100 scrapes a second");
    private readonly LoadMeasures _reload = new("100 messages/s, 10 reloads a second");
    private readonly LoadMeasures _crowd = new("100 messages/s, one address wants 10,000 connections");
    private readonly LoadMeasures _debug = new("100 messages/s, --log-level debug");

    private ScenarioCase Case(LoadMeasures measures, ServerSetup setup, Func<RunningServer, Disturbance?> disturb) =>
        new(options.IsOurs, (server, note) =>
        {
            using var disturbance = disturb(server);
            measures.NoteLatency(loads.RunSlow(server), note);
        })
        {
            Setup = setup,
        };
}
