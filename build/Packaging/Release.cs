using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Cake.Core;

namespace Build.Packaging;

/// <summary>
/// A release of CHANGELOG.md: <c>## VERSION - YYYY-MM-DD</c>, then one <c>- </c> line a change, continued by indented lines. The first one may be
/// <c>## Unreleased</c>: the version that is being built, of the day of its commit.
/// </summary>
public sealed partial record Release(string Version, DateOnly Date, IReadOnlyList<string> Changes)
{
    private const string File = "CHANGELOG.md";
    private const string Unreleased = "## Unreleased";

    /// <summary>All releases, the newest first, which is the version that is being built.</summary>
    /// <exception cref="CakeException">A heading is wrong, a release has no changes, or the first one is another version.</exception>
    public static IReadOnlyList<Release> ReadAll(BuildContext context)
    {
        var releases = new List<(string Heading, List<string> Changes)>();
        foreach (var line in System.IO.File.ReadLines(File))
        {
            if (line.StartsWith("## ", StringComparison.Ordinal))
            {
                releases.Add((line, []));
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

        List<Release> read = [.. releases.Select((release, place) => Read(context, place, release.Heading, release.Changes))];
        if (read.Count == 0 || read[0].Version != context.Version || read.Skip(1).Any(release => release.Version == context.Version))
        {
            throw new CakeException(
                $"{File}: the first part, and no other, must be of version {context.Version} (Directory.Build.props): "
                + $"'{Unreleased}' or '## VERSION - YYYY-MM-DD'.");
        }

        return read;
    }

    /// <summary>The day of the version that is being built, as manual pages have it.</summary>
    public static string DateOfNewest(BuildContext context) => ReadAll(context)[0].Date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

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

    private static Release Read(BuildContext context, int place, string heading, List<string> changes)
    {
        var match = Heading().Match(heading);
        bool isUnreleased = place == 0 && heading.TrimEnd() == Unreleased;
        if (changes.Count == 0 || !(match.Success || isUnreleased))
        {
            throw new CakeException(
                $"{File}: '{heading}' needs the form '## VERSION - YYYY-MM-DD' ('{Unreleased}' for the first one alone), and at least one line '- CHANGE'.");
        }

        return isUnreleased
            ? new Release(context.Version, DayOf(context.SourceDateEpoch), changes)
            : new Release(match.Groups["version"].Value, DateOnly.ParseExact(match.Groups["date"].Value, "yyyy-MM-dd", CultureInfo.InvariantCulture), changes);
    }

    private static DateOnly DayOf(string epoch) =>
        DateOnly.FromDateTime(DateTimeOffset.FromUnixTimeSeconds(long.Parse(epoch, CultureInfo.InvariantCulture)).UtcDateTime);

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
