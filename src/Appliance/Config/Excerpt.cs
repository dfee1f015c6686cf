namespace Appliance.Config;

/// <summary>What somebody wrote, as an error shows it: not all of a long text, and nothing in it that steers a terminal.</summary>
internal static class Excerpt
{
    /// <summary>Enough to find the place.</summary>
    private const int LettersMax = 80;

    /// <summary>The text in quotes.</summary>
    public static string Of(string text) => $"'{Bare(text)}'";

    /// <summary>The text alone.</summary>
    public static string Bare(string text)
    {
        string shown = text.Length > LettersMax ? text[..LettersMax] + "…" : text;
        return string.Concat(shown.Select(letter => char.IsControl(letter) ? $"\\x{(int)letter:X2}" : $"{letter}"));
    }
}
