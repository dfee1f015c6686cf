using System.Globalization;
using System.Text;

namespace Appliance.Config;

/// <summary>What somebody wrote, as an error shows it: not all of a long text, and nothing in it that steers a terminal.</summary>
internal static class Excerpt
{
    /// <summary>Enough to find the place.</summary>
    private const int LettersMax = 80;

    /// <summary>The text in quotes.</summary>
    public static string Of(string text) => $"'{Bare(text)}'";

    /// <summary>The text alone.</summary>
    public static string Bare(string text) =>
        Printable(text.Length > LettersMax ? text[..LettersMax] + "…" : text).Replace("\n", "\\x0A", StringComparison.Ordinal);

    /// <summary>All of a text, which may have several lines, without control characters.</summary>
    public static string Printable(string text)
    {
        var printable = new StringBuilder(text.Length);
        foreach (char letter in text)
        {
            _ = char.IsControl(letter) && letter != '\n' ? printable.Append(CultureInfo.InvariantCulture, $"\\x{(int)letter:X2}") : printable.Append(letter);
        }

        return printable.ToString();
    }
}
