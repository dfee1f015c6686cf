using System.Globalization;

namespace Appliance.Bench.Reports;

/// <summary>What several rounds gave.</summary>
/// <param name="Median">Half of them gave no more.</param>
/// <param name="Min">The least.</param>
/// <param name="Max">The most.</param>
public readonly record struct Spread(double Median, double Min, double Max)
{
    /// <summary>Of at least one number.</summary>
    public static Spread Of(IReadOnlyCollection<double> numbers)
    {
        double[] sorted = [.. numbers.Order()];
        int middle = sorted.Length / 2;
        double median = sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        return new Spread(median, sorted[0], sorted[^1]);
    }

    /// <summary>The median, and between what the others lie.</summary>
    public string Text(string format) => Min == Max ? Number(Median, format) : $"{Number(Median, format)} ({Number(Min, format)}–{Number(Max, format)})";

    /// <summary>A number as everybody reads it.</summary>
    public static string Number(double number, string format) => number.ToString(format, CultureInfo.InvariantCulture);
}
