using System.Diagnostics;
using System.Runtime.InteropServices;
using Cake.Core;
using Cake.Frosting;

namespace Build.Tasks;

/// <summary>Starts the published server in the foreground; needs no rights, as everything it keeps lies under artifacts/.</summary>
[TaskName("run")]
[TaskDescription("publishes, then serves the chat in the foreground; arguments go to appliance")]
[IsDependentOn(typeof(PublishTask))]
public sealed partial class RunTask : FrostingTask<BuildContext>
{
    private const string Ready = "ready on ";
    private const int Sigterm = 15;

    /// <inheritdoc/>
    public override void Run(BuildContext context)
    {
        var folder = Path.GetFullPath(Path.Combine(BuildContext.Artifacts, "run"));
        var state = Directory.CreateDirectory(Path.Combine(folder, "state")).FullName;
        var start = new ProcessStartInfo(
            Path.GetFullPath(BuildContext.Binary),
            ["--nofork", "--run-dir", folder, "--state-dir", state, .. context.Forwarded])
        {
            UseShellExecute = false,
            RedirectStandardError = true,
        };
        using var server = Process.Start(start) ?? throw new CakeException($"{start.FileName} did not start.");

        // Ctrl-C reaches the server by itself, as it is in the same process group; TERM does not. We stay until it has ended.
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => signal.Cancel = true);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal =>
        {
            signal.Cancel = true;
            _ = kill(server.Id, Sigterm);
        });

        while (server.StandardError.ReadLine() is { } line)
        {
            Console.Error.WriteLine(line);
            var at = line.IndexOf(Ready, StringComparison.Ordinal);
            if (at >= 0)
            {
                Console.WriteLine($"Open {line[(at + Ready.Length)..].Split(' ')[0]} in a browser. Ctrl-C ends the server.");
            }
        }

        server.WaitForExit();
        if (server.ExitCode != 0)
        {
            throw new CakeException($"appliance ended with status {server.ExitCode}.");
        }
    }

    [LibraryImport("libc")]
    private static partial int kill(int pid, int signal);
}
