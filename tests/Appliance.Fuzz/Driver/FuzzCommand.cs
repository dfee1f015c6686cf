using Appliance.Fuzz.Targets;

namespace Appliance.Fuzz.Driver;

/// <summary>The command line: <c>[TARGET] [SECONDS] [--seed N] [--keep] [FILE...]</c>.</summary>
internal static class FuzzCommand
{
    /// <summary>Exit status when something was found.</summary>
    public const int FoundStatus = 1;

    private const int WrongUsageStatus = 2;

    /// <summary>Runs a target, or all of them one after the other.</summary>
    public static int Run(string[] arguments)
    {
        if (arguments is ["--help" or "-h", ..])
        {
            WriteUsage(Console.Out);
            return 0;
        }

        var named = TargetTable.Rows.Where(row => arguments.Length > 0 && row.Name == arguments[0]).ToList();
        string[] rest = named.Count > 0 || arguments is ["all", ..] ? arguments[1..] : arguments;
        FuzzOptions options;
        try
        {
            options = FuzzOptions.Read(rest);
        }
        catch (FormatException wrong)
        {
            return Refuse(wrong.Message);
        }

        options = options with { Files = [.. options.Files.Select(file => Path.GetFullPath(file, FuzzFolders.Root))] };
        if (options.Files.Where(file => named.Count == 0 || !File.Exists(file)).ToList() is [var wrongFile, ..])
        {
            string shown = Path.GetRelativePath(FuzzFolders.Root, wrongFile);
            return Refuse($"'{shown}' is neither a target nor, behind one, a file with an input");
        }

        int status = 0;
        foreach (var row in named.Count > 0 ? named : TargetTable.Rows)
        {
            if (Supervisor.Run(row.Name, options, Console.WriteLine) is { } finding)
            {
                Console.Error.WriteLine(finding);
                status = FoundStatus;
            }
        }

        return status;
    }

    /// <summary>The process of one target.</summary>
    public static int RunHere(string target, IReadOnlyList<string> arguments)
    {
        var row = TargetTable.Find(target);
        using var fuzzer = new Fuzzer(row, FuzzOptions.Read(arguments));
        var finding = fuzzer.Run();
        Console.WriteLine(fuzzer.Describe());
        if (finding is not null)
        {
            Console.Error.WriteLine(finding.Report(target));
        }

        return finding is null ? 0 : FoundStatus;
    }

    private static int Refuse(string why)
    {
        Console.Error.WriteLine($"Error: {why}.");
        WriteUsage(Console.Error);
        return WrongUsageStatus;
    }

    private static void WriteUsage(TextWriter output)
    {
        output.WriteLine("""
            usage: ./build.sh fuzz [TARGET|all] [SECONDS] [--seed N] [--keep] [FILE...]
              SECONDS  how long each target is run (60)
              --seed N the same number gives the same inputs, from the corpus in the tree with --fresh
              --keep   puts the best of what was found into the corpus in the tree
              FILE     an input that is run once, in place of a search
            targets, and what holds for every input:
            """);
        foreach (var row in TargetTable.Rows)
        {
            output.WriteLine($"  {row.Name,-12} {row.Promise}");
        }
    }
}
