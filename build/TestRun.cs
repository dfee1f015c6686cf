using Cake.Common.IO;
using Cake.Common.Tools.DotNet;
using Cake.Common.Tools.DotNet.Test;
using Cake.Core;
using Cake.Core.IO;
using Path = System.IO.Path;

namespace Build;

/// <summary>Runs test projects one after another, all of them even if one fails, and counts.</summary>
public static class TestRun
{
    private const string Results = $"{BuildContext.Artifacts}/test-results";

    // Longer than the slowest test by far: a test that hangs ends the run with its name instead of blocking it.
    private const string HangTimeout = "10min";

    /// <summary>Runs the projects; arguments of the command line go to <c>dotnet test</c>.</summary>
    /// <exception cref="CakeException">A test failed, a project did not build, or no test ran.</exception>
    public static void Run(BuildContext context, params IReadOnlyList<string> projects)
    {
        context.EnsureDirectoryExists(Results);
        context.DeleteFiles($"{Results}/**/*.trx");
        var broken = projects.Where(project => !Succeeds(context, project)).ToList();

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

    /// <summary>The failed tests, or the project if it did not get so far.</summary>
    private static IEnumerable<string> Culprits(string project)
    {
        var file = ResultsOf(project);
        return File.Exists(file) && TestResults.ReadFailed(file).ToList() is { Count: > 0 } failed ? failed : [project];
    }

    private static string ResultsOf(string project) => $"{Results}/{Path.GetFileNameWithoutExtension(project)}.trx";

    private static bool Succeeds(BuildContext context, string project)
    {
        try
        {
            context.DotNetTest(project, new DotNetTestSettings
            {
                Configuration = "Release",
                NoLogo = true,
                Loggers = [$"trx;LogFileName={Path.GetFileName(ResultsOf(project))}", "console;verbosity=minimal"],
                ResultsDirectory = Results,
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
