namespace Appliance.Protocols;

/// <summary>Words of a command, which master and workers take apart alike: blanks, tabs and line ends are between them.</summary>
public static class CommandText
{
    private const string Between = " \t\r\n";

    /// <summary>The first word, and what stands behind it.</summary>
    public static (string Word, string Behind) Split(string text)
    {
        int end = text.AsSpan().IndexOfAny(Between);
        return end < 0 ? (text, "") : (text[..end], text[(end + 1)..].Trim());
    }

    /// <summary>All words.</summary>
    public static string[] Words(string text) => text.Split(Between.ToCharArray(), StringSplitOptions.RemoveEmptyEntries);
}
