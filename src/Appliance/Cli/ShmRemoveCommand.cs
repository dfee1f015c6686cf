using System.CommandLine;

namespace Appliance.Cli;

/// <summary>Removes a segment with all its variables, as PHP's shm_remove() does.</summary>
internal static class ShmRemoveCommand
{
    /// <summary>The command.</summary>
    public static Command Make()
    {
        var command = ShmOptions.Make("remove");
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        using var segment = ShmOptions.Open(parsed, forWriting: false);
        if (!segment.Chain.IsPhp && !segment.Chain.IsBlank)
        {
            throw new IOException(FormattableString.Invariant(
                $"segment {segment.Key} is not PHP's: it does not begin with PHP_SM; 'ipcrm -m {segment.Id}' removes it all the same"));
        }

        segment.Remove();
        return ExitCode.Fine;
    }
}
