using System.Text.RegularExpressions;

namespace Appliance.Tests;

/// <summary>A place in the sources that writes a line of the log.</summary>
/// <param name="Where">File and line.</param>
/// <param name="Name">The event's name in the catalogue.</param>
/// <param name="Fields">How many values it gives; null if the place only asks about the event, or is none that is understood.</param>
/// <param name="IsUnderstood">Whether it is a call, or a name for one, that this class knows.</param>
internal sealed partial record EventCall(string Where, string Name, int? Fields, bool IsUnderstood)
{
    /// <summary>All places in the product that name an event.</summary>
    public static IReadOnlyList<EventCall> All { get; } = [.. SourceTree.Files.SelectMany(In)];

    private static IEnumerable<EventCall> In(string file)
    {
        string text = SourceTree.Text(Path.Combine("src/Appliance", file));
        foreach (Match match in Event().Matches(text))
        {
            string where = $"src/Appliance/{file}:{1 + text.AsSpan(0, match.Index).Count('\n')}";
            int open = OpenBefore(text, match.Index);
            string callee = open < 0 ? "" : Callee().Match(text[..open]).Groups["name"].Value;
            int? fields = callee switch
            {
                "Write" => Arguments(text, open) - 1,
                "LineLimit" => 1,
                "new" when Limit().IsMatch(text[..open]) => 1,
                "Writes" or "MayWrite" => null,
                _ => FieldsOfVariable(text, match.Index),
            };
            yield return new EventCall(where, match.Groups["name"].Value, fields, callee is "Writes" or "MayWrite" || fields is not null);
        }
    }

    /// <summary>For <c>var what = condition ? EventCatalogue.One : EventCatalogue.Other;</c>: what the call that follows gives.</summary>
    private static int? FieldsOfVariable(string text, int at)
    {
        int start = text.LastIndexOfAny([';', '{', '}'], at) + 1;
        var variable = Variable().Match(text[start..at]);
        int call = variable.Success ? text.IndexOf($".Write({variable.Groups["name"].Value},", at, StringComparison.Ordinal) : -1;
        return call < 0 ? null : Arguments(text, call + ".Write".Length) - 1;
    }

    /// <summary>The bracket that stands open where a name stands; -1 when its statement begins before there is one.</summary>
    private static int OpenBefore(string text, int at)
    {
        int depth = 0;
        for (int i = at - 1; i >= 0 && text[i] is not (';' or '{' or '}'); i--)
        {
            depth += text[i] switch { ')' => 1, '(' => -1, _ => 0 };
            if (depth < 0)
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>How many arguments stand in the brackets that open here.</summary>
    private static int Arguments(string text, int open)
    {
        int count = 1, depth = 0;
        for (int i = open; ; i++)
        {
            switch (text[i])
            {
                case '"':
                    i = EndOfString(text, i);
                    break;
                case '\'':
                    i = text.IndexOf('\'', i + 2);
                    break;
                case '(' or '[' or '{':
                    depth++;
                    break;
                case ')' or ']' or '}':
                    depth--;
                    if (depth == 0)
                    {
                        return count;
                    }

                    break;
                case ',' when depth == 1:
                    count++;
                    break;
                default:
                    break;
            }
        }
    }

    /// <summary>The closing quotation mark of a string, with what is in the braces of an interpolated one.</summary>
    private static int EndOfString(string text, int quote)
    {
        bool isInterpolated = text[quote - 1] == '$';
        int depth = 0;
        for (int i = quote + 1; ; i++)
        {
            if (text[i] == '"' && depth == 0)
            {
                return i;
            }

            if (text[i] == '"')
            {
                i = EndOfString(text, i);
            }
            else if (text[i] == '\\' && depth == 0)
            {
                i++;
            }
            else if (isInterpolated)
            {
                depth += text[i] switch { '{' => 1, '}' => -1, _ => 0 };
            }
        }
    }

    [GeneratedRegex(@"EventCatalogue\.(?<name>\w+)", RegexOptions.ExplicitCapture, 5000)]
    private static partial Regex Event();

    [GeneratedRegex(@"(?<name>\w+)$", RegexOptions.ExplicitCapture, 5000)]
    private static partial Regex Callee();

    [GeneratedRegex(@"LineLimit \w+ = new$", RegexOptions.None, 5000)]
    private static partial Regex Limit();

    [GeneratedRegex(@"^\s*var (?<name>\w+) = ", RegexOptions.ExplicitCapture, 5000)]
    private static partial Regex Variable();
}
