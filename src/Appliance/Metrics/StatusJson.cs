using System.Globalization;
using System.Text;

namespace Appliance.Metrics;

/// <summary>JSON: all figures at the top level, and a list <c>per_worker</c> with the same names each.</summary>
public static class StatusJson
{
    /// <summary>Media type of the text.</summary>
    public const string ContentType = "application/json; charset=utf-8";

    /// <summary>Writes a sample as one object, indented by a level so that people can read it.</summary>
    public static string Write(Sample sample)
    {
        var text = new StringBuilder(8 << 10)
            .Append(CultureInfo.InvariantCulture, $"{{\n  \"version\": \"{sample.Build.Version}\",\n  \"commit\": \"{sample.Build.Commit}\",\n");
        _ = text.Append(CultureInfo.InvariantCulture, $"  \"pid\": {sample.Server.Pid},\n  \"time\": {sample.Server.UnixMs},\n");
        _ = text.Append(CultureInfo.InvariantCulture, $"  \"interval_seconds\": {Number.Write(sample.IntervalNs / 1e9)},\n");
        _ = text.Append(CultureInfo.InvariantCulture, $"  \"healthy\": {Bool(sample.IsHealthy)},\n  \"ready\": {Bool(sample.IsReady)},\n");
        _ = text.Append("  \"troubles\": [").AppendJoin(", ", sample.Troubles.Select(trouble => $"\"{trouble}\"")).Append(']');
        Append(text, "  ", sample.Total, isWorker: false);
        _ = text.Append(",\n  \"per_worker\": [");
        string separator = "\n";
        foreach (var worker in sample.Workers)
        {
            _ = text.Append(separator).Append(CultureInfo.InvariantCulture, $"    {{\n      \"worker\": {worker.Worker},\n      \"pid\": {worker.Pid},\n");
            _ = text.Append(CultureInfo.InvariantCulture, $"      \"state\": \"{Sample.Word(worker.State)}\"");
            Append(text, "      ", worker.Figures, isWorker: true);
            _ = text.Append("\n    }");
            separator = ",\n";
        }

        return text.Append("\n  ]\n}\n").ToString();
    }

    private static string Bool(bool value) => value ? "true" : "false";

    private static void Append(StringBuilder text, string indent, Figures figures, bool isWorker)
    {
        foreach (var metric in MetricsTable.Rows.Where(metric => metric.IsPerWorker || !isWorker))
        {
            _ = text.Append(CultureInfo.InvariantCulture, $",\n{indent}\"{metric.Name}\": {Number.Write(metric.Value(figures))}");
            if (metric.Parts is { } parts)
            {
                var counts = parts.Words.Select((word, i) => string.Create(CultureInfo.InvariantCulture, $"\"{word}\": {parts.Count(figures, i)}"));
                _ = text.Append(CultureInfo.InvariantCulture, $",\n{indent}\"{metric.Name}_by_{parts.Label}\": {{").AppendJoin(", ", counts).Append('}');
            }
        }

        _ = text.Append(CultureInfo.InvariantCulture, $",\n{indent}\"delivery_histogram\": {{\"le_ms\": [")
            .AppendJoin(", ", Array.ConvertAll(DeliveryLatency.BoundsUs.ToArray(), us => Number.Write(us / 1000.0)))
            .Append("], \"count\": [").AppendJoin(", ", figures.Counted.DeliveryCounts.ToArray())
            .Append(CultureInfo.InvariantCulture, $"], \"sum_seconds\": {Number.Write(figures.Counted.DeliveryNs / 1e9)}}}");
    }
}
