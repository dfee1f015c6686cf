using System.Diagnostics;
using System.Globalization;

namespace Appliance.SystemTests.Harness;

/// <summary>
/// Tests that run a second time with <c>APPLIANCE_TEST_PID1=1</c>: the server is then the first process of a PID namespace, as it is in a
/// container. It stays in the foreground, and every command is run in the namespace as well.
/// </summary>
public static class PidNamespace
{
    /// <summary>The trait of such classes, as the pipeline's filter knows it.</summary>
    public const string Trait = "Place";

    /// <summary>Its only value.</summary>
    public const string Container = "container";

    /// <summary>Environment variable that asks for it.</summary>
    public const string Variable = "APPLIANCE_TEST_PID1";

    /// <summary>Exit status of a program that SIGKILL has ended, as the one that has waited for it passes it on.</summary>
    private const int Killed = 137;

    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(5);

    /// <summary>Whether servers are to be the first process of a namespace.</summary>
    public static bool IsWanted { get; } = Environment.GetEnvironmentVariable(Variable) == "1";

    /// <summary>Has another program begin a namespace, whose first process it becomes; with it, the kernel ends the namespace.</summary>
    public static string[] Enter { get; } = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];

    /// <summary>The same if servers are wanted there, and nothing otherwise.</summary>
    public static string[] EnterIfWanted => IsWanted ? Enter : [];

    /// <summary>A command as it finds the processes of a server: in the server's namespace, as long as there is one.</summary>
    /// <param name="first">The namespace's first process, as this process sees it; 0 for none.</param>
    /// <param name="command">A program and its arguments.</param>
    public static async Task<CommandResult> RunAsync(int first, params string[] command)
    {
        if (first > 0 && new ProcessStatus(first).IsAlive)
        {
            var result = await CommandResult.RunAsync("nsenter", ["--target", first.ToString(CultureInfo.InvariantCulture), "--pid", "--mount", .. command]);
            var namespaceEnds = result.ExitCode == Killed || result.Error.StartsWith("nsenter:", StringComparison.Ordinal);
            if (!namespaceEnds)
            {
                return result;
            }

            // The kernel kills the others of a namespace before the first process itself is gone.
            await TimeLimit.GuardAsync("end of the first process of a namespace", async limit =>
            {
                while (new ProcessStatus(first).IsAlive)
                {
                    await Task.Delay(Poll, limit);
                }

                return 0;
            });
        }

        // A command that stops the first process ends with it; again, from outside, it finds what is left to do.
        return await CommandResult.RunAsync(command[0], command[1..]);
    }

    /// <summary>The first process of the namespace that a running <c>unshare</c> has begun, as this process sees it; 0 when there is none any more.</summary>
    public static async Task<int> FindFirstAsync(Process unshare) => await TimeLimit.GuardAsync("first process of a namespace", async limit =>
    {
        while (!unshare.HasExited)
        {
            if (new ProcessStatus(unshare.Id).Children() is [var first, ..])
            {
                return first.Pid;
            }

            await Task.Delay(Poll, limit);
        }

        return 0;
    });
}
