using System.Globalization;

namespace Appliance.Metrics;

/// <summary>
/// A range in which a figure is as it should be, in the syntax of the Monitoring Plugins Development Guidelines: <c>10</c> (0 to 10),
/// <c>10:</c>, <c>~:10</c>, <c>10:20</c>, and <c>@10:20</c> for outside of it.
/// </summary>
/// <param name="Metric">The figure.</param>
/// <param name="Text">The range as it was given.</param>
/// <param name="Start">Its least value.</param>
/// <param name="End">Its largest value.</param>
/// <param name="IsInside">Whether the alert is for values inside of it.</param>
public sealed record Threshold(Metric Metric, string Text, double Start, double End, bool IsInside)
{
    /// <summary>Whether a value calls for an alert.</summary>
    public bool IsCrossedBy(double value) => (value < Start || value > End) != IsInside;

    /// <summary>Reads a list of thresholds, <c>FIGURE=RANGE,FIGURE=RANGE</c>; returns what is wrong with it, or null.</summary>
    public static string? TryParse(string text, ICollection<Threshold> thresholds)
    {
        foreach (string part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
            {
                return $"'{part}' must be FIGURE=RANGE, as idle_percent=20:";
            }

            if (MetricsTable.Find(part[..equals]) is not { } metric)
            {
                return $"'{part[..equals]}' is no figure; 'appliance status --json' shows all";
            }

            if (ParseRange(metric, part[(equals + 1)..]) is not { } threshold)
            {
                return $"'{part[(equals + 1)..]}' is no range: 10, 10:, ~:10, 10:20 or @10:20";
            }

            thresholds.Add(threshold);
        }

        return null;
    }

    private static Threshold? ParseRange(Metric metric, string text)
    {
        bool inside = text.StartsWith('@');
        string range = inside ? text[1..] : text;
        int colon = range.IndexOf(':', StringComparison.Ordinal);
        string first = colon < 0 ? "0" : range[..colon];
        string last = colon < 0 ? range : range[(colon + 1)..];
        double start = double.NegativeInfinity;
        double end = double.PositiveInfinity;
        bool valid = (first == "~" || TryParseNumber(first.Length == 0 ? "0" : first, out start))
            && ((last.Length == 0 && colon >= 0) || TryParseNumber(last, out end)) && start <= end;
        return valid ? new Threshold(metric, text, start, end, inside) : null;
    }

    private static bool TryParseNumber(string text, out double number) =>
        double.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out number);
}
