using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Appliance.Bench.Load;

namespace Appliance.Bench;

/// <summary>Writes what was measured as Markdown that also reads well on a terminal.</summary>
public static class Report
{
    /// <summary>The header, the table, the bars and what failed.</summary>
    public static string Write(BenchOptions options, Figures figures, IReadOnlyList<string> servers, Bars bars, IReadOnlyList<string> failures)
    {
        var text = new StringBuilder();
        _ = text.AppendLine(CultureInfo.InvariantCulture, $"# Benchmark, {DateTimeOffset.UtcNow:yyyy-MM-dd HH:mm} UTC").AppendLine()
            .AppendLine(CultureInfo.InvariantCulture, $"{Environment.ProcessorCount} processors ({ProcessorName()}), Linux {Environment.OSVersion.Version}, {RuntimeInformation.OSArchitecture}. The generator, the server and whatever else runs")
            .AppendLine("here share them: compare the columns with each other, not with figures from elsewhere.").AppendLine()
            .AppendLine(CultureInfo.InvariantCulture, $"Medians of {options.Rounds} rounds (--rounds); in each every server was started afresh, one after the other; a bar's ratio is that of")
            .AppendLine(CultureInfo.InvariantCulture, $"the same round. Loads were measured for {options.Seconds} s after {options.WarmUpSeconds} s of warm-up; each publisher waits for its own message")
            .AppendLine(CultureInfo.InvariantCulture, $"before it sends the next. All deliveries are counted, and every message is checked on {FrameReader.SamplesMax} sampled connections: a run in")
            .AppendLine("which one was missing, repeated or out of order is listed below as FAILED, with how many. Latency: from sending to reading, there.").AppendLine();
        AppendTable(text, ["", .. servers], [.. figures.Measures.Select(measure => Row(figures, measure, servers))]);
        _ = text.AppendLine();
        AppendTable(text, ["bar", "measured", ""],
            [.. bars.Rows().Select(bar => new[] { bar.Text, bar.Measured, bar.Met switch { true => "met", false => "NOT MET", null => "not measured" } })]);
        foreach (string failure in failures)
        {
            _ = text.AppendLine().AppendLine(CultureInfo.InvariantCulture, $"FAILED: {failure}");
        }

        return text.ToString();
    }

    private static string[] Row(Figures figures, Measure measure, IEnumerable<string> servers) =>
    [
        measure.Text,
        .. servers.Select(server => figures.Median(measure, server)?.ToString(measure.Format, CultureInfo.InvariantCulture) ?? ""),
    ];

    private static void AppendTable(StringBuilder text, string[] header, IReadOnlyList<string[]> rows)
    {
        int[] widths = [.. header.Select((title, column) => Math.Max(3, rows.Append(header).Max(row => row[column].Length)))];
        AppendRow(text, header, widths);
        AppendRow(text, [.. widths.Select((width, column) => column == 0 ? new string('-', width) : new string('-', width - 1) + ':')], widths);
        foreach (string[] row in rows)
        {
            AppendRow(text, row, widths);
        }
    }

    private static void AppendRow(StringBuilder text, string[] cells, int[] widths)
    {
        var padded = cells.Select((cell, column) => column == 0 ? cell.PadRight(widths[column]) : cell.PadLeft(widths[column]));
        _ = text.AppendLine(CultureInfo.InvariantCulture, $"| {string.Join(" | ", padded)} |");
    }

    private static string ProcessorName() =>
        File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim()
        ?? "unknown";
}
