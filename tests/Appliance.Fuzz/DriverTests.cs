using Appliance.Fuzz.Driver;
using Appliance.Fuzz.Targets;

namespace Appliance.Fuzz;

/// <summary>
/// The driver finds faults that were planted behind four letters, of every kind that there is, and says how to see them again.
/// </summary>
public sealed class DriverTests
{
    private static readonly FuzzOptions Options = new() { Seconds = 120, Seed = 7, RunSecondsMax = 2, IsFresh = true };

    public static TheoryData<string, string> Faults => new()
    {
        { PlantedTargets.Throws, "planted" },
        { PlantedTargets.Spins, "does not end" },
        { PlantedTargets.Descends, "Stack overflow" },
        { PlantedTargets.Allocates, "allocates" },
        { PlantedTargets.ReadsOutside, "AccessViolation" },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public void Fault_is_found_and_can_be_reproduced(string target, string said)
    {
        string? report = Supervisor.Run(target, Options, _ => { });
        Assert.NotNull(report);
        Assert.Contains(said, report, StringComparison.OrdinalIgnoreCase);
        Assert.Contains($"./build.sh fuzz {target} artifacts/fuzz/{target}/finding-", report, StringComparison.Ordinal);

        string file = report.Split("reproduce  ")[1].Split('\n')[0].Split(' ')[^1].Trim();
        string? again = Supervisor.Run(target, Options with { Files = [Path.Combine(FuzzFolders.Root, file)] }, _ => { });
        Assert.Contains(said, again, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>An exception does not end the process, so its input is made as short as it goes: the four letters are left.</summary>
    [Fact]
    public void Finding_is_minimal()
    {
        using var fuzzer = new Fuzzer(TargetTable.Find(PlantedTargets.Throws), Options);
        var finding = fuzzer.Run();
        Assert.Equal([(byte)'R', 0xC3, 0x4D], finding!.Input[..3]);
        Assert.Equal(4, finding.Input.Length);
    }

    [Fact]
    public void One_seed_gives_one_sequence()
    {
        byte[] from = new byte[100];
        string Sequence(int seed)
        {
            var mutator = new Mutator(new Random(seed), ["word"u8.ToArray()], 200);
            return string.Concat(Enumerable.Range(0, 100).Select(_ => FuzzFolders.NameOf(mutator.Mutate(from, from))));
        }

        Assert.Equal(Sequence(5), Sequence(5));
        Assert.False(Sequence(5) == Sequence(6));
    }

    [Fact]
    public void Inputs_stay_within_their_limit()
    {
        var random = new Random(3);
        var mutator = new Mutator(random, ["word"u8.ToArray()], 50);
        byte[] input = [];
        for (int i = 0; i < 20_000; i++)
        {
            input = mutator.Mutate(input, input);
            Assert.InRange(input.Length, 0, 50);
        }
    }

    [Fact]
    public void Input_without_features_of_its_own_leaves_the_corpus()
    {
        var corpus = new Corpus();
        corpus.Add(new CorpusEntry(new byte[9], [1, 2]));
        corpus.Add(new CorpusEntry(new byte[5], [2, 3]));
        corpus.Add(new CorpusEntry(new byte[7], [1, 2, 3]));
        Assert.Equal([5, 7], corpus.Entries.Select(entry => entry.Bytes.Length));
    }

    [Fact]
    public void What_is_left_of_an_input_is_no_more_than_it_takes() => Assert.Equal(
        "ab"u8.ToArray(),
        Minimizer.Minimize(
            [.. "xxxxxaxxxxxxxxxbxxx"u8],
            input => input.AsSpan().IndexOf((byte)'a') is >= 0 and var at && input.AsSpan(at).Contains((byte)'b'),
            triesMax: 1000));
}
