using System.Globalization;
using System.Text;

namespace Appliance.Metrics;

/// <summary>What a plugin reports; the numbers are its exit statuses.</summary>
public enum NagiosState
{
    /// <summary>All is well.</summary>
    Ok = 0,

    /// <summary>A warning threshold is crossed, or something is not as usual.</summary>
    Warning = 1,

    /// <summary>A critical threshold is crossed, or something does not work.</summary>
    Critical = 2,

    /// <summary>It cannot be told.</summary>
    Unknown = 3,
}

/// <summary>One line of a plugin (Monitoring Plugins Development Guidelines): the state first, words, then performance data.</summary>
public static class NagiosLine
{
    /// <summary>The state and the line, without a line break at its end.</summary>
    public static (NagiosState State, string Line) Write(Sample sample, IReadOnlyList<Threshold> warning, IReadOnlyList<Threshold> critical)
    {
        List<string> critically = [.. sample.Troubles, .. Crossed(sample, critical)];
        if (sample.Server.Stopping != 0)
        {
            critically.Add("the server is stopping");
        }

        List<string> warnings = [.. Crossed(sample, warning)];
        warnings.AddRange(sample.Workers.Where(worker => worker.State == WorkerState.Starting).Select(worker => $"worker {worker.Worker} is starting"));
        var state = critically.Count > 0 ? NagiosState.Critical : warnings.Count > 0 ? NagiosState.Warning : NagiosState.Ok;
        var text = new StringBuilder(1024).Append(Word(state)).Append(" - ");
        foreach (string trouble in critically.Concat(warnings))
        {
            _ = text.Append(trouble).Append(", ");
        }

        var total = sample.Total;
        _ = text.Append(
            CultureInfo.InvariantCulture,
            $"{total.Serving} workers, {total.Connections} connections, {Number.Write(Math.Round(total.RequestsPerSecond, 1))} requests a second, ")
            .Append(CultureInfo.InvariantCulture, $"{Number.Write(Math.Round(total.IdlePercent, 1))} % idle |");
        foreach (var metric in MetricsTable.Rows)
        {
            _ = text.Append(' ').Append(metric.Name).Append('=').Append(Number.Write(metric.Value(total))).Append(metric.NagiosUnit);
            AppendLimits(text, metric, warning, critical);
        }

        return (state, text.ToString());
    }

    /// <summary>The word for a state.</summary>
    public static string Word(NagiosState state) => state switch
    {
        NagiosState.Ok => "OK",
        NagiosState.Warning => "WARNING",
        NagiosState.Critical => "CRITICAL",
        NagiosState.Unknown => "UNKNOWN",
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>The state that a line begins with.</summary>
    public static NagiosState StateOf(string line) => line.Split(' ')[0] switch
    {
        "OK" => NagiosState.Ok,
        "WARNING" => NagiosState.Warning,
        "CRITICAL" => NagiosState.Critical,
        _ => NagiosState.Unknown,
    };

    private static IEnumerable<string> Crossed(Sample sample, IEnumerable<Threshold> thresholds) => thresholds
        .Where(threshold => threshold.IsCrossedBy(threshold.Metric.Value(sample.Total)))
        .Select(threshold => $"{threshold.Metric.Name} is {Number.Write(threshold.Metric.Value(sample.Total))} ({threshold.Text})");

    /// <summary>Behind the value: <c>;warn;crit</c>, and for a share of a hundred its least and its largest value.</summary>
    private static void AppendLimits(StringBuilder text, Metric metric, IReadOnlyList<Threshold> warning, IReadOnlyList<Threshold> critical)
    {
        string limits = $";{RangeOf(warning, metric)};{RangeOf(critical, metric)};{(metric.Unit == MetricUnit.Percent ? "0;100" : "0")}";
        _ = text.Append(limits is ";;;0" ? "" : limits);
    }

    private static string RangeOf(IEnumerable<Threshold> thresholds, Metric metric) =>
        thresholds.FirstOrDefault(threshold => threshold.Metric == metric)?.Text ?? "";
}
