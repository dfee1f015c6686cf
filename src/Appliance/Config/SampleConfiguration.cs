using System.Text;

namespace Appliance.Config;

/// <summary>The configuration file as it is installed: every setting with what it means, why its default is what it is, and its default.</summary>
public static class SampleConfiguration
{
    private const int WidthMax = 100;

    private const string Head = """
        # Configuration of appliance, the WebSocket chat server; see appliance.conf(5).
        #
        # One "name = value" per line. The names are the long options of the command line, which wins over
        # this file. A "#" at the beginning of a word starts a comment. Every setting is here, commented
        # out, with its default.
        #
        # Check a change:      appliance --check
        # Apply it:            appliance reload      (names the changes that need a restart)
        # Print what applies:  appliance --settings
        """;

    /// <summary>Headings of the groups, as the usage has them.</summary>
    public static string HeadingOf(SettingGroup group) => group switch
    {
        SettingGroup.Mode => "how it runs",
        SettingGroup.Place => "places",
        SettingGroup.Chat => "chat",
        SettingGroup.Time => "times",
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>The default of a setting, as it would be written.</summary>
    public static string DefaultOf(Setting row, DefaultPaths paths) => row.Default.Length > 0 ? row.Default : row.Show(SettingsBuilder.Build(paths, []));

    /// <summary>What values a setting takes, and what it takes to change it, in one sentence.</summary>
    public static string RulesOf(Setting row) =>
        $"Takes {row.Allowed}.{(row.IsRepeatable ? " May be given several times." : "")}{(row.IsReloadable ? "" : " A change needs a restart.")}";

    /// <summary>Help and reason of a setting as sentences.</summary>
    public static string MeaningOf(Setting row) => $"{Sentence(row.Help)} {row.Reason}";

    /// <summary>Writes the file.</summary>
    public static string Write(DefaultPaths paths)
    {
        var text = new StringBuilder(Head).Append('\n');
        foreach (var group in Enum.GetValues<SettingGroup>())
        {
            _ = text.Append($"\n\n# --- {HeadingOf(group)} ---\n");
            foreach (var row in SettingsTable.In(group))
            {
                _ = text.Append('\n');
                AppendComment(text, MeaningOf(row));
                AppendComment(text, RulesOf(row));
                _ = text.Append($"#{row.Name} = {DefaultOf(row, paths)}\n");
            }
        }

        return text.ToString();
    }

    /// <summary>Breaks a text at spaces into lines of a width at most.</summary>
    public static IEnumerable<string> Wrap(string text, int widthMax)
    {
        string line = "";
        foreach (string word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.Length > 0 && line.Length + 1 + word.Length > widthMax)
            {
                yield return line;
                line = "";
            }

            line += line.Length > 0 ? $" {word}" : word;
        }

        yield return line;
    }

    private static string Sentence(string text) => $"{char.ToUpperInvariant(text[0])}{text[1..]}.";

    private static void AppendComment(StringBuilder text, string comment)
    {
        foreach (string line in Wrap(comment, WidthMax - 2))
        {
            _ = text.Append("# ").Append(line).Append('\n');
        }
    }
}
