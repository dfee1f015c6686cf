using System.Globalization;
using System.Text;

namespace Appliance.Metrics;

/// <summary>The figures of the last ten minutes that are plotted: some numbers a second, and the memory of each worker.</summary>
public sealed class SampleHistory
{
    /// <summary>Samples that are kept: ten minutes of one a second.</summary>
    public const int SamplesMax = 600;

    private static readonly string[] Names = ["rps", "deliveries_per_second", "delivery_p50_ms", "delivery_p99_ms", "idle_percent", "connections"];

    private static readonly Metric[] Metrics = [.. Names.Select(name => MetricsTable.Find(name)!)];

    private const int SecondMs = 1000;

    private readonly Queue<Point> _points = new(SamplesMax);
    private long _newestMs;

    /// <summary>Adds a sample; the oldest goes when there are too many.</summary>
    public void Add(Sample sample) => Add(PointOf(sample));

    /// <summary>Adds the sample of a long time in which nothing happened, once for each second since the last one.</summary>
    public void AddRest(Sample sample)
    {
        var point = PointOf(sample);
        long firstMs = point.UnixMs - (SamplesMax * SecondMs);
        for (long atMs = Math.Max(firstMs, _points.LastOrDefault(point).UnixMs) + SecondMs; atMs < point.UnixMs; atMs += SecondMs)
        {
            Add(point with { UnixMs = atMs });
        }

        Add(point);
    }

    /// <summary>
    /// Everything later than a time, in milliseconds since 1970, as an object of lists: <c>time</c>, one a metric, and
    /// <c>memory_bytes</c> with an object of workers for each time. A time that has not come yet is of before the clock was put back: all there is.
    /// </summary>
    public string Write(long afterMs)
    {
        afterMs = _points.Count > 0 && afterMs > _newestMs ? long.MinValue : afterMs;
        var points = _points.Where(point => point.UnixMs > afterMs).ToArray();
        var text = new StringBuilder(points.Length * 80).Append("{\"time\":[").AppendJoin(',', points.Select(point => Number.Write(point.UnixMs))).Append(']');
        for (int i = 0; i < Metrics.Length; i++)
        {
            int column = i;
            _ = text.Append(CultureInfo.InvariantCulture, $",\"{Names[i]}\":[")
                .AppendJoin(',', points.Select(point => Number.Write(Math.Round(point.Values[column], 3)))).Append(']');
        }

        return text.Append(",\"memory_bytes\":[").AppendJoin(',', points.Select(point => $"{{{point.Memory}}}")).Append("]}\n").ToString();
    }

    private static Point PointOf(Sample sample) => new(
        sample.Server.UnixMs,
        Array.ConvertAll(Metrics, metric => (float)metric.Value(sample.Total)),
        string.Join(',', sample.Workers.Select(worker => string.Create(CultureInfo.InvariantCulture, $"\"{worker.Worker}\":{worker.Figures.MemoryBytes}"))));

    private void Add(Point point)
    {
        if (_points.Count > 0 && point.UnixMs < _newestMs)
        {
            PutBack(_newestMs - point.UnixMs + SecondMs);
        }

        _newestMs = point.UnixMs;
        if (_points.Count == SamplesMax)
        {
            _ = _points.Dequeue();
        }

        _points.Enqueue(point);
    }

    /// <summary>The clock was put back: what is kept is of the times that it would have shown, so that they go on growing.</summary>
    private void PutBack(long stepMs)
    {
        for (int i = _points.Count; i > 0; i--)
        {
            var point = _points.Dequeue();
            _points.Enqueue(point with { UnixMs = point.UnixMs - stepMs });
        }
    }

    private sealed record Point(long UnixMs, float[] Values, string Memory);
}
