using System.CommandLine;

namespace Appliance.Cli;

/// <summary>Removes a variable, as PHP's shm_remove_var() does; exit status 1 when it is not there.</summary>
internal static class ShmUnsetCommand
{
    /// <summary>The command.</summary>
    public static Command Make()
    {
        var command = ShmOptions.Make("unset", ShmOptions.Variable);
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        long variable = ShmOptions.VariableOf(parsed);
        using var interruption = new Interruption();
        using var segment = ShmOptions.Open(parsed, forWriting: true);
        interruption.Begin();
        return segment.Chain.Remove(variable)
            ? ExitCode.Fine
            : throw new IOException(FormattableString.Invariant($"variable {variable} is not in segment {segment.Key}"));
    }
}
