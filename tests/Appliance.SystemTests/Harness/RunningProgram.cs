using System.Diagnostics;
using System.Globalization;

namespace Appliance.SystemTests.Harness;

/// <summary>A program that goes on while the test does something: it is talked to line by line, and killed if it is still there at the end.</summary>
public sealed class RunningProgram : IAsyncDisposable
{
    private readonly Process _process;

    private RunningProgram(Process process) => _process = process;

    /// <summary>Its process id.</summary>
    public int Pid => _process.Id;

    /// <summary>Starts a PHP script that finds the folder in <c>$path</c> and its key in <c>$key</c>.</summary>
    public static RunningProgram Start(IpcFolder folder, string script) => Start("php", folder.PhpArguments(script));

    /// <summary>Starts any program.</summary>
    public static RunningProgram Start(string program, params string[] arguments) => new(Process.Start(new ProcessStartInfo(program, arguments)
    {
        UseShellExecute = false,
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
    })!);

    /// <summary>The next line of its output; null at the end.</summary>
    public Task<string?> ReadLineAsync() => TimeLimit.GuardAsync("line of a program", async limit => await _process.StandardOutput.ReadLineAsync(limit));

    /// <summary>Gives it a line.</summary>
    public async Task WriteLineAsync(string line)
    {
        await _process.StandardInput.WriteLineAsync(line);
        await _process.StandardInput.FlushAsync();
    }

    /// <summary>Waits for its end and returns its exit status.</summary>
    public Task<int> WaitAsync() => TimeLimit.GuardAsync("end of a program", async limit =>
    {
        await _process.WaitForExitAsync(limit);
        return _process.ExitCode;
    });

    /// <summary>Sends it a signal; one that has ended gets none.</summary>
    public async Task SignalAsync(string name) =>
        _ = await CommandResult.RunAsync("kill", $"-{name}", Pid.ToString(CultureInfo.InvariantCulture));

    /// <summary>Kills it as kill -9 does.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        _ = await WaitAsync();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            await KillAsync();
        }

        _process.Dispose();
    }
}
