using System.Globalization;
using System.Text;
using Appliance.Bench.Load;

namespace Appliance.Bench.Reports;

/// <summary>Writes what was measured as Markdown that also reads well on a terminal.</summary>
public static class Report
{
    /// <summary>The header, the table, the bars and what failed.</summary>
    public static string Write(BenchOptions options, Figures figures, IReadOnlyList<string> servers, IReadOnlyList<Bar> bars, IReadOnlyList<string> failures)
    {
        var text = new StringBuilder();
        _ = text.AppendLine(CultureInfo.InvariantCulture, $"# Benchmark, {DateTimeOffset.UtcNow:yyyy-MM-dd HH:mm} UTC, commit {Machine.Commit()}").AppendLine()
            .AppendLine(CultureInfo.InvariantCulture, $"{Machine.Describe()}. The generator, the server and whatever else runs")
            .AppendLine("here share them: compare the columns with each other, not with figures from elsewhere.").AppendLine()
            .AppendLine(
                CultureInfo.InvariantCulture,
                $"Medians (least–most) of {options.Rounds} rounds (--rounds); in each every server was started afresh, one after the other. A bar's ratio is")
            .AppendLine(
                CultureInfo.InvariantCulture,
                $"that of the medians. Loads were measured for {options.Seconds} s after {options.WarmUpSeconds} s of warm-up; "
                + $"each publisher waits for its own message before it")
            .AppendLine(
                CultureInfo.InvariantCulture,
                $"sends the next, or sends at a pace, whatever comes back. All deliveries are counted, "
                + $"and every message is checked on {FrameReader.SamplesMax} sampled")
            .AppendLine("connections: a run in which one was missing, repeated or out of order is listed below as FAILED, with how many; peers may be late at")
            .AppendLine("a pace that is too much for them. Latency: from sending to reading, there.").AppendLine();
        MarkdownTable.Append(text, ["", .. servers], [.. figures.Measures.Select(measure => Row(figures, measure, servers))]);
        _ = text.AppendLine();
        Bar[] judged = [.. bars.Where(bar => bar.IsMet is not null)];
        MarkdownTable.Append(text, ["bar", "measured", ""], [.. judged.Select(bar => new[] { bar.Text, bar.Measured, bar.IsMet == true ? "met" : "NOT MET" })]);
        if (judged.Length < bars.Count)
        {
            _ = text.AppendLine().AppendLine(CultureInfo.InvariantCulture, $"{bars.Count - judged.Length} bars were not measured.");
        }

        foreach (string failure in failures)
        {
            _ = text.AppendLine().AppendLine(CultureInfo.InvariantCulture, $"FAILED: {failure}");
        }

        return text.ToString();
    }

    private static string[] Row(Figures figures, Measure measure, IEnumerable<string> servers) =>
        [measure.Text, .. servers.Select(server => figures.Find(measure, server)?.Text(measure.Format) ?? "")];
}
