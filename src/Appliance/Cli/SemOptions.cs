using System.CommandLine;
using Appliance.Php;

namespace Appliance.Cli;

/// <summary>What the commands on semaphores have in common.</summary>
internal static class SemOptions
{
    private static readonly Option<bool> NoWait = new("--nowait") { Arity = ArgumentArity.Zero, Description = "do not wait while others hold it" };
    private static readonly Option<string> Timeout = new("--timeout") { Description = "wait at most this long", HelpName = "SECONDS" };
    private static readonly Option<string> Max =
        new("--max") { Description = "how many processes may hold it at once; takes effect when no other process uses it [1]", HelpName = "N" };
    private static readonly Option<string> Mode = new("--mode") { Description = "permissions of a new semaphore [0660]", HelpName = "OCTAL" };
    private static readonly Option<string> Conflict =
        new("--conflict-exit-code") { Description = "exit status when the semaphore was not acquired [1]", HelpName = "N" };

    /// <summary>Gives a command the options for taking a semaphore.</summary>
    public static void AddTaking(Command command)
    {
        foreach (var option in (Option[])[NoWait, Timeout, Max, Mode, Conflict])
        {
            command.Options.Add(option);
        }

        KeyOptions.AddTo(command);
    }

    /// <summary>Joins and takes the semaphore that the command line names; null when it was not to be had, which has been told.</summary>
    public static PhpSemaphore? Take(ParseResult parsed, out int conflictExitCode)
    {
        conflictExitCode = NumberOptions.InRange(parsed, Conflict, 0, byte.MaxValue) ?? ExitCode.Failed;
        var timeout = NumberOptions.Patience(parsed, NoWait, Timeout);
        int max = NumberOptions.InRange(parsed, Max, 1, PhpSemaphore.HoldersMax) ?? 1;
        var semaphore = PhpSemaphore.Join(KeyOptions.Read(parsed), max, ModeOptions.Read(parsed, Mode, ModeOptions.Default));
        if (semaphore.Acquire(timeout))
        {
            return semaphore;
        }

        StandardOutput.Complain(FormattableString.Invariant($"semaphore {semaphore.Key} is taken; process {semaphore.LastPid()} used it last"));
        semaphore.Dispose();
        return null;
    }
}
