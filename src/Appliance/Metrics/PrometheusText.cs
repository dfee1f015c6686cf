using System.Globalization;
using System.Text;

namespace Appliance.Metrics;

/// <summary>
/// The text format of Prometheus, version 0.0.4. The server as a whole has the plain names; each worker has names of its own with the
/// label <c>worker</c>, so that a sum over a name never counts anything twice.
/// </summary>
public static class PrometheusText
{
    /// <summary>Media type of the text.</summary>
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private const string Prefix = "appliance_";
    private const string WorkerPrefix = "appliance_worker_";

    /// <summary>Writes a sample.</summary>
    public static string Write(Sample sample)
    {
        var text = new StringBuilder(16 << 10);
        foreach (var metric in MetricsTable.Rows)
        {
            AppendHead(text, Prefix + metric.Prometheus, metric.Help, TypeOf(metric));
            Append(text, Prefix, metric, sample.Total, "");
        }

        AppendHead(text, Prefix + MetricsTable.HistogramPrometheus, MetricsTable.HistogramHelp, "histogram");
        AppendHistogram(text, Prefix, sample.Total, "");
        AppendHead(text, $"{Prefix}build_info", "The build that serves; always 1.", "gauge");
        _ = text.Append(CultureInfo.InvariantCulture, $"{Prefix}build_info{{version=\"{sample.Build.Version}\",commit=\"{sample.Build.Commit}\"}} 1\n");

        foreach (var metric in MetricsTable.Rows.Where(metric => metric.IsPerWorker))
        {
            AppendHead(text, WorkerPrefix + metric.Prometheus, metric.Help, TypeOf(metric));
            foreach (var worker in sample.Workers)
            {
                Append(text, WorkerPrefix, metric, worker.Figures, LabelOf(worker));
            }
        }

        AppendHead(text, WorkerPrefix + MetricsTable.HistogramPrometheus, MetricsTable.HistogramHelp, "histogram");
        foreach (var worker in sample.Workers)
        {
            AppendHistogram(text, WorkerPrefix, worker.Figures, LabelOf(worker));
        }

        AppendStates(text, sample);
        return text.ToString();
    }

    private static string TypeOf(Metric metric) => metric.Kind == MetricKind.Counter ? "counter" : "gauge";

    private static string LabelOf(WorkerSample worker) => string.Create(CultureInfo.InvariantCulture, $"worker=\"{worker.Worker}\"");

    private static void AppendHead(StringBuilder text, string name, string help, string type) =>
        text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {help}\n# TYPE {name} {type}\n");

    private static void Append(StringBuilder text, string prefix, Metric metric, Figures figures, string label)
    {
        if (metric.Parts is not { } parts)
        {
            AppendValue(text, prefix + metric.Prometheus, label, metric.Value(figures) * metric.PrometheusFactor);
            return;
        }

        for (int i = 0; i < parts.Words.Count; i++)
        {
            string separator = label.Length > 0 ? "," : "";
            AppendValue(text, prefix + metric.Prometheus, $"{label}{separator}{parts.Label}=\"{parts.Words[i]}\"", parts.Count(figures, i));
        }
    }

    private static void AppendHistogram(StringBuilder text, string prefix, Figures figures, string label)
    {
        string name = prefix + MetricsTable.HistogramPrometheus;
        string separator = label.Length > 0 ? "," : "";
        long sum = 0;
        for (int i = 0; i < figures.Counted.DeliveryCounts.Length; i++)
        {
            sum += figures.Counted.DeliveryCounts[i];
            string bound = i < DeliveryLatency.BoundsUs.Length ? Number.Write(DeliveryLatency.BoundsUs[i] / 1e6) : "+Inf";
            AppendValue(text, $"{name}_bucket", $"{label}{separator}le=\"{bound}\"", sum);
        }

        AppendValue(text, $"{name}_sum", label, figures.Counted.DeliveryNs / 1e9);
        AppendValue(text, $"{name}_count", label, sum);
    }

    private static void AppendStates(StringBuilder text, Sample sample)
    {
        AppendHead(text, $"{WorkerPrefix}state", "How a worker is: 1 for the state that it is in.", "gauge");
        foreach (var worker in sample.Workers)
        {
            for (var state = WorkerState.Dead; state <= WorkerState.Stuck; state++)
            {
                AppendValue(text, $"{WorkerPrefix}state", $"{LabelOf(worker)},state=\"{Sample.Word(state)}\"", worker.State == state ? 1 : 0);
            }
        }
    }

    private static void AppendValue(StringBuilder text, string name, string labels, double value)
    {
        _ = text.Append(name);
        if (labels.Length > 0)
        {
            _ = text.Append('{').Append(labels).Append('}');
        }

        _ = text.Append(' ').Append(Number.Write(value)).Append('\n');
    }
}
