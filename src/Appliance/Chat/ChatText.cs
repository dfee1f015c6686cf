using System.Buffers;
using System.Globalization;
using System.Text;

namespace Appliance.Chat;

/// <summary>
/// Which characters names and messages may hold. Control characters are refused but for tab and line breaks in messages; so are format
/// characters that nobody sees, but for the joiners, selectors and tags that emoji and scripts are written with. In names marks of direction are
/// refused, too: a name stands in the middle of other people's text. A text of nothing that can be seen is blank.
/// </summary>
public static class ChatText
{
    /// <summary>Latin, Greek, Cyrillic and Armenian end below it: no joiner changes the shape of their letters.</summary>
    private const int ScriptsThatJoin = 0x590;

    /// <summary>Latin Extended Additional and Greek Extended.</summary>
    private const int LatinAndGreekMore = 0x1E00;

    private const int GeneralPunctuation = 0x2000;

    /// <summary>Shows nothing, but takes the room of a character.</summary>
    private const int BraillePatternBlank = 0x2800;

    /// <summary>First bytes of all characters that may be refused: most texts hold none of them, and are decided by one vectorised search.</summary>
    private static readonly SearchValues<byte> Suspects = SearchValues.Create(
        [.. Enumerable.Range(0, 0x20).Select(control => (byte)control), 0x7F, 0xC2, 0xD8, 0xE2, 0xEF, 0xF0, 0xF3]);

    /// <summary>Whether valid UTF-8 holds a character that is refused.</summary>
    public static bool HasRefused(ReadOnlySpan<byte> text, bool isName)
    {
        for (int at = 0; at < text.Length;)
        {
            if (text[at] < 0x80)
            {
                int next = text[at..].IndexOfAny(Suspects);
                if (next < 0)
                {
                    return false;
                }

                at += next;
            }

            if (IsRefused(text[at..], isName))
            {
                return true;
            }

            at += BytesOf(text[at]);
        }

        return false;
    }

    /// <summary>Whether valid UTF-8 shows nothing.</summary>
    public static bool IsBlank(ReadOnlySpan<byte> text)
    {
        while (!text.IsEmpty)
        {
            if (text[0] is > (byte)' ' and < 0x7F)
            {
                return false;
            }

            _ = Rune.DecodeFromUtf8(text, out var rune, out int bytes);
            if (!IsBlank(rune.Value) && !IsMark(rune))
            {
                return false;
            }

            text = text[bytes..];
        }

        return true;
    }

    /// <summary>White space, fillers, and what only changes its neighbours (Unicode: White_Space and Default_Ignorable_Code_Point), and the empty Braille pattern.</summary>
    internal static bool IsBlank(int rune) => rune switch
    {
        <= ' ' or (>= 0x7F and <= 0xA0) or 0xAD or 0x34F or 0x61C or 0x115F or 0x1160 or 0x1680 or 0x17B4 or 0x17B5 => true,
        >= 0x180B and <= 0x180F => true,
        (>= 0x2000 and <= 0x200F) or (>= 0x2028 and <= 0x202F) or (>= 0x205F and <= 0x206F) => true,
        0x2800 or 0x3000 or 0x3164 or (>= 0xFE00 and <= 0xFE0F) or 0xFEFF or 0xFFA0 or (>= 0xFFF0 and <= 0xFFFB) => true,
        0x1D159 or (>= 0x1BCA0 and <= 0x1BCA3) or (>= 0x1D173 and <= 0x1D17A) or (>= 0xE0000 and <= 0xE0FFF) => true,
        _ => false,
    };

    /// <summary>How many bytes the character has that begins so (RFC 3629, 3).</summary>
    private static int BytesOf(byte first) => first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;

    /// <summary>Whether the first character of a text is refused; one row for each first byte that one of them has.</summary>
    private static bool IsRefused(ReadOnlySpan<byte> text, bool isName) => text[0] switch
    {
        (byte)'\t' or (byte)'\n' or (byte)'\r' => isName,
        < 0x20 or 0x7F => true,

        // U+0080 to U+009F, and U+00AD, the soft hyphen.
        0xC2 => text[1] is < 0xA0 or 0xAD,

        // U+061C, the Arabic letter mark.
        0xD8 => isName && text[1] == 0x9C,
        0xE2 => text[1] == 0x80 ? IsRefused2000(text[2], isName) : text[1] == 0x81 && IsRefused2040(text[2], isName),

        // U+FEFF, and U+FFF0 to U+FFFB: annotations, and what may become one.
        0xEF => (text[1] == 0xBB && text[2] == 0xBF) || (text[1] == 0xBF && text[2] is >= 0xB0 and <= 0xBB),

        // U+1BCA0 to U+1BCA3 of shorthand, U+1D173 to U+1D17A of musical notes.
        0xF0 => (text[1] == 0x9B && text[2] == 0xB2 && text[3] is >= 0xA0 and <= 0xA3)
            || (text[1] == 0x9D && text[2] == 0x85 && text[3] is >= 0xB3 and <= 0xBA),

        // U+E0000 to U+E001F: a tag of languages. Those behind it make flags, and selectors follow.
        0xF3 => text[1] == 0xA0 && text[2] == 0x80 && text[3] < 0xA0,
        _ => false,
    };

    /// <summary>By the last byte, of U+2000 to U+203F: a space without width; marks of direction and line separators in names.</summary>
    private static bool IsRefused2000(byte last, bool isName) => last == 0x8B || (isName && last is 0x8E or 0x8F or (>= 0xA8 and <= 0xAE));

    /// <summary>By the last byte, of U+2040 to U+207F: what joins words or stands for an operator, unseen; isolates in names.</summary>
    private static bool IsRefused2040(byte last, bool isName) => last is (>= 0xA0 and <= 0xA5) or (>= 0xAA and <= 0xAF) || (isName && last is >= 0xA6 and <= 0xA9);

    /// <summary>Whether a name has an unseen character behind a letter that does not join: the name would pass for another one.</summary>
    public static bool HasUnseenBehindLetter(ReadOnlySpan<byte> name)
    {
        bool isBehindLetter = false;
        for (bool isAscii = Ascii.IsValid(name); !isAscii && !name.IsEmpty;)
        {
            _ = Rune.DecodeFromUtf8(name, out var rune, out int bytes);
            if (isBehindLetter && IsBlank(rune.Value) && !Rune.IsWhiteSpace(rune) && rune.Value != BraillePatternBlank)
            {
                return true;
            }

            bool isOfScript = rune.Value is < ScriptsThatJoin or (>= LatinAndGreekMore and < GeneralPunctuation);
            isBehindLetter = isOfScript && (Rune.IsLetter(rune) || IsMark(rune));
            name = name[bytes..];
        }

        return false;
    }

    /// <summary>Marks that nothing shows of without the character that they stand on.</summary>
    internal static bool IsMark(Rune rune) =>
        !rune.IsAscii && Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark;
}
