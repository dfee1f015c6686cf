namespace Appliance.SystemTests.Harness;

/// <summary>Scripts that the real php-cli runs; a warning of PHP's fails the test.</summary>
public static class PhpScript
{
    private static readonly string[] Strict = ["-d", "display_errors=stderr", "-d", "html_errors=0", "-d", "error_reporting=-1"];

    /// <summary>Runs a script that finds a folder in <c>$path</c> and its System V key in <c>$key</c>; returns what it printed.</summary>
    public static async Task<string> RunAsync(string folder, string script)
    {
        var result = await CommandResult.RunAsync("php", Arguments(folder, script));
        Assert.True((result.ExitCode, result.Error) == (0, ""), $"{script}: {result}");
        return result.Output;
    }

    /// <summary>Arguments of php for such a script.</summary>
    public static string[] Arguments(string folder, string script) => [.. Strict, "-r", $"$path = '{folder}'; $key = ftok($path, 'A'); {script}"];

    /// <summary>Arguments of php for one of the repository's examples.</summary>
    public static string[] Example(string name, params string[] arguments) => [.. Strict, Repository.File("examples", "php", name), .. arguments];
}
