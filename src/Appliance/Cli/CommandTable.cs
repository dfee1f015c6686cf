using System.CommandLine;

namespace Appliance.Cli;

/// <summary>One command: a row of the table that usage and dispatch come from.</summary>
/// <param name="Synopsis">Name and arguments, as the usage shows them.</param>
/// <param name="Help">What it does, in one line.</param>
/// <param name="Make">Makes the command with its options and action.</param>
internal sealed record CommandRow(string Synopsis, string Help, Func<Command> Make);

/// <summary>All commands.</summary>
internal static class CommandTable
{
    /// <summary>The rows, in the order of the usage.</summary>
    public static IReadOnlyList<CommandRow> Rows { get; } =
    [
        new("stop [--purge]", "stop the server of --run-dir and wait for it; --purge also removes its shared memory", StopCommand.Make),
    ];
}
