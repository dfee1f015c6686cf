using System.Globalization;
using System.Text;
using Appliance.Bench.Plots;
using Appliance.Bench.Scenarios;
using Appliance.Bench.Servers;

namespace Appliance.Bench.Reports;

/// <summary>Puts a run's short table and plots into README and <c>docs/</c>.</summary>
public static class Publication
{
    private const string Begin = "<!-- bench: written by ./build.sh bench -- --publish -->";
    private const string End = "<!-- bench: end -->";

    /// <summary>README's section: the plots, medians of what matters most, where and when they were measured.</summary>
    public static string Section(ScenarioTable table, Figures figures, IReadOnlyList<ServerUnderTest> servers, IReadOnlyList<Plot> plots)
    {
        Measure[] measures =
        [
            table.Loads.One.CpuUs, table.Loads.Sixteen.CpuUs, table.Loads.Busy.CpuUs, table.Loads.Busy.PerSecond,
            table.Loads.Slow.P99Ms, table.Loads.Fast.P99Ms, table.Connections.Connects, table.Connections.IdleBytes,
            table.Crowds.IdleBytes, table.Crowds.PingPercent, table.Connections.ReadyMs, table.Loads.Collections,
        ];
        string[] names = [.. servers.Select(server => server.Name)];
        var text = new StringBuilder();
        foreach (var (name, title, _) in plots)
        {
            _ = text.AppendLine(CultureInfo.InvariantCulture, $"![{title}](docs/{name})").AppendLine();
        }

        MarkdownTable.Append(text, ["medians", .. names],
            [.. measures.Select(measure => new[] { measure.Text }
                .Concat(names.Select(name => figures.Median(measure, name) is { } median ? Spread.Number(median, measure.Format) : ""))
                .ToArray())]);
        _ = text.AppendLine()
            .AppendLine(CultureInfo.InvariantCulture, $"{Machine.Describe()}, {DateTimeOffset.UtcNow:yyyy-MM-dd}, commit {Machine.Commit()}.");
        return text.ToString();
    }

    /// <summary>Replaces what stands between the two marks in README, and the plots.</summary>
    public static void Write(string root, string section, IReadOnlyList<Plot> plots)
    {
        string readme = Path.Combine(root, "README.md");
        string text = File.ReadAllText(readme);
        int begin = text.IndexOf(Begin, StringComparison.Ordinal);
        int end = text.IndexOf(End, StringComparison.Ordinal);
        if (begin < 0 || end < begin)
        {
            throw new InvalidDataException($"README.md lacks '{Begin}' … '{End}'.");
        }

        File.WriteAllText(readme, $"{text[..(begin + Begin.Length)]}\n\n{section}\n{text[end..]}");
        foreach (var (name, _, svg) in plots)
        {
            File.WriteAllText(Path.Combine(root, "docs", name), svg);
        }
    }
}
