using System.Text;
using Appliance.Config;
using Appliance.Fuzz.Driver;
using static Appliance.Fuzz.Driver.FuzzException;

namespace Appliance.Fuzz.Targets;

/// <summary>
/// Configuration files, and the same values from a command line: settings or an error in words. What is in force can be written, as a
/// worker gets it, and read again.
/// </summary>
internal sealed class SettingsTarget : IFuzzTarget
{
    private const string FileName = "/etc/appliance.conf";

    private static readonly DefaultPaths Paths = new("/run/appliance", "/var/lib/appliance");

    public static FuzzTarget Row { get; } = new(
        "settings",
        "configuration and options: settings, or an error that names the line; written and read again the same",
        () => new SettingsTarget())
    {
        Words =
        [
            .. SettingsTable.Rows.SelectMany(Lines), "#", " # ", "=", "\n", "\r\n", "\xEF\xBB\xBF", "64k", "4M", "1G", "unix:/tmp/a",
            "[::1]:9000", "*:80", "off", "on",
        ],
    };

    public void Run(ReadOnlySpan<byte> input)
    {
        string[] lines = Encoding.UTF8.GetString(input).ReplaceLineEndings("\n").Split('\n');
        Require(SettingsBuilder.ReadPlaces(FileName, lines).All(place => place.Name is "run-dir" or "state-dir"), "a place is one of two directories");
        try
        {
            var given = SettingsBuilder.ReadFile(FileName, lines);
            RequireSame(SettingsBuilder.Build(Paths, given));
            RequireSame(SettingsBuilder.Build(Paths, given.Select(value => value with { Source = SettingsBuilder.CommandLine })));
            RequireReload(given);
        }
        catch (SettingException wrong)
        {
            Require(
                wrong.Message.Length > 0 && wrong.IsUsage == !wrong.Message.StartsWith(FileName, StringComparison.Ordinal),
                "an error names the line or the option");
            Require(!wrong.Message.Any(char.IsControl), "an error may be shown on a terminal");
        }
    }

    public void Dispose()
    {
    }

    private static IEnumerable<string> Lines(Setting row) =>
        ((string[])["", .. row.Default.Length > 0 ? [row.Default + "\n"] : (string[])[], .. row.Words.Select(word => word + "\n")])
            .Select(value => $"{row.Name} = {value}");

    private static void RequireSame(Settings settings)
    {
        string written = SettingsBuilder.Write(settings);
        Settings again;
        try
        {
            again = SettingsBuilder.Build(Paths, SettingsBuilder.ReadFile("the former process", written.Split('\n'), hasComments: false));
        }
        catch (SettingException wrong)
        {
            throw new FuzzException($"what is in force can be read again: {wrong.Message}", wrong);
        }

        Require(SettingsBuilder.Write(again) == written, "and is the same");
    }

    /// <summary>A running server takes over what it can, or says what is wrong.</summary>
    private static void RequireReload(IReadOnlyList<GivenValue> given)
    {
        var current = SettingsBuilder.Build(Paths, []);
        var changed = SettingsBuilder.Reload(current, () => SettingsBuilder.Build(Paths, given), out string note);
        Require(changed is not null || note.Length > 0, "a reload that is refused has a reason");
        RequireSame(changed ?? current);
    }
}
