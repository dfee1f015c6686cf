using System.CommandLine;

namespace Appliance.Cli;

/// <summary>One command: a row of the table that usage and dispatch come from.</summary>
/// <param name="Synopsis">Name and arguments, as the usage shows them.</param>
/// <param name="Help">What it does, in one line.</param>
/// <param name="Make">Makes the command with its options and action.</param>
internal sealed record CommandRow(string Synopsis, string Help, Func<Command> Make)
{
    /// <summary>The word before the command's own, for one of a family: <c>shm</c> of <c>shm put VAR VALUE</c>.</summary>
    public string? FamilyOf(Command command)
    {
        string word = Synopsis.Split(' ')[0];
        return word == command.Name ? null : word;
    }
}

/// <summary>All commands.</summary>
internal static class CommandTable
{
    /// <summary>What concerns the server.</summary>
    public static IReadOnlyList<CommandRow> Server { get; } =
    [
        new("status", "say how the server of --run-dir is: 0 runs, 1 is dead, 3 does not run", StatusCommand.Make),
        new("stop [--purge]", "stop it and wait; --purge also removes its shared memory", SignalCommand.MakeStop),
        new("reload", "have it read the configuration again", SignalCommand.MakeReload),
        new("reopen", "have it open its log anew", SignalCommand.MakeReopen),
    ];

    /// <summary>What concerns System V objects, whoever's.</summary>
    public static IReadOnlyList<CommandRow> Ipc { get; } =
    [
        new("ipc key PATH [A]", "print the key of a file and a letter, as ftok() of PHP makes it", IpcKeyCommand.Make),
    ];

    /// <summary>All rows, in the order of the usage.</summary>
    public static IReadOnlyList<CommandRow> Rows { get; } = [.. Server, .. Ipc];
}
