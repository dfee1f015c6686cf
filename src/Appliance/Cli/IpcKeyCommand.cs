using System.CommandLine;
using Appliance.SystemV;

namespace Appliance.Cli;

/// <summary>Prints the key of a file and a letter, as PHP's ftok() makes it.</summary>
internal static class IpcKeyCommand
{
    /// <summary>The command.</summary>
    public static Command Make()
    {
        var path = new Argument<string>("PATH");
        var project = new Argument<string>("A") { DefaultValueFactory = _ => $"{SystemVKey.DefaultProject}" };
        var command = new ActionCommand("key") { path, project };
        command.SetAction(parsed =>
        {
            StandardOutput.Out.WriteLine(KeyOptions.Of(parsed.GetValue(path)!, parsed.GetValue(project)!, "ipc key"));
            return ExitCode.Fine;
        });
        return command;
    }
}
