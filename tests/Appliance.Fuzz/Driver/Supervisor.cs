using System.Diagnostics;
using System.Text;

namespace Appliance.Fuzz.Driver;

/// <summary>
/// Runs a target in a process of its own: a stack that ends or memory that is not there ends that one, and its input is known.
/// </summary>
internal static class Supervisor
{
    /// <summary>The first argument of such a process; the target's name and the options follow.</summary>
    public const string Argument = "--run";

    /// <summary>A stack that ended has thousands of lines, all alike.</summary>
    private const int LinesMax = 60;

    /// <summary>Runs a target; the report of what was found, or null.</summary>
    /// <param name="target">Its name.</param>
    /// <param name="options">How it is run.</param>
    /// <param name="onLine">Is told what the process says.</param>
    public static string? Run(string target, FuzzOptions options, Action<string> onLine)
    {
        var start = new ProcessStartInfo(
            Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet",
            ["exec", typeof(Supervisor).Assembly.Location, Argument, target, .. options.Write()])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["DOTNET_DbgEnableMiniDump"] = "0";
        using var process = Process.Start(start)!;
        var errors = new StringBuilder();
        int lines = 0;
        process.ErrorDataReceived += (_, line) => _ = lines++ < LinesMax ? errors.AppendLine(line.Data) : errors;
        process.BeginErrorReadLine();
        while (process.StandardOutput.ReadLine() is { } line)
        {
            onLine(line);
        }

        process.WaitForExit();
        string said = errors.ToString().Trim();
        if (process.ExitCode is not (0 or FuzzCommand.FoundStatus) && options.Files.Count == 0 && CurrentInput.Left(target) is { } input)
        {
            return new Finding(input, $"the process ended with status {process.ExitCode}: {said}").Report(target);
        }

        return process.ExitCode == 0 ? null : said;
    }
}
