using System.CommandLine;
using Appliance.Php;

namespace Appliance.Cli;

/// <summary>Says by its exit status whether a variable is there: 0 or 1.</summary>
internal static class ShmHasCommand
{
    /// <summary>The command.</summary>
    public static Command Make()
    {
        var command = ShmOptions.Make("has", ShmOptions.Variable);
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        long variable = ShmOptions.VariableOf(parsed);
        using var segment = VariableSegment.Open(KeyOptions.Read(parsed), forWriting: false);
        if (segment?.Chain.Find(variable) is not null)
        {
            return ExitCode.Fine;
        }

        return segment is not null && ShmOptions.DamageOf(segment) is { } damage ? throw new IOException(damage) : ExitCode.Failed;
    }
}
