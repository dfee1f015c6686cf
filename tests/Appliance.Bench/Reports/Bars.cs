using System.Globalization;
using Appliance.Bench.PublishPath;
using Appliance.Bench.Scenarios;
using Appliance.Bench.Servers;

namespace Appliance.Bench.Reports;

/// <summary>What the server promises: a row each, held against the medians of one run.</summary>
/// <param name="table">What was measured.</param>
/// <param name="figures">The figures.</param>
/// <param name="servers">Every server there is, measured or not; the first is ours.</param>
public sealed class Bars(ScenarioTable table, Figures figures, IReadOnlyList<ServerUnderTest> servers)
{
    /// <summary>Of a core; the sampler takes a look once a second.</summary>
    private const double IdleShareMax = 0.001;

    /// <summary>How much more than the worst undisturbed round is still noise.</summary>
    private const double NoiseMax = 1.25;

    private readonly string _ours = servers[0].Name;

    /// <summary>Each of them.</summary>
    public IReadOnlyList<Bar> Rows =>
    [
        Ratio("1 in flight: CPU per delivery at most 0.8 times the bare send loop's", table.Loads.One.CpuUs, "bare-send", ratio => ratio <= 0.8),
        BestPeer("1 in flight: CPU per delivery no higher than any peer's", table.Loads.One.CpuUs, less: true),
        BestPeer("16 in flight: CPU per delivery no higher than any peer's", table.Loads.Sixteen.CpuUs, less: true),
        BestPeer("40 in flight: CPU per delivery no higher than any peer's", table.Loads.Busy.CpuUs, less: true),
        BestPeer("40 in flight: deliveries per second no less than any peer's", table.Loads.Busy.PerSecond, less: false),
        Ratio("40 in flight: deliveries per second at least 20 times Nchan's", table.Loads.Busy.PerSecond, "nchan", ratio => ratio >= 20),
        BestPeer("connects per second no less than any peer's", table.Connections.Connects, less: false),
        BestPeer("bytes (PSS) per idle connection no more than any peer's", table.Connections.IdleBytes, less: true),
        BestPeer("100 messages/s: p99 no higher than any peer's", table.Loads.Slow.P99Ms, less: true),
        BestPeer("500 messages/s: p99 no higher than any peer's", table.Loads.Fast.P99Ms, less: true),
        BestPeer("100 messages/s, two workers: p99 no higher than any peer's", table.Loads.SlowOnTwo.P99Ms, less: true),
        BestPeer("500 messages/s, two workers: p99 no higher than any peer's", table.Loads.FastOnTwo.P99Ms, less: true),
        .. table.Disturbances.Disturbed.Select(Undisturbed),
        SmallRooms("8 workers'", table.Crowds.SmallRoomsCpuUs, table.Crowds.LargeRoomCpuUs),
        SmallRooms("one worker's", table.Crowds.SmallRoomsOfOneCpuUs, table.Crowds.LargeRoomOfOneCpuUs),
        Ratio(
            "a delivery in one worker's small rooms costs no more than the bare io_uring loop's", table.Crowds.SmallRoomsOfOneCpuUs, "bare-uring",
            ratio => ratio <= 1),
        Number("at most 256 bytes (PSS) per idle connection at 10,000", table.Connections.IdleBytes, number => number <= 256),
        Number($"at most 128 bytes: {table.Crowds.IdleBytes.Text}", table.Crowds.IdleBytes, number => number <= 128),
        Number($"below 5 %: {table.Crowds.PingPercent.Text}", table.Crowds.PingPercent, number => number < 5),
        Number("no garbage collection in 10 s of steady load", table.Loads.Collections, number => number == 0),
        Number("ready in under 30 ms", table.Connections.ReadyMs, number => number < 30),
        Number(
            "no CPU when idle (at most 0.1 % of a core: a sample a second)", table.Connections.IdleCpuUs,
            number => ConnectionScenarios.IdleShare(number) <= IdleShareMax),
        .. Workload.All.Where(workload => workload.IsPromised).Select(PublishPath),
    ];

    private Bar Ratio(string text, Measure measure, string peer, Func<double, bool> isMet) =>
        Judge(text, figures.Ratio(measure, _ours, peer), "N2", " times", isMet);

    private Bar Number(string text, Measure measure, Func<double, bool> isMet) =>
        Judge(text, figures.Median(measure, _ours), measure.Format, "", isMet);

    /// <summary>Of the peers the best one counts; limits are none.</summary>
    private Bar BestPeer(string text, Measure measure, bool less)
    {
        (string Name, double? Median)[] peers = [.. servers.Where(server => server.Kind == ServerKind.Peer)
            .Select(server => (server.Name, Median: figures.Median(measure, server.Name)))
            .Where(peer => peer.Median is not null)
            .OrderBy(peer => less ? peer.Median : -peer.Median)];
        return figures.Median(measure, _ours) is { } ours && peers is [(var name, { } best), ..]
            ? new Bar(text, $"{Spread.Number(ours, measure.Format)}; {name} {Spread.Number(best, measure.Format)}", less ? ours <= best : ours >= best)
            : new Bar(text, "", null);
    }

    /// <summary>A median that is not above the worst of the undisturbed rounds, or a little more.</summary>
    private Bar Undisturbed(LoadMeasures disturbed)
    {
        string text = $"{disturbed.P99Ms.Text}: as undisturbed";
        return figures.Median(disturbed.P99Ms, _ours) is { } median && figures.Find(table.Disturbances.None.P99Ms, _ours) is { } calm
            ? new Bar(text, $"{Spread.Number(median, "N2")}; {calm.Text("N2")}", median <= calm.Max * NoiseMax)
            : new Bar(text, "", null);
    }

    private Bar SmallRooms(string whose, Measure small, Measure large) => Judge(
        $"a delivery in {whose} small rooms costs at most 1.5 times one in a large room",
        figures.Median(small, _ours) / figures.Median(large, _ours), "N2", " times", ratio => ratio <= 1.5);

    private Bar PublishPath(Workload workload)
    {
        string text = string.Create(CultureInfo.InvariantCulture, $"at most {PublishPathRun.NanosecondsMax} ns and no allocation: {workload.Name}");
        return figures.Median(PublishPathRun.Native(workload), _ours) is { } native && figures.Find(PublishPathRun.Allocated(workload), _ours) is { } bytes
            ? new Bar(
                text, $"{Spread.Number(native, "N0")} ns, {Spread.Number(bytes.Max, "N0")} bytes", native <= PublishPathRun.NanosecondsMax && bytes.Max == 0)
            : new Bar(text, "", null);
    }

    private static Bar Judge(string text, double? number, string format, string unit, Func<double, bool> isMet) =>
        number is { } known ? new Bar(text, known.ToString(format, CultureInfo.InvariantCulture) + unit, isMet(known)) : new Bar(text, "", null);
}
