namespace Appliance.Bench;

/// <summary>One row of the table.</summary>
/// <param name="Text">What is measured, with its unit.</param>
/// <param name="Format">How its numbers are written.</param>
public sealed record Measure(string Text, string Format);

/// <summary>All that has been measured: a list of numbers for each measure and server, one a round.</summary>
public sealed class Figures
{
    private readonly Dictionary<(Measure Measure, string Server), List<double>> _numbers = [];

    /// <summary>The measures that have a number, in the order they first got one.</summary>
    public IReadOnlyList<Measure> Measures => [.. _numbers.Keys.Select(key => key.Measure).Distinct()];

    /// <summary>Adds a round's number.</summary>
    public void Add(Measure measure, string server, double number)
    {
        if (!_numbers.TryGetValue((measure, server), out var numbers))
        {
            numbers = _numbers[(measure, server)] = [];
        }

        numbers.Add(number);
    }

    /// <summary>Median of all rounds; null when nothing was measured.</summary>
    public double? Median(Measure measure, string server) => Median(Rounds(measure, server));

    /// <summary>
    /// Median of the ratios of one server's numbers to another's, round by round: the two of a round were measured one after the
    /// other, while the machine was as busy. Null when either was not measured.
    /// </summary>
    public double? MedianRatio(Measure measure, string server, string other) =>
        Median(Rounds(measure, server).Zip(Rounds(measure, other), (one, two) => one / two));

    private List<double> Rounds(Measure measure, string server) => _numbers.GetValueOrDefault((measure, server)) ?? [];

    private static double? Median(IEnumerable<double> numbers)
    {
        double[] sorted = [.. numbers.Order()];
        int middle = sorted.Length / 2;
        return sorted.Length == 0 ? null
            : sorted.Length % 2 == 1 ? sorted[middle]
            : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
