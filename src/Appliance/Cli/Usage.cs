using System.CommandLine;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using Appliance.Config;
using Appliance.Metrics;

namespace Appliance.Cli;

/// <summary>An option or command as it is typed, and what it means.</summary>
internal sealed record UsageRow(string Left, string Help);

/// <summary>Options under their heading.</summary>
internal sealed record OptionGroup(string Heading, IReadOnlyList<UsageRow> Rows);

/// <summary>Commands under their heading.</summary>
internal sealed record CommandGroup(string Heading, IReadOnlyList<CommandRow> Rows);

/// <summary>What <c>appliance</c> prints about itself.</summary>
internal static class Usage
{
    private const int Indent = 2;

    /// <summary>The seven lines that administrators know by heart, in their order; two of them are actions and no settings.</summary>
    private static readonly UsageRow[] ModeRows =
    [
        ModeRow("daemon"),
        ModeRow("debug"),
        new("--settings", "print settings"),
        ModeRow("nofork"),
        new("--check", "check dependency modules"),
        ModeRow("master"),
        ModeRow("proc"),
    ];

    private static readonly UsageRow[] OtherActions =
    [
        new("--config FILE", "read settings from FILE; default /etc/appliance/appliance.conf if it is there"),
        new("--help", "print this"),
        new("--version", "print the version"),
    ];

    /// <summary>All options under their headings, each as it is typed and with what it means; paths are those of some user.</summary>
    public static IReadOnlyList<OptionGroup> OptionGroups(DefaultPaths paths)
    {
        List<OptionGroup> groups = [new(SampleConfiguration.HeadingOf(SettingGroup.Mode), ModeRows)];
        foreach (var group in Enum.GetValues<SettingGroup>())
        {
            if (group != SettingGroup.Mode)
            {
                groups.Add(new(SampleConfiguration.HeadingOf(group), [.. SettingsTable.In(group).Select(row => Row(row, paths))]));
            }
        }

        groups.Add(new("other", OtherActions));
        return groups;
    }

    /// <summary>All commands under their headings.</summary>
    public static IReadOnlyList<CommandGroup> CommandGroups { get; } =
    [
        new("commands", CommandTable.Server),
        new("System V IPC, shared with PHP (--key 0x41020304, or --path FILE --project A; by default --state-dir and A)", CommandTable.Ipc),
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
        StandardOutput.Out.Write(text);
        return ExitCode.Fine;
    }

    /// <summary>Prints the usage of one command with its options, or of a family of commands.</summary>
    public static int Print(Command command)
    {
        var text = new StringBuilder();
        AppendRows(
            text.AppendLine("usage: appliance"),
            [.. CommandTable.Rows.Where(row => $" {row.Synopsis} ".StartsWith($"{NameOf(command)} ", StringComparison.Ordinal)).Select(Row)]);
        UsageRow[] options = [.. command.Options.Select(option => new UsageRow($"{option.Name} {option.HelpName}".Trim(), option.Description ?? ""))];
        AppendRows(options.Length > 0 ? text.AppendLine("options:") : text, options);
        StandardOutput.Out.Write(text);
        return ExitCode.Fine;
    }

    /// <summary>The words by which a command is called, a space before each; empty for the program itself.</summary>
    public static string NameOf(Command command) =>
        string.Concat(command.Parents.OfType<Command>().Append(command).Where(one => one.Parents.Any()).Select(one => $" {one.Name}"));

    /// <summary>Prints the version in one line: name, version, build, platform, commit.</summary>
    public static int PrintVersion()
    {
        StandardOutput.Out.WriteLine($"appliance {Version} {Configuration} {RuntimeInformation.RuntimeIdentifier} {Commit}");
        return ExitCode.Fine;
    }

    private static UsageRow Row(CommandRow row) => new(row.Synopsis, row.Help);

    private static UsageRow ModeRow(string name)
    {
        var row = SettingsTable.Find(name)!;
        return new(row.IsSwitch ? $"--{row.Name}" : $"--{row.Name}={row.Value}", row.Help);
    }

    private static UsageRow Row(Setting row, DefaultPaths paths) => row.IsSwitch
        ? new($"--{row.Name}", row.Help)
        : new($"--{row.Name} {row.Value}", $"{row.Help} [{SampleConfiguration.DefaultOf(row, paths)}]");

    private static void AppendRows(StringBuilder text, IReadOnlyList<UsageRow> rows)
    {
        int width = 3;
        foreach (var row in rows)
        {
            width = Math.Max(width, row.Left.Length + 3);
        }

        foreach (var (left, help) in rows)
        {
            _ = text.Append(' ', Indent).Append(left.PadRight(width)).AppendLine(help);
        }
    }
}
