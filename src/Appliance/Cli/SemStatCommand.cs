using System.CommandLine;
using Appliance.Native;
using Appliance.Php;
using Appliance.SystemV;

namespace Appliance.Cli;

/// <summary>Says who uses a semaphore, without being counted among them.</summary>
internal static class SemStatCommand
{
    /// <summary>The command.</summary>
    public static Command Make()
    {
        var command = new ActionCommand("stat") { KeyOptions.Json };
        KeyOptions.AddTo(command);
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        var key = KeyOptions.Read(parsed);
        int id = SemRemoveCommand.Find(key);
        var figures = PhpSemaphore.Figures(key, id);
        FieldReport.Print(
            [
                new("key", key.ToString()),
                new("id", id),
                new("value", figures.Value),
                new("usage", figures.Usage),
                new("waiting", figures.Waiting),
                new("last_pid", figures.LastPid),
                new("owner", Syscall.UserName(figures.Status.sem_perm_uid)),
                new("group", figures.Status.sem_perm_gid),
                new("mode", SystemVFailure.ModeText(figures.Status.sem_perm_mode)),
                new("used_at", Times.Text(figures.Status.sem_otime)),
            ],
            parsed.GetValue(KeyOptions.Json));
        return ExitCode.Fine;
    }
}
