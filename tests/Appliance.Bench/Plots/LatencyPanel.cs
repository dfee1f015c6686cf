using System.Globalization;
using Appliance.Bench.Servers;

namespace Appliance.Bench.Plots;

/// <summary>Medians of the percentiles of one server, in milliseconds.</summary>
/// <param name="P50">Half of the messages.</param>
/// <param name="P99">99 of 100.</param>
/// <param name="P999">999 of 1,000.</param>
public readonly record struct LatencyRow(double P50, double P99, double P999);

/// <summary>Latencies on a scale on which each line is ten times the one before: from p50 over p99 (the large dot) to p99.9.</summary>
/// <param name="Title">What is shown.</param>
/// <param name="Hint">Unit, and what is good.</param>
/// <param name="Rows">What was measured, by server.</param>
/// <param name="Scale">Logarithms of both ends of the scale.</param>
public sealed record LatencyPanel(string Title, string Hint, IReadOnlyDictionary<string, LatencyRow> Rows, (double First, double Last) Scale)
    : Panel(Title, Hint)
{
    /// <summary>No clock of the generator is finer.</summary>
    private const double LeastMs = 0.01;

    /// <summary>The scale on which all of some panels have place.</summary>
    public static (double First, double Last) ScaleOf(IEnumerable<LatencyRow> rows)
    {
        LatencyRow[] all = [.. rows];
        double first = all.Length == 0 ? 0 : Math.Floor(Math.Log10(Math.Max(LeastMs, all.Min(row => row.P50))));
        double last = all.Length == 0 ? 0 : Math.Ceiling(Math.Log10(Math.Max(LeastMs, all.Max(row => row.P999))));
        return (first, Math.Max(first + 1, last));
    }

    /// <inheritdoc/>
    public override IReadOnlyCollection<string> Servers => [.. Rows.Keys];

    /// <inheritdoc/>
    public override void Draw(Svg svg, double x, double y, double width, IReadOnlyList<ServerUnderTest> servers)
    {
        var (first, last) = Scale;
        double Place(double ms) => x + ((Math.Log10(Math.Max(LeastMs, ms)) - first) / (last - first) * (width - NumberWidth));
        double bottom = y + (servers.Count * RowHeight);
        for (double power = first; power <= last; power++)
        {
            double line = x + ((power - first) / (last - first) * (width - NumberWidth));
            svg.Line(line, y - 2, line, bottom, "grid");
            svg.Text(line, bottom + 12, Math.Pow(10, power).ToString("#,0.##", CultureInfo.InvariantCulture), "quiet", "middle");
        }

        foreach (var server in servers)
        {
            double middle = y + (RowHeight / 2.0);
            if (Rows.TryGetValue(server.Name, out var row))
            {
                string style = StyleOf(server);
                svg.Line(Place(row.P50), middle, Place(row.P999), middle, style, 2);
                svg.Dot(Place(row.P50), middle, 2.5, style);
                svg.Dot(Place(row.P99), middle, 5, style);
                svg.Dot(Place(row.P999), middle, 2.5, style);
                svg.Text(x + width - NumberWidth + 10, middle + 4, row.P99.ToString("N2", CultureInfo.InvariantCulture), WordsOf(server));
            }
            else
            {
                svg.Text(x + 6, middle + 4, "–", "quiet");
            }

            y += RowHeight;
        }
    }
}
