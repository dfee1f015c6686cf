using Appliance.Bench.Servers;

namespace Appliance.Bench.Plots;

/// <summary>Panels side by side, with the servers' names at the left.</summary>
/// <param name="Title">What all panels show.</param>
/// <param name="Columns">Panels in a line.</param>
/// <param name="Panels">The panels; those without figures are left out.</param>
public sealed record PlotPage(string Title, int Columns, IReadOnlyList<Panel> Panels)
{
    private const int Width = 900;
    private const int Margin = 20;
    private const int NamesWidth = 116;
    private const int Gap = 18;
    private const int HeadHeight = 46;
    private const int PanelHeadHeight = 44;
    private const int FootHeight = 26;

    /// <summary>Whether there is anything to show.</summary>
    public bool HasFigures => Panels.Any(panel => panel.HasFigures);

    /// <summary>The whole file.</summary>
    /// <param name="all">The rows; those without figures are left out.</param>
    public string Draw(IReadOnlyList<ServerUnderTest> all)
    {
        ServerUnderTest[] servers = [.. all.Where(server => Panels.Any(panel => panel.Servers.Contains(server.Name, StringComparer.Ordinal)))];
        Panel[] shown = [.. Panels.Where(panel => panel.HasFigures)];
        var svg = new Svg(Width);
        svg.Text(Margin, 30, Title, "title");
        int lineHeight = PanelHeadHeight + (servers.Length * Panel.RowHeight) + FootHeight;
        double panelWidth = (Width - (2 * Margin) - NamesWidth - ((Columns - 1) * Gap)) / (double)Columns;
        for (int i = 0; i < shown.Length; i++)
        {
            double x = Margin + NamesWidth + (i % Columns * (panelWidth + Gap));
            double y = HeadHeight + (i / Columns * lineHeight);
            svg.Text(x, y + 16, shown[i].Title, "panel");
            svg.Text(x, y + 32, shown[i].Hint, "quiet");
            shown[i].Draw(svg, x, y + PanelHeadHeight, panelWidth, servers);
            if (i % Columns == 0)
            {
                Names(svg, y + PanelHeadHeight, servers);
            }
        }

        int lines = (shown.Length + Columns - 1) / Columns;
        return svg.File(HeadHeight + (lines * lineHeight), Title);
    }

    private static void Names(Svg svg, double y, ServerUnderTest[] servers)
    {
        for (int i = 0; i < servers.Length; i++)
        {
            string style = servers[i].Kind == ServerKind.Ours ? "own" : "";
            svg.Text(Margin + NamesWidth - 10, y + (i * Panel.RowHeight) + (Panel.RowHeight / 2.0) + 4, servers[i].Name, style, "end");
        }
    }
}
