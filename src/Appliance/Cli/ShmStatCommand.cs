using System.CommandLine;
using Appliance.Native;
using Appliance.SystemV;

namespace Appliance.Cli;

/// <summary>Says how large a segment is, how full, whose, and who uses it.</summary>
internal static class ShmStatCommand
{
    /// <summary>The command.</summary>
    public static Command Make()
    {
        var command = ShmOptions.Make("stat", KeyOptions.Json);
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        using var segment = ShmOptions.Open(parsed, forWriting: false);
        var status = segment.Status;
        FieldReport.Print(
            [
                new("key", segment.Key.ToString()),
                new("id", segment.Id),
                new("size", status.shm_segsz),
                new("used", segment.Chain.UsedBytes),
                new("free", segment.Chain.FreeBytes),
                new("variables", segment.Chain.Variables.Count),
                new("owner", Syscall.UserName(status.shm_perm_uid)),
                new("group", status.shm_perm_gid),
                new("mode", SystemVFailure.ModeText(status.shm_perm_mode)),
                new("attached", status.shm_nattch - 1), // This command is attached, too.
                new("creator", status.shm_cpid),
                new("attached_at", Times.Text(status.shm_atime)),
                new("detached_at", Times.Text(status.shm_dtime)),
                new("changed_at", Times.Text(status.shm_ctime)),
            ],
            parsed.GetValue(KeyOptions.Json));
        return ShmOptions.DamageOf(segment) is { } damage ? throw new IOException(damage) : ExitCode.Fine;
    }
}
