using System.CommandLine;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using Appliance.Config;
using Appliance.Metrics;

namespace Appliance.Cli;

/// <summary>What <c>appliance</c> prints about itself.</summary>
internal static class Usage
{
    private const int Indent = 2;

    /// <summary>The seven lines that administrators know by heart, in their order; two of them are actions and no settings.</summary>
    private static readonly (string Left, string Help)[] ModeRows =
    [
        ModeRow("daemon"),
        ModeRow("debug"),
        ("--settings", "print settings"),
        ModeRow("nofork"),
        ("--check", "check dependency modules"),
        ModeRow("master"),
        ModeRow("proc"),
    ];

    private static readonly (string Left, string Help)[] OtherActions =
    [
        ("--config FILE", "read settings from FILE; default /etc/appliance/appliance.conf if it is there"),
        ("--help", "print this"),
        ("--version", "print the version"),
    ];

    /// <summary>All options under their headings, each as it is typed and with what it means; paths are those of some user.</summary>
    public static IEnumerable<(string Heading, IReadOnlyList<(string Left, string Help)> Rows)> OptionGroups(DefaultPaths paths) =>
    [
        (SampleConfiguration.HeadingOf(SettingGroup.Mode), ModeRows),
        .. Enum.GetValues<SettingGroup>().Where(group => group != SettingGroup.Mode).Select(group => (
            SampleConfiguration.HeadingOf(group),
            (IReadOnlyList<(string, string)>)[.. SettingsTable.Rows.Where(row => row.Group == group).Select(row => Row(row, paths))])),
        ("other", OtherActions),
    ];

    /// <summary>All commands under their headings.</summary>
    public static IEnumerable<(string Heading, IReadOnlyList<CommandRow> Rows)> CommandGroups =>
    [
        ("commands", CommandTable.Server),
        ("System V IPC, shared with PHP (--key 0x41020304, or --path FILE --project A; by default --state-dir and A)", CommandTable.Ipc),
    ];

    /// <summary>Version, <c>0.1.0</c>.</summary>
    public static string Version => Informational.Split('+')[0];

    /// <summary>Version and commit, as monitors show them.</summary>
    public static BuildInfo Build => new(Version, Commit);

    private static string Commit => Informational.Split('+') is [_, var hash] ? hash[..Math.Min(12, hash.Length)] : "unknown";

    private static string Informational =>
        typeof(Usage).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";

    /// <summary>Which build this is.</summary>
    private static string Configuration =>
        typeof(Usage).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()?.Configuration ?? "";

    /// <summary>Prints version and usage.</summary>
    public static int Print()
    {
        var text = new StringBuilder();
        _ = text.AppendLine($"appliance version {Version} {Configuration}").AppendLine("usage:");
        AppendRows(text, ModeRows);
        foreach (var (heading, rows) in OptionGroups(Paths.ForThisUser()).Skip(1))
        {
            AppendRows(text.AppendLine($"{heading}:"), rows);
        }

        foreach (var (heading, rows) in CommandGroups)
        {
            AppendRows(text.AppendLine($"{heading}:"), [.. rows.Select(Row)]);
        }

        _ = text.AppendLine("'appliance COMMAND --help' prints the options of a command.");
        Console.Out.Write(text);
        return ExitCode.Fine;
    }

    /// <summary>Prints the usage of one command with its options, or of a family of commands.</summary>
    public static int Print(Command command)
    {
        var text = new StringBuilder();
        AppendRows(
            text.AppendLine("usage: appliance"),
            [.. CommandTable.Rows.Where(row => $" {row.Synopsis} ".StartsWith($"{NameOf(command)} ", StringComparison.Ordinal)).Select(Row)]);
        (string Left, string Help)[] options = [.. command.Options.Select(option => ($"{option.Name} {option.HelpName}".Trim(), option.Description ?? ""))];
        AppendRows(options.Length > 0 ? text.AppendLine("options:") : text, options);
        Console.Out.Write(text);
        return ExitCode.Fine;
    }

    /// <summary>The words by which a command is called, a space before each; empty for the program itself.</summary>
    public static string NameOf(Command command) =>
        string.Concat(command.Parents.OfType<Command>().Append(command).Where(one => one.Parents.Any()).Select(one => $" {one.Name}"));

    /// <summary>Prints the version in one line: name, version, build, platform, commit.</summary>
    public static int PrintVersion()
    {
        Console.Out.WriteLine($"appliance {Version} {Configuration} {RuntimeInformation.RuntimeIdentifier} {Commit}");
        return ExitCode.Fine;
    }

    private static (string Left, string Help) Row(CommandRow row) => (row.Synopsis, row.Help);

    private static (string Left, string Help) ModeRow(string name)
    {
        var row = SettingsTable.Find(name)!;
        return (row.IsSwitch ? $"--{row.Name}" : $"--{row.Name}={row.Value}", row.Help);
    }

    private static (string Left, string Help) Row(Setting row, DefaultPaths paths) => row.IsSwitch
        ? ($"--{row.Name}", row.Help)
        : ($"--{row.Name} {row.Value}", $"{row.Help} [{SampleConfiguration.DefaultOf(row, paths)}]");

    private static void AppendRows(StringBuilder text, IReadOnlyList<(string Left, string Help)> rows)
    {
        int width = rows.Select(row => row.Left.Length).DefaultIfEmpty().Max() + 3;
        foreach (var (left, help) in rows)
        {
            _ = text.Append(' ', Indent).Append(left.PadRight(width)).AppendLine(help);
        }
    }
}
