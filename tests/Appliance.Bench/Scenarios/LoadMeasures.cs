using Appliance.Bench.Load;
using Appliance.Bench.Reports;

namespace Appliance.Bench.Scenarios;

/// <summary>What a load run gives.</summary>
/// <param name="load">Which load, for people.</param>
public sealed class LoadMeasures(string load)
{
    /// <summary>Text frames received by all clients in a second.</summary>
    public Measure PerSecond { get; } = new($"{load}: deliveries per second", "N0");

    /// <summary>Time on a processor, divided by the deliveries.</summary>
    public Measure CpuUs { get; } = new($"{load}: server CPU µs per delivery", "N2");

    /// <summary>Median latency.</summary>
    public Measure P50Ms { get; } = new($"{load}: latency p50, ms", "N2");

    /// <summary>Latency that one in a hundred exceeds.</summary>
    public Measure P99Ms { get; } = new($"{load}: latency p99, ms", "N2");

    /// <summary>Latency that one in a thousand exceeds.</summary>
    public Measure P999Ms { get; } = new($"{load}: latency p99.9, ms", "N2");

    /// <summary>Longest latency.</summary>
    public Measure MaxMs { get; } = new($"{load}: latency max, ms", "N2");

    /// <summary>Notes a run with its throughput and usual latency.</summary>
    public void NoteLoad(LoadResult result, Note note)
    {
        note(PerSecond, result.Deliveries / result.Seconds);
        note(CpuUs, result.ServerCpuUs / result.Deliveries);
        note(P50Ms, result.Latency.P50Us / 1000.0);
        note(P99Ms, result.Latency.P99Us / 1000.0);
    }

    /// <summary>Notes a run whose throughput is given, with its latency.</summary>
    public void NoteLatency(LoadResult result, Note note)
    {
        note(CpuUs, result.ServerCpuUs / result.Deliveries);
        note(P50Ms, result.Latency.P50Us / 1000.0);
        note(P99Ms, result.Latency.P99Us / 1000.0);
        note(P999Ms, result.Latency.P999Us / 1000.0);
        note(MaxMs, result.Latency.MaxUs / 1000.0);
    }
}
