using System.CommandLine;
using Appliance.Native;
using Appliance.SystemV;

namespace Appliance.Cli;

/// <summary>Lists the System V objects of this user, or of all users: what they are, whose, and whether anybody still uses them.</summary>
internal static class IpcListCommand
{
    private static readonly Option<bool> All = new("--all") { Arity = ArgumentArity.Zero, Description = "of all users" };

    /// <summary>The command.</summary>
    public static Command Make()
    {
        var command = new ActionCommand("list") { All, KeyOptions.Json };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        string[] directories = [CommandLine.ReadPlaces(parsed).StateDirectory, Paths.ForThisUser().StateDirectory, Paths.OfSystem.StateDirectory];
        bool all = parsed.GetValue(All);
        uint user = Syscall.EffectiveUserId();
        bool json = parsed.GetValue(KeyOptions.Json);
        FieldReport.PrintTable([.. SystemVTable.Read().Where(found => all || found.User == user).Select(found => Describe(found, directories))], json);
        return ExitCode.Fine;
    }

    private static string WordOf(SystemVKind kind) => kind switch
    {
        SystemVKind.Queue => "queue",
        SystemVKind.Memory => "shm",
        SystemVKind.Semaphores => "sem",
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static Field[] Describe(SystemVObject found, string[] directories)
    {
        var origin = SystemVOrigin.Of(found, directories);
        return
        [
            new("kind", WordOf(found.Kind)),
            new("key", new SystemVKey(found.Key).ToString()),
            new("id", found.Id),
            new("owner", Syscall.UserName(found.User)),
            new("mode", SystemVFailure.ModeText(found.Mode)),
            new("bytes", found.Kind == SystemVKind.Semaphores ? null : found.Size),
            new("messages", found.Kind == SystemVKind.Queue ? found.Messages : null),
            new("attached", found.Kind == SystemVKind.Memory ? found.Attached : null),
            new("creator", found.CreatorPid == 0 ? null : found.CreatorPid),
            new("creator_alive", origin.CreatorAlive),
            new("orphan", origin.IsOrphan),
            new("what", origin.What),
        ];
    }
}
