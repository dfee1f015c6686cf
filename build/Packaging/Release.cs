using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Cake.Core;

namespace Build.Packaging;

/// <summary>A release of CHANGELOG.md: <c>## VERSION - YYYY-MM-DD</c>, then one <c>- </c> line a change, continued by indented lines.</summary>
public sealed partial record Release(string Version, DateOnly Date, IReadOnlyList<string> Changes)
{
    private const string File = "CHANGELOG.md";

    /// <summary>All releases, the newest first.</summary>
    /// <exception cref="CakeException">There is none, or one has no changes.</exception>
    public static IReadOnlyList<Release> ReadAll()
    {
        var releases = new List<(Match Heading, List<string> Changes)>();
        foreach (var line in System.IO.File.ReadLines(File))
        {
            if (Heading().Match(line) is { Success: true } heading)
            {
                releases.Add((heading, []));
            }
            else if (line.StartsWith("- ", StringComparison.Ordinal) && releases.Count > 0)
            {
                releases[^1].Changes.Add(line[2..].Trim());
            }
            else if (line.StartsWith("  ", StringComparison.Ordinal) && releases is [.., { Changes: [.., _] changes }])
            {
                changes[^1] += " " + line.Trim();
            }
        }

        return releases.Count > 0 && releases.TrueForAll(release => release.Changes.Count > 0)
            ? [.. releases.Select(release => new Release(release.Heading.Groups["version"].Value, DateOf(release.Heading), release.Changes))]
            : throw new CakeException($"{File}: each release needs a heading '## VERSION - YYYY-MM-DD' and at least one line '- CHANGE'.");
    }

    /// <summary>The entry in Debian's format.</summary>
    public string ToDebian(string maintainer)
    {
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"appliance ({Version}) stable; urgency=medium\n\n");
        foreach (var change in Changes)
        {
            _ = text.Append(CultureInfo.InvariantCulture, $"  * {Wrap(change, "    ")}\n");
        }

        return text.Append(CultureInfo.InvariantCulture, $"\n -- {maintainer}  {Date:ddd, dd MMM yyyy} 00:00:00 +0000\n").ToString();
    }

    /// <summary>The entry in RPM's format.</summary>
    public string ToRpm(string maintainer)
    {
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"* {Date:ddd MMM dd yyyy} {maintainer} - {Version}-1\n");
        foreach (var change in Changes)
        {
            _ = text.Append(CultureInfo.InvariantCulture, $"- {Wrap(change.Replace("%", "%%", StringComparison.Ordinal), "  ")}\n");
        }

        return text.ToString();
    }

    private static DateOnly DateOf(Match heading) => DateOnly.ParseExact(heading.Groups["date"].Value, "yyyy-MM-dd", CultureInfo.InvariantCulture);

    private static string Wrap(string text, string indent)
    {
        const int WidthMax = 76;
        var lines = new List<string> { "" };
        foreach (var word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (lines[^1].Length > 0 && lines[^1].Length + word.Length >= WidthMax)
            {
                lines.Add("");
            }

            lines[^1] += (lines[^1].Length > 0 ? " " : "") + word;
        }

        return string.Join('\n' + indent, lines);
    }

    [GeneratedRegex(@"^## \[?(?<version>\d+\.\d+\.\d+)\]?\s+\W*(?<date>\d{4}-\d{2}-\d{2})", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Heading();
}
