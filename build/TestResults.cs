using System.Globalization;
using System.Xml.Linq;

namespace Build;

/// <summary>Counts of a test run, summed from its TRX files.</summary>
public sealed record TestResults(int Passed, int Failed, int Skipped)
{
    /// <summary>Nothing ran.</summary>
    public static TestResults None { get; } = new(0, 0, 0);

    /// <summary>The last run of this build, for the closing line of the output.</summary>
    public static TestResults? LastRun { get; set; }

    /// <summary>Sums the counters of all TRX files of a folder.</summary>
    public static TestResults Read(string folder)
    {
        var sum = None;
        foreach (var file in Directory.EnumerateFiles(folder, "*.trx"))
        {
            XNamespace trx = "http://microsoft.com/schemas/VisualStudio/TeamTest/2010";
            var counters = XDocument.Load(file).Descendants(trx + "Counters").Single();
            int Count(string name) => int.Parse(counters.Attribute(name)!.Value, CultureInfo.InvariantCulture);
            var skipped = Count("total") - Count("executed");
            sum = new TestResults(sum.Passed + Count("passed"), sum.Failed + Count("executed") - Count("passed"), sum.Skipped + skipped);
        }

        return sum;
    }

    /// <inheritdoc/>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Passed} passed, {Failed} failed, {Skipped} skipped");
}
