using System.Globalization;

namespace Appliance.Bench;

/// <summary>What the server promises: a row each.</summary>
public sealed class Bars(Scenarios scenarios, Figures figures, string ours, string nchan, string node, string bare)
{
    /// <summary>Each bar with what was measured and whether that meets it; null when it was not measured.</summary>
    public IEnumerable<(string Text, string Measured, bool? Met)> Rows()
    {
        yield return Ratio("many in flight: deliveries per second at least 20 times Nchan's", scenarios.Busy.PerSecond, nchan, ratio => ratio >= 20);
        yield return Ratio("1 in flight: CPU per delivery at most 1.1 times the bare send loop's", scenarios.OneInFlight.CpuUs, bare, ratio => ratio <= 1.1);
        yield return Ratio("connects per second not below Nchan's", scenarios.Connects, nchan, ratio => ratio >= 1);
        yield return Ratio("connects per second not below node's", scenarios.Connects, node, ratio => ratio >= 1);
        yield return Number("at most 256 bytes (PSS) per idle connection", scenarios.IdleBytes, number => number <= 256);
        yield return Number("no garbage collection in 10 s of steady load", scenarios.Collections, number => number == 0);
        yield return Number("ready in under 30 ms", scenarios.ReadyMs, number => number < 30);
        yield return Number("no CPU when idle", scenarios.IdleCpuUs, number => number == 0);
    }

    private (string Text, string Measured, bool? Met) Ratio(string text, Measure measure, string peer, Func<double, bool> isMet)
    {
        double? ratio = figures.MedianRatio(measure, ours, peer);
        return (text, ratio is { } known ? string.Create(CultureInfo.InvariantCulture, $"{known:N2} times") : "", ratio is { } value ? isMet(value) : null);
    }

    private (string Text, string Measured, bool? Met) Number(string text, Measure measure, Func<double, bool> isMet)
    {
        double? number = figures.Median(measure, ours);
        return (text, number?.ToString(measure.Format, CultureInfo.InvariantCulture) ?? "", number is { } value ? isMet(value) : null);
    }
}
