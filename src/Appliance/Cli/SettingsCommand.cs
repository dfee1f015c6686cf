using Appliance.Config;

namespace Appliance.Cli;

/// <summary>Prints the settings in force, and whence each came, in the form of a configuration file.</summary>
internal static class SettingsCommand
{
    /// <summary>Prints every row of the table.</summary>
    public static int Run(Settings settings)
    {
        int width = SettingsTable.Rows.Max(row => row.Name.Length);
        foreach (var row in SettingsTable.Rows)
        {
            StandardOutput.Out.WriteLine($"{row.Name.PadRight(width)} = {row.Show(settings),-24} # {settings.SourceOf(row.Name)}");
        }

        return ExitCode.Fine;
    }
}
