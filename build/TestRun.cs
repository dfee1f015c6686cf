using Cake.Common.IO;
using Cake.Common.Tools.DotNet;
using Cake.Common.Tools.DotNet.Test;
using Cake.Core;
using Cake.Core.IO;
using Path = System.IO.Path;

namespace Build;

/// <summary>Tests that run together.</summary>
/// <param name="Project">Path of their project.</param>
public sealed record TestSuite(string Project)
{
    /// <summary>Tells the suite from others of the same project.</summary>
    public string Name { get; init; } = Path.GetFileNameWithoutExtension(Project);

    /// <summary>Which tests of the project, in the words of <c>dotnet test --filter</c>; empty for all.</summary>
    public string Filter { get; init; } = "";

    /// <summary>Environment variables that the tests, and what they start, are to see.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);
}

/// <summary>Runs test suites one after another, all of them even if one fails, and counts.</summary>
public static class TestRun
{
    private const string Results = $"{BuildContext.Artifacts}/test-results";

    // Longer than the slowest test by far: a test that hangs ends the run with its name instead of blocking it.
    private const string HangTimeout = "10min";

    /// <summary>Runs the suites; arguments of the command line go to <c>dotnet test</c>.</summary>
    /// <exception cref="CakeException">A test failed, a project did not build, or no test ran.</exception>
    public static void Run(BuildContext context, params IReadOnlyList<TestSuite> suites)
    {
        context.EnsureDirectoryExists(Results);
        context.DeleteFiles($"{Results}/**/*.trx");
        var broken = suites.Where(suite => !Succeeds(context, suite)).ToList();

        var results = TestResults.Read(Results);
        var culprits = broken.SelectMany(Culprits).ToList();

        // A project that does not build, crashes or hangs counts as one failure.
        TestResults.LastRun = results with { Failed = Math.Max(results.Failed, culprits.Count) };
        if (culprits.Count > 0)
        {
            throw new CakeException($"Failed:\n  {string.Join("\n  ", culprits)}");
        }

        if (results.Passed == 0)
        {
            throw new CakeException("No test ran.");
        }
    }

    /// <summary>The failed tests, or the suite if it did not get so far.</summary>
    private static IEnumerable<string> Culprits(TestSuite suite)
    {
        var file = ResultsOf(suite);
        return File.Exists(file) && TestResults.ReadFailed(file).ToList() is { Count: > 0 } failed
            ? failed.Select(test => $"{suite.Name}: {test}")
            : [suite.Name];
    }

    private static string ResultsOf(TestSuite suite) => $"{Results}/{suite.Name}.trx";

    private static bool Succeeds(BuildContext context, TestSuite suite)
    {
        try
        {
            context.DotNetTest(suite.Project, new DotNetTestSettings
            {
                Configuration = "Release",
                NoLogo = true,
                Loggers = [$"trx;LogFileName={Path.GetFileName(ResultsOf(suite))}", "console;verbosity=minimal"],
                ResultsDirectory = Results,
                Filter = suite.Filter,
                EnvironmentVariables = suite.Environment.ToDictionary(StringComparer.Ordinal),
                ArgumentCustomization = arguments => Extend(arguments, context.Forwarded),
            });
            return true;
        }
        catch (CakeException)
        {
            return false;
        }
    }

    private static ProcessArgumentBuilder Extend(ProcessArgumentBuilder arguments, IReadOnlyList<string> forwarded)
    {
        _ = arguments.Append("--blame-hang-timeout").Append(HangTimeout).Append("--blame-hang-dump-type").Append("none");
        foreach (var argument in forwarded)
        {
            _ = arguments.AppendQuoted(argument);
        }

        return arguments;
    }
}
