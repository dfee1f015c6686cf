using System.CommandLine;
using Appliance.Native;

namespace Appliance.Cli;

/// <summary>Holds a semaphore for a time; whatever ends the process gives it back.</summary>
internal static class SemAcquireCommand
{
    private static readonly Option<string> Hold = new("--hold") { Description = "how long to hold it", HelpName = "SECONDS", Required = true };

    /// <summary>The command.</summary>
    public static Command Make()
    {
        var command = new ActionCommand("acquire") { Hold };
        SemOptions.AddTaking(command);
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        var time = NumberOptions.Seconds(parsed, Hold)!.Value;
        if (SemOptions.Take(parsed, out int conflictExitCode) is not { } semaphore)
        {
            return conflictExitCode;
        }

        using (semaphore)
        {
            StandardOutput.Out.WriteLine($"holding semaphore {semaphore.Key}");
            for (long end = MonotonicClock.ReadMs() + (long)time.TotalMilliseconds, left; (left = end - MonotonicClock.ReadMs()) > 0;)
            {
                Syscall.Rest((int)Math.Min(left, int.MaxValue));
            }
        }

        return ExitCode.Fine;
    }
}
