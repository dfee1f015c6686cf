using System.CommandLine;

namespace Appliance.Cli;

/// <summary>
/// A command and what it does, which is called without the library's own way: that brings a help, a version and a handling of errors along
/// that nobody gets to see, and a tenth of a megabyte.
/// </summary>
internal sealed class ActionCommand(string name) : Command(name)
{
    /// <summary>Does what the command line says and returns the exit status.</summary>
    public Func<ParseResult, int> Run { get; private set; } = _ => ExitCode.Usage;

    /// <summary>Says what the command does.</summary>
    public new void SetAction(Func<ParseResult, int> run)
    {
        Run = run;

        // The parser asks for a command below one that does nothing.
        base.SetAction(run);
    }
}
