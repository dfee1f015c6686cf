using Appliance.Bench.Reports;
using Appliance.Bench.Servers;

namespace Appliance.Bench.Plots;

/// <summary>Bars from zero: medians, and a thin line from the least to the most.</summary>
/// <param name="Title">What is shown.</param>
/// <param name="Hint">Unit, and what is good.</param>
/// <param name="Format">How numbers are written.</param>
/// <param name="Spreads">What was measured, by server.</param>
public sealed record BarPanel(string Title, string Hint, string Format, IReadOnlyDictionary<string, Spread> Spreads) : Panel(Title, Hint)
{
    private const int BarHeight = 14;

    /// <inheritdoc/>
    public override IReadOnlyCollection<string> Servers => [.. Spreads.Keys];

    /// <inheritdoc/>
    public override void Draw(Svg svg, double x, double y, double width, IReadOnlyList<ServerUnderTest> servers)
    {
        double most = Spreads.Values.Max(spread => spread.Max);
        double scale = most > 0 ? (width - NumberWidth) / most : 0;
        svg.Line(x, y - 2, x, y + (servers.Count * RowHeight), "grid");
        foreach (var server in servers)
        {
            double middle = y + (RowHeight / 2.0);
            if (Spreads.TryGetValue(server.Name, out var spread))
            {
                svg.Box(x, middle - (BarHeight / 2.0), spread.Median * scale, BarHeight, StyleOf(server));
                svg.Line(x + (spread.Min * scale), middle, x + (spread.Max * scale), middle, "spread");
                svg.Text(x + (spread.Max * scale) + 6, middle + 4, Spread.Number(spread.Median, Format), WordsOf(server));
            }
            else
            {
                svg.Text(x + 6, middle + 4, "–", "quiet");
            }

            y += RowHeight;
        }
    }
}
