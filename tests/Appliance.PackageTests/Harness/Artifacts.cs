using Appliance.SystemTests.Harness;

namespace Appliance.PackageTests.Harness;

/// <summary>What the build leaves beside the published binary.</summary>
public static class Artifacts
{
    /// <summary>For what installs a system or builds a package.</summary>
    public static readonly TimeSpan InstallationLimit = TimeSpan.FromMinutes(8);

    /// <summary>The folder.</summary>
    public static string Folder { get; } = Path.GetDirectoryName(PublishedBinary.FilePath)!;

    /// <summary>The root of the repository.</summary>
    public static string Repository { get; } = Path.GetDirectoryName(Folder)!;

    /// <summary>Path of a file that the build must have left.</summary>
    /// <exception cref="FileNotFoundException">It has not.</exception>
    public static string Find(string name)
    {
        var path = Path.Combine(Folder, name);
        return File.Exists(path) ? path : throw new FileNotFoundException($"'{path}' is not there: run './build.sh deb' and './build.sh rpm' first.");
    }

    /// <summary>Runs a program that must succeed and returns what it printed.</summary>
    public static async Task<string> SucceedAsync(string program, params string[] arguments)
    {
        var result = await CommandResult.RunAsync(InstallationLimit, program, arguments);
        Assert.True(result.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {result}");
        return result.Output;
    }
}
