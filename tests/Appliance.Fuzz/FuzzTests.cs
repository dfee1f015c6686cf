using System.Globalization;
using Appliance.Fuzz.Driver;
using Appliance.Fuzz.Targets;

namespace Appliance.Fuzz;

/// <summary>
/// Every target with its whole corpus, then two seconds of new inputs, the same ones each time. <c>./build.sh fuzz TARGET SECONDS</c>
/// searches longer.
/// </summary>
public sealed class FuzzTests
{
    private const string SecondsVariable = "APPLIANCE_FUZZ_SECONDS";
    private const int SecondsDefault = 2;
    private const int Seed = 1;

    private static readonly FuzzOptions Options = new()
    {
        Seconds = int.TryParse(Environment.GetEnvironmentVariable(SecondsVariable), CultureInfo.InvariantCulture, out int seconds) ? seconds : SecondsDefault,
        Seed = Seed,
        IsFresh = true,
    };

    public static TheoryData<string> Names => [.. TargetTable.Rows.Select(row => row.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Parser_keeps_its_promise(string target) => Assert.Null(Supervisor.Run(target, Options, _ => { }));

    [Theory]
    [MemberData(nameof(Names))]
    public void Corpus_is_there_and_small(string target)
    {
        var files = new DirectoryInfo(FuzzFolders.CorpusOf(target)).GetFiles();
        Assert.NotEmpty(files);
        Assert.InRange(files.Sum(file => file.Length), 1, 64 << 10);
    }
}
