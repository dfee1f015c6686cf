using System.Globalization;
using System.Text;

namespace Appliance.Bench.Reports;

/// <summary>A table in Markdown that also reads well on a terminal.</summary>
public static class MarkdownTable
{
    /// <summary>Writes one; the first column is text, the others are numbers.</summary>
    public static void Append(StringBuilder text, string[] header, IReadOnlyList<string[]> rows)
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
}
