using System.CommandLine;
using Appliance.Config;
using Appliance.Native;

namespace Appliance.Cli;

/// <summary>
/// Runs a command that holds a semaphore, as flock(1) does with a file. This process becomes the command: what the kernel takes back when
/// a process ends survives exec, so exit status and signals are the command's own, and nobody can kill a holder and leave its command
/// running without the semaphore.
/// </summary>
internal static class SemRunCommand
{
    private const int NotFound = 127;
    private const int NotExecutable = 126;

    private static readonly Argument<string[]> Words = new("COMMAND") { Arity = ArgumentArity.OneOrMore };

    /// <summary>The command.</summary>
    public static Command Make()
    {
        var command = new ActionCommand("run") { Words };
        SemOptions.AddTaking(command);
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        string[] words = parsed.GetValue(Words)!;
        if (SemOptions.Take(parsed, out int conflictExitCode) is not { } semaphore)
        {
            return conflictExitCode;
        }

        using (semaphore)
        {
            var error = Syscall.Execute(RawArguments.BytesOf(words)).Error;
            StandardOutput.Complain($"sem run: {WhyNotRun(words[0], error)}");
            return error == Errno.ENOENT ? NotFound : NotExecutable;
        }
    }

    private static string WhyNotRun(string program, Errno error) =>
        program.Contains('/', StringComparison.Ordinal) ? PathFailure.Describe(Path.GetFullPath(program), "run", error)
        : error == Errno.ENOENT ? $"{Excerpt.Of(program)} cannot be run: no directory of PATH has such a program ({error}); name one, or the path of one"
        : $"{Excerpt.Of(program)} cannot be run: {SyscallException.Describe(error)}; name another program, or the path of one";
}
