using System.Text;
using Appliance.Fuzz.Driver;
using Appliance.Metrics;
using static Appliance.Fuzz.Driver.FuzzException;

namespace Appliance.Fuzz.Targets;

/// <summary>Thresholds of Nagios.</summary>
internal sealed class ThresholdTarget : IFuzzTarget
{
    public static FuzzTarget Row { get; } = new(
        "thresholds",
        "Nagios thresholds: a range or an error in words",
        () => new ThresholdTarget())
    {
        BytesMax = 256,
        Words = ["idle_percent", "connections", "=", ":", "~", "@", ",", "10", "-1.5", "1e5", "NaN", "Infinity", " ", "\xC3\xA4"],
    };

    public void Run(ReadOnlySpan<byte> input)
    {
        string text = Encoding.UTF8.GetString(input);
        List<Threshold> thresholds = [];
        string? wrong = Threshold.TryParse(text, thresholds);
        Require(wrong is null || wrong.Length > 0, "what is refused has a reason");
        foreach (var threshold in thresholds)
        {
            Require(threshold.Start <= threshold.End, "a range has a beginning and an end");
            foreach (double value in (double[])[threshold.Start, threshold.End, 0, -1, 1e300, double.NaN])
            {
                bool inside = value >= threshold.Start && value <= threshold.End;
                Require(
                    double.IsNaN(value) || threshold.IsCrossedBy(value) == (inside == threshold.IsInside),
                    "an alert is for values outside, or with @ inside");
            }

            List<Threshold> again = [];
            Require(
                Threshold.TryParse($"{threshold.Metric.Name}={threshold.Text}", again) is null && again is [var same] && same == threshold,
                "a range can be read again");
        }
    }

    public void Dispose()
    {
    }
}
