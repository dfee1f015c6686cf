using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace Appliance.Protocols;

/// <summary>Bytes of unknown origin as one line that a terminal and a log can take.</summary>
public static class PrintableText
{
    private const int QuotedMax = 80;

    /// <summary>
    /// UTF-8 as it is; line ends and tabs as <c>\n</c>, <c>\r</c>, <c>\t</c>, all other control characters and whatever is not UTF-8 as
    /// <c>\xHH</c>, byte by byte.
    /// </summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="quote">Letters that get a backslash before them, so that what stands between quotes can be told apart.</param>
    public static string Escape(ReadOnlySpan<byte> bytes, string quote = "")
    {
        var text = new StringBuilder(bytes.Length);
        while (!bytes.IsEmpty)
        {
            bool isText = Rune.DecodeFromUtf8(bytes, out var rune, out int used) == OperationStatus.Done;
            if (isText && !Rune.IsControl(rune) && !Misleads(rune))
            {
                _ = rune.IsAscii && quote.Contains((char)rune.Value, StringComparison.Ordinal) ? text.Append('\\') : text;
                _ = text.Append(rune.ToString());
            }
            else
            {
                foreach (byte one in bytes[..used])
                {
                    _ = text.Append(one switch
                    {
                        (byte)'\n' => "\\n",
                        (byte)'\r' => "\\r",
                        (byte)'\t' => "\\t",
                        _ => string.Create(CultureInfo.InvariantCulture, $"\\x{one:X2}"),
                    });
                }
            }

            bytes = bytes[used..];
        }

        return text.ToString();
    }

    /// <summary>What <see cref="Escape"/> makes of bytes, up to a length, and three points when there is more.</summary>
    public static string EscapeBeginning(ReadOnlySpan<byte> bytes, int lettersMax) => Shorten(Escape(Beginning(bytes, lettersMax)), lettersMax);

    /// <summary>No fewer bytes than a text of some length is made of, and some more; a character has four at most.</summary>
    public static ReadOnlySpan<byte> Beginning(ReadOnlySpan<byte> bytes, int lettersMax) => bytes[..(int)Math.Min(bytes.Length, 4L * (lettersMax + 1L))];

    /// <summary>The beginning of a text that is longer, which ends with three points then; no character is cut in two.</summary>
    public static string Shorten(string text, int lettersMax) => text.Length <= lettersMax ? text
        : $"{text.AsSpan(0, char.IsHighSurrogate(text[lettersMax - 1]) ? lettersMax - 1 : lettersMax)}...";

    /// <summary>A text between quotes, its beginning at least: for messages that tell what was not understood.</summary>
    public static string Quote(string text) =>
        $"'{Escape(Encoding.UTF8.GetBytes(text.Length > QuotedMax ? text[..QuotedMax] : text))}{(text.Length > QuotedMax ? "…" : "")}'";

    /// <summary>Whether bytes are UTF-8 without a zero byte: text, as far as anybody can tell.</summary>
    public static bool IsText(ReadOnlySpan<byte> bytes) => !bytes.Contains((byte)0) && Utf8.IsValid(bytes);

    /// <summary>The text of UTF-8; null when it is none.</summary>
    public static string? TryDecode(ReadOnlySpan<byte> bytes) => Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : null;

    /// <summary>The line and paragraph separators of Unicode, and what turns the direction of writing.</summary>
    private static bool Misleads(Rune rune) => rune.Value is 0x2028 or 0x2029 or (>= 0x202A and <= 0x202E) or (>= 0x2066 and <= 0x2069);
}
