using System.Diagnostics;

namespace Appliance.SystemTests.Harness;

/// <summary>Outcome of a program that ran to its end.</summary>
/// <param name="ExitCode">Exit status, 0 to 255.</param>
/// <param name="Output">What it wrote to stdout.</param>
/// <param name="Error">What it wrote to stderr.</param>
public sealed record CommandResult(int ExitCode, string Output, string Error)
{
    /// <summary>Runs the published binary to its end.</summary>
    /// <exception cref="TimeoutException">It did not end in time; it was killed.</exception>
    public static Task<CommandResult> ApplianceAsync(params string[] arguments) => RunAsync(PublishedBinary.FilePath, arguments);

    /// <summary>Runs any program to its end, with an empty stdin.</summary>
    /// <exception cref="TimeoutException">It did not end in time; it was killed.</exception>
    public static Task<CommandResult> RunAsync(string program, params string[] arguments) => RunAsync(TimeLimit.Event, program, arguments);

    /// <summary>The same with another limit, for what takes longer than an event: installing a system, building a package.</summary>
    /// <exception cref="TimeoutException">It did not end in time; it was killed.</exception>
    public static async Task<CommandResult> RunAsync(TimeSpan most, string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        }) ?? throw new InvalidOperationException($"'{program}' did not start.");
        process.StandardInput.Close();
        try
        {
            return await TimeLimit.GuardAsync(most, $"end of '{program} {string.Join(' ', arguments)}'", async limit =>
            {
                var output = process.StandardOutput.ReadToEndAsync(limit);
                var error = process.StandardError.ReadToEndAsync(limit);
                await process.WaitForExitAsync(limit);
                return new CommandResult(process.ExitCode, await output, await error);
            });
        }
        catch (TimeoutException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }
}
