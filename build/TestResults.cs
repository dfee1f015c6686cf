using System.Globalization;
using System.Xml.Linq;

namespace Build;

/// <summary>Counts of a test run, summed from its TRX files.</summary>
public sealed record TestResults(int Passed, int Failed, int Skipped)
{
    private static readonly XNamespace Trx = "http://microsoft.com/schemas/VisualStudio/TeamTest/2010";

    /// <summary>The run did not come to start, which counts as one failure.</summary>
    public static TestResults NotStarted { get; } = new(0, 1, 0);

    /// <summary>The last run of this build, for the closing line of the output.</summary>
    public static TestResults? LastRun { get; set; }

    /// <summary>Sums the counters of all TRX files of a folder.</summary>
    public static TestResults Read(string folder)
    {
        var sum = new TestResults(0, 0, 0);
        foreach (var file in Directory.EnumerateFiles(folder, "*.trx"))
        {
            var counters = XDocument.Load(file).Descendants(Trx + "Counters").Single();
            int Count(string name) => int.Parse(counters.Attribute(name)!.Value, CultureInfo.InvariantCulture);
            var skipped = Count("total") - Count("executed");
            sum = new TestResults(sum.Passed + Count("passed"), sum.Failed + Count("executed") - Count("passed"), sum.Skipped + skipped);
        }

        return sum;
    }

    /// <summary>Names of the tests of a TRX file that failed.</summary>
    public static IEnumerable<string> ReadFailed(string file) =>
        XDocument.Load(file).Descendants(Trx + "UnitTestResult")
            .Where(result => result.Attribute("outcome")?.Value == "Failed")
            .Select(result => result.Attribute("testName")!.Value);

    /// <inheritdoc/>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Passed} passed, {Failed} failed, {Skipped} skipped");
}
