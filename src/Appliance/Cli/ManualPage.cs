using System.CommandLine;
using System.Globalization;
using System.Reflection;
using System.Text;
using Appliance.Config;
using Appliance.Loop;
using Appliance.Metrics;
using Appliance.Operators;
using Appliance.Protocols.WebSocket;

namespace Appliance.Cli;

/// <summary>Fills what the tables know into the manual pages, which are written in man(7).</summary>
internal static class ManualPage
{
    /// <summary>Lines of a page's source stay below 80 characters, escapes included.</summary>
    private const int LineMax = 72;

    /// <summary>Fills a page.</summary>
    public static byte[] Fill(byte[] page) => Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(page)
        .Replace("@DATE@", Date, StringComparison.Ordinal)
        .Replace("@VERSION@", Usage.Version, StringComparison.Ordinal)
        .Replace(".\\\" @OPTIONS@\n", Options(), StringComparison.Ordinal)
        .Replace(".\\\" @COMMANDS@\n", Commands(), StringComparison.Ordinal)
        .Replace(".\\\" @CONTROL@\n", Control(), StringComparison.Ordinal)
        .Replace(".\\\" @SIGNALS@\n", Signals(), StringComparison.Ordinal)
        .Replace(".\\\" @CLOSE@\n", CloseCodesSent(), StringComparison.Ordinal)
        .Replace(".\\\" @FIGURES@\n", Figures(), StringComparison.Ordinal)
        .Replace(".\\\" @SETTINGS@\n", SettingsOfFile(), StringComparison.Ordinal));

    /// <summary>The day of the release.</summary>
    private static string Date => typeof(ManualPage).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .FirstOrDefault(metadata => metadata.Key == "ReleaseDate")?.Value ?? "";

    private static string Options()
    {
        var text = new StringBuilder();
        foreach (var (heading, rows) in Usage.OptionGroups(Paths.OfSystem))
        {
            _ = text.Append($".SS {Capital(heading)}\n");
            foreach (var (left, help) in rows)
            {
                AppendEntry(text, Synopsis(left), $"{Capital(help)}.");
            }
        }

        return text.ToString();
    }

    private static string Commands()
    {
        var text = new StringBuilder();
        foreach (var (heading, rows) in Usage.CommandGroups)
        {
            string[] parts = heading.TrimEnd(')').Split(" (");
            _ = text.Append($".SS {Escape(Capital(parts[0]))}\n");
            if (parts is [_, var remark])
            {
                AppendText(text, $"The object: {remark}.");
            }

            UsageRow[][] options = [.. rows.Select(row => row.Make().Options.Select(OptionRow).ToArray())];
            bool IsShared(UsageRow option) => Array.FindAll(options, some => some.Contains(option)).Length > rows.Count / 2;
            UsageRow[] shared = [.. options.SelectMany(some => some).Distinct().Where(IsShared)];
            if (shared.Length > 0)
            {
                AppendText(text, "Most of them take:");
                AppendOptions(text, shared);
            }

            for (int i = 0; i < rows.Count; i++)
            {
                AppendEntry(text, Synopsis(rows[i].Synopsis), $"{Capital(rows[i].Help)}.");
                AppendOptions(text, [.. options[i].Except(shared)]);
            }
        }

        return text.ToString();
    }

    private static UsageRow OptionRow(Option option) => new($"{option.Name} {option.HelpName}".Trim(), option.Description ?? option.HelpName ?? option.Name);

    /// <summary>Options of a command, set in below it.</summary>
    private static void AppendOptions(StringBuilder text, UsageRow[] options)
    {
        if (options.Length == 0)
        {
            return;
        }

        _ = text.Append(".RS\n");
        foreach (var (synopsis, help) in options)
        {
            AppendEntry(text, Synopsis(synopsis), $"{Capital(help)}.");
        }

        _ = text.Append(".RE\n");
    }

    /// <summary>What the monitoring port tells, a figure an entry.</summary>
    private static string Figures()
    {
        var text = new StringBuilder();
        foreach (var metric in MetricsTable.Rows)
        {
            AppendEntry(
                text, $"\\fB{metric.Name}\\fR, \\fBappliance_{metric.Prometheus}\\fR",
                $"{metric.Help}{(metric.IsPerWorker ? "" : " Of the server as a whole.")}");
        }

        return text.ToString();
    }

    /// <summary>Commands of the control queue.</summary>
    private static string Control()
    {
        var text = new StringBuilder();
        foreach (var row in ControlWords.Rows)
        {
            string synopsis = row.Word == ControlCommand.JsonWord ? $"\\fB{Escape(row.Synopsis)}\\fR" : Synopsis(row.Synopsis);
            AppendEntry(text, synopsis, row.Help);
        }

        return text.ToString();
    }

    /// <summary>Signals that people send, those of one effect together.</summary>
    private static string Signals()
    {
        var text = new StringBuilder();
        foreach (var rows in SignalTable.Rows.Where(row => row.Help.Length > 0).GroupBy(row => row.Help, StringComparer.Ordinal))
        {
            AppendEntry(text, string.Join(", ", rows.Select(row => $"\\fB{row.Name}\\fR")), rows.Key);
        }

        return text.ToString();
    }

    private static string CloseCodesSent()
    {
        var text = new StringBuilder();
        foreach (var (code, when) in CloseCodes.Sent)
        {
            AppendEntry(text, string.Create(CultureInfo.InvariantCulture, $"\\fB{(int)code}\\fR"), when);
        }

        return text.ToString();
    }

    private static string SettingsOfFile()
    {
        var text = new StringBuilder();
        foreach (var group in Enum.GetValues<SettingGroup>())
        {
            _ = text.Append($".SS {Capital(SampleConfiguration.HeadingOf(group))}\n");
            foreach (var row in SettingsTable.In(group))
            {
                string value = row.IsSwitch ? "on\\fR|\\fIoff" : row.Value.StartsWith('[') ? "N" : Escape(row.Value);
                AppendEntry(
                    text,
                    $"\\fB{Escape(row.Name)}\\fR = \\fI{value}\\fR",
                    $"{SampleConfiguration.MeaningOf(row)} {SampleConfiguration.RulesOf(row)} Default: {SampleConfiguration.DefaultOf(row, Paths.OfSystem)}.");
            }
        }

        return text.ToString();
    }

    /// <summary>A tag and what belongs to it.</summary>
    private static void AppendEntry(StringBuilder text, string tag, string body) => AppendText(text.Append($".TP\n{tag}\n"), body);

    /// <summary>Sentences, each on lines of its own.</summary>
    private static void AppendText(StringBuilder text, string sentences)
    {
        string[] lines = sentences.Replace(". ", ".\n", StringComparison.Ordinal).Split('\n');
        foreach (string line in lines.SelectMany(sentence => SampleConfiguration.Wrap(sentence, LineMax)))
        {
            _ = text.Append(Escape(line)).Append('\n');
        }
    }

    /// <summary>Words in capitals stand for something, and are in italics; all others are typed as they are.</summary>
    private static string Synopsis(string synopsis)
    {
        var text = new StringBuilder("\\fB");
        bool stands = false;
        for (int i = 0; i < synopsis.Length; i++)
        {
            bool next = char.IsAsciiLetterUpper(synopsis[i]) && (stands || i == 0 || !char.IsAsciiLetterOrDigit(synopsis[i - 1]) || synopsis[i - 1] == '[');
            if (char.IsAsciiLetter(synopsis[i]) && next != stands)
            {
                stands = next;
                _ = text.Append(stands ? "\\fI" : "\\fB");
            }

            _ = text.Append(Escape(synopsis[i..(i + 1)]));
        }

        return text.Append("\\fR").ToString();
    }

    /// <summary>What roff takes for itself: backslashes, hyphens that are meant as minus signs, and a control character that begins a line.</summary>
    private static string Escape(string text)
    {
        string escaped = text
            .Replace("\\", "\\e", StringComparison.Ordinal)
            .Replace("-", "\\-", StringComparison.Ordinal)
            .Replace("…", ".\\|.\\|.", StringComparison.Ordinal);
        return escaped is ['.' or '\'', ..] ? $"\\&{escaped}" : escaped;
    }

    private static string Capital(string text) => text.Length == 0 ? "" : $"{char.ToUpperInvariant(text[0])}{text[1..]}";
}
