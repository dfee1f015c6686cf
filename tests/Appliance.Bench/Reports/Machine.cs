using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Appliance.Bench.Reports;

/// <summary>Where and of what something was measured.</summary>
public static class Machine
{
    /// <summary>Processors, kernel, load of others at the start.</summary>
    public static string Describe() => string.Create(CultureInfo.InvariantCulture,
        $"{Environment.ProcessorCount} processors ({ProcessorName()}), Linux {File.ReadAllText("/proc/sys/kernel/osrelease").Trim()}, "
            + $"{RuntimeInformation.OSArchitecture}");

    /// <summary>The commit of the sources, with a plus when they have been changed since; empty outside a checkout.</summary>
    public static string Commit() => Git("rev-parse", "--short", "HEAD") is { Length: > 0 } commit
        ? commit + (Git("status", "--porcelain", "--untracked-files=no").Length > 0 ? "+" : "")
        : "";

    private static string ProcessorName() =>
        File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim()
        ?? "unknown";

    private static string Git(params string[] arguments)
    {
        try
        {
            using var git = Process.Start(
                new ProcessStartInfo("git", arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true })!;
            string output = git.StandardOutput.ReadToEnd().Trim();
            git.WaitForExit();
            return git.ExitCode == 0 ? output : "";
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return "";
        }
    }
}
