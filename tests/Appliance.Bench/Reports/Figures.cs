namespace Appliance.Bench.Reports;

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

    /// <summary>What all rounds gave; null when nothing was measured.</summary>
    public Spread? Find(Measure measure, string server) =>
        _numbers.TryGetValue((measure, server), out var numbers) ? Spread.Of(numbers) : null;

    /// <summary>Median of all rounds; null when nothing was measured.</summary>
    public double? Median(Measure measure, string server) => Find(measure, server)?.Median;

    /// <summary>One server's median divided by another's; null when either was not measured.</summary>
    public double? Ratio(Measure measure, string server, string other) => Median(measure, server) / Median(measure, other);
}
