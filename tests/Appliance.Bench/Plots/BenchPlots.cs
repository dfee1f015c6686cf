using Appliance.Bench.Reports;
using Appliance.Bench.Scenarios;
using Appliance.Bench.Servers;

namespace Appliance.Bench.Plots;

/// <summary>The plots of a run.</summary>
/// <param name="table">What was measured.</param>
/// <param name="figures">The figures.</param>
/// <param name="servers">The rows.</param>
public sealed class BenchPlots(ScenarioTable table, Figures figures, IReadOnlyList<ServerUnderTest> servers)
{
    private const string Less = "ms, less is better; the number is p99";

    /// <summary>Those that have something to show.</summary>
    public IReadOnlyList<Plot> Files()
    {
        var loads = table.Loads;
        (string Name, PlotPage Page)[] pages =
        [
            ("bench-load.svg", new PlotPage("One room of 1,000 clients, one worker", 3,
            [
                Bars("1 message in flight", "CPU µs per delivery, less is better", loads.One.CpuUs),
                Bars("16 in flight", "CPU µs per delivery, less is better", loads.Sixteen.CpuUs),
                Bars("40 in flight", "CPU µs per delivery, less is better", loads.Busy.CpuUs),
                Bars("1 message in flight", "deliveries per second, more is better", loads.One.PerSecond),
                Bars("16 in flight", "deliveries per second, more is better", loads.Sixteen.PerSecond),
                Bars("40 in flight", "deliveries per second, more is better", loads.Busy.PerSecond),
            ])),
            ("bench-latency.svg", new PlotPage("Latency from p50 over p99 to p99.9, each message to 1,000 clients", 2, Latencies(
                ("100 messages a second", loads.Slow), ("500 messages a second", loads.Fast),
                ("100 a second, two workers", loads.SlowOnTwo), ("500 a second, two workers", loads.FastOnTwo)))),
            ("bench-connections.svg", new PlotPage("Connections", 3,
            [
                Bars("Connects", "per second, more is better", table.Connections.Connects),
                Bars("Memory", "bytes (PSS) per idle connection at 10,000", table.Connections.IdleBytes),
                Bars("Ready", "ms from start to first answer", table.Connections.ReadyMs),
            ])),
        ];
        return [.. pages.Where(page => page.Page.HasFigures).Select(page => new Plot(page.Name, page.Page.Title, page.Page.Draw(servers)))];
    }

    private BarPanel Bars(string title, string hint, Measure measure) => new(title, hint, measure.Format, servers
        .Select(server => (server.Name, Spread: figures.Find(measure, server.Name)))
        .Where(row => row.Spread is not null)
        .ToDictionary(row => row.Name, row => row.Spread!.Value, StringComparer.Ordinal));

    private IReadOnlyList<Panel> Latencies(params (string Title, LoadMeasures Load)[] loads)
    {
        var rows = loads.Select(load => RowsOf(load.Load)).ToArray();
        var scale = LatencyPanel.ScaleOf(rows.SelectMany(panel => panel.Values));
        return [.. loads.Select((load, i) => new LatencyPanel(load.Title, Less, rows[i], scale))];
    }

    private Dictionary<string, LatencyRow> RowsOf(LoadMeasures load) => servers
        .Where(server => figures.Median(load.P99Ms, server.Name) is not null)
        .ToDictionary(server => server.Name, server => new LatencyRow(
            figures.Median(load.P50Ms, server.Name)!.Value,
            figures.Median(load.P99Ms, server.Name)!.Value,
            figures.Median(load.P999Ms, server.Name)!.Value), StringComparer.Ordinal);
}
