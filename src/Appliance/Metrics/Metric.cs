namespace Appliance.Metrics;

/// <summary>How a metric moves.</summary>
public enum MetricKind
{
    /// <summary>Only grows, until the server starts anew.</summary>
    Counter,

    /// <summary>May go either way.</summary>
    Gauge,
}

/// <summary>What a metric is measured in, under its plain name. Prometheus gets seconds and ratios instead of milliseconds and per cent.</summary>
public enum MetricUnit
{
    /// <summary>A number of things.</summary>
    None,

    /// <summary>Bytes.</summary>
    Bytes,

    /// <summary>Seconds.</summary>
    Seconds,

    /// <summary>Milliseconds.</summary>
    Milliseconds,

    /// <summary>0 to 100.</summary>
    Percent,
}

/// <summary>What a metric is the sum of.</summary>
/// <param name="Label">Name of the label: <c>reason</c>.</param>
/// <param name="Words">A word for each part.</param>
/// <param name="Count">How many there are of a part.</param>
public sealed record MetricParts(string Label, IReadOnlyList<string> Words, Func<Figures, int, long> Count);

/// <summary>One metric: a row of the table that every format comes from.</summary>
/// <param name="Name">Plain name: in JSON, as Nagios label and, behind <c>appliance.</c>, as Zabbix key.</param>
/// <param name="Prometheus">Its name for Prometheus, behind <c>appliance_</c> for all and <c>appliance_worker_</c> for one worker.</param>
/// <param name="Kind">How it moves.</param>
/// <param name="Unit">What it is measured in.</param>
/// <param name="Help">What it is, in one line.</param>
/// <param name="Value">Takes it from a worker's figures, or from those of all.</param>
public sealed record Metric(string Name, string Prometheus, MetricKind Kind, MetricUnit Unit, string Help, Func<Figures, double> Value)
{
    /// <summary>Whether each worker has it, and not only the server as a whole.</summary>
    public bool IsPerWorker { get; init; } = true;

    /// <summary>What it is the sum of, if that is told.</summary>
    public MetricParts? Parts { get; init; }

    /// <summary>By what the value is multiplied for Prometheus.</summary>
    public double PrometheusFactor => Unit switch
    {
        MetricUnit.Milliseconds => 0.001,
        MetricUnit.Percent => 0.01,
        MetricUnit.None or MetricUnit.Bytes or MetricUnit.Seconds => 1,
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>The unit behind the value in performance data (Monitoring Plugins Development Guidelines).</summary>
    public string NagiosUnit => (Kind, Unit) switch
    {
        (MetricKind.Counter, _) => "c",
        (_, MetricUnit.Bytes) => "B",
        (_, MetricUnit.Seconds) => "s",
        (_, MetricUnit.Milliseconds) => "ms",
        (_, MetricUnit.Percent) => "%",
        _ => "",
    };
}
