using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Text;
using Appliance.Protocols;

namespace Appliance.Chat;

/// <summary>
/// Which characters names and messages may hold. Control characters are refused but for tab and line breaks in messages; so are format
/// characters that nobody sees, but for the joiners, selectors and tags that emoji and scripts are written with. In names marks of direction are
/// refused, too: a name stands in the middle of other people's text. A text of nothing that can be seen is blank.
/// </summary>
/// <remarks>
/// Sixteen bytes at a time: the halves of each pair of neighbouring bytes are looked up in tables of the pairs that a refused character begins
/// with, and what all four agree on is suspect. In most texts nothing is.
/// </remarks>
public static class ChatText
{
    /// <summary>Latin, Greek, Cyrillic and Armenian end below it: no joiner changes the shape of their letters.</summary>
    private const int ScriptsThatJoin = 0x590;

    /// <summary>Latin Extended Additional and Greek Extended.</summary>
    private const int LatinAndGreekMore = 0x1E00;

    private const int GeneralPunctuation = 0x2000;

    /// <summary>Shows nothing, but takes the room of a character.</summary>
    private const int BraillePatternBlank = 0x2800;

    /// <summary>U+0000 to U+001F, whatever follows.</summary>
    private const byte Control = 1 << 0;

    /// <summary>U+007F, whatever follows.</summary>
    private const byte Delete = 1 << 1;

    /// <summary>C2 80 to C2 AF.</summary>
    private const byte Control1 = 1 << 2;

    /// <summary>D8 9C.</summary>
    private const byte ArabicMark = 1 << 3;

    /// <summary>E2 80 and E2 81.</summary>
    private const byte Punctuation = 1 << 4;

    /// <summary>EF BB and EF BF.</summary>
    private const byte Specials = 1 << 5;

    /// <summary>F0 9B and F0 9D.</summary>
    private const byte Notation = 1 << 6;

    /// <summary>F3 A0.</summary>
    private const byte Tag = 1 << 7;

    /// <summary>What the second byte says nothing about.</summary>
    private const byte Single = Control | Delete;

    private static Vector128<byte> ByFirstHigh
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector128.Create(
            Control, Control, 0, 0, 0, 0, 0, Delete, 0, 0, 0, 0, Control1, ArabicMark, Punctuation | Specials, Notation | Tag);
    }

    private static Vector128<byte> ByFirstLow
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector128.Create(
            Control | Notation, Control, Control | Control1 | Punctuation, Control | Tag, Control, Control, Control, Control,
            Control | ArabicMark, Control, Control, Control, Control, Control, Control, Control | Delete | Specials);
    }

    private static Vector128<byte> BySecondHigh
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector128.Create(
            Single, Single, Single, Single, Single, Single, Single, Single,
            Single | Control1 | Punctuation, Single | Control1 | ArabicMark | Notation, Single | Control1 | Tag, Single | Specials,
            Single, Single, Single, Single);
    }

    private static Vector128<byte> BySecondLow
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector128.Create(
            Single | Control1 | Punctuation | Tag, Single | Control1 | Punctuation, Single | Control1, Single | Control1,
            Single | Control1, Single | Control1, Single | Control1, Single | Control1,
            Single | Control1, Single | Control1, Single | Control1, Single | Control1 | Specials | Notation,
            Single | Control1 | ArabicMark, Single | Control1 | Notation, Single | Control1, Single | Control1 | Specials);
    }

    /// <summary>Whether valid UTF-8 holds a character that is refused.</summary>
    public static bool HasRefused(ReadOnlySpan<byte> text, bool isName)
    {
        int at = text.IndexOfAnyExceptInRange((byte)' ', (byte)'~');
        if (at < 0)
        {
            return false;
        }

        // The last block overlaps the one before it, and its last byte is the second of a pair.
        int last = HalfBytes.IsSupported ? text.Length - Vector128<byte>.Count - 1 : -1;
        ref byte start = ref MemoryMarshal.GetReference(text);
        for (; at <= last; at = at == last ? text.Length - 1 : Math.Min(at + Vector128<byte>.Count, last))
        {
            var suspects = Suspects(Vector128.LoadUnsafe(ref start, (nuint)at), Vector128.LoadUnsafe(ref start, (nuint)at + 1));
            if (suspects != 0 && HasRefused(text, at, suspects, isName))
            {
                return true;
            }
        }

        for (; at < text.Length; at++)
        {
            if ((text[at] is < 0x20 or 0x7F or >= 0xC2) && IsRefused(text[at..], isName))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether a character is refused that begins where the bits from an offset on are set.</summary>
    private static bool HasRefused(ReadOnlySpan<byte> text, int at, uint suspects, bool isName)
    {
        for (; suspects != 0; suspects &= suspects - 1)
        {
            if (IsRefused(text[(at + BitOperations.TrailingZeroCount(suspects))..], isName))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A bit for each of sixteen bytes that begins, with the byte behind it, what may be refused.</summary>
    private static uint Suspects(Vector128<byte> first, Vector128<byte> second)
    {
        var found = HalfBytes.Find(ByFirstHigh, HalfBytes.High(first)) & HalfBytes.Find(ByFirstLow, HalfBytes.Low(first))
            & HalfBytes.Find(BySecondHigh, HalfBytes.High(second)) & HalfBytes.Find(BySecondLow, HalfBytes.Low(second));
        return Vector128.ExtractMostSignificantBits(~Vector128.Equals(found, Vector128<byte>.Zero));
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

    /// <summary>
    /// White space, fillers, and what only changes its neighbours (Unicode: White_Space and Default_Ignorable_Code_Point), and the empty Braille pattern.
    /// </summary>
    internal static bool IsBlank(int rune) => rune switch
    {
        <= ' ' or (>= 0x7F and <= 0xA0) or 0xAD or 0x34F or 0x61C or 0x115F or 0x1160 or 0x1680 or 0x17B4 or 0x17B5 => true,
        >= 0x180B and <= 0x180F => true,
        (>= 0x2000 and <= 0x200F) or (>= 0x2028 and <= 0x202F) or (>= 0x205F and <= 0x206F) => true,
        0x2800 or 0x3000 or 0x3164 or (>= 0xFE00 and <= 0xFE0F) or 0xFEFF or 0xFFA0 or (>= 0xFFF0 and <= 0xFFFB) => true,
        0x1D159 or (>= 0x1BCA0 and <= 0x1BCA3) or (>= 0x1D173 and <= 0x1D17A) or (>= 0xE0000 and <= 0xE0FFF) => true,
        _ => false,
    };

    /// <summary>Whether the first character of a text is refused; one row for each first byte that one of them has. The middle of a character is not.</summary>
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
    private static bool IsRefused2040(byte last, bool isName) =>
        last is (>= 0xA0 and <= 0xA5) or (>= 0xAA and <= 0xAF) || (isName && last is >= 0xA6 and <= 0xA9);

    /// <summary>Whether a name has an invisible character behind a letter that does not join: the name would look like another one.</summary>
    public static bool HasUnseenBehindLetter(ReadOnlySpan<byte> name)
    {
        bool isBehindLetter = false;
        for (bool mayHave = MayHaveUnseen(name); mayHave && !name.IsEmpty;)
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

    /// <summary>Whether a name has the first byte of a character that shows nothing and that names may hold.</summary>
    private static bool MayHaveUnseen(ReadOnlySpan<byte> name)
    {
        foreach (byte value in name)
        {
            if (value is 0xCD or (>= 0xE1 and <= 0xE3) or 0xEF or 0xF3)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Marks that nothing shows of without the character that they stand on.</summary>
    internal static bool IsMark(Rune rune) =>
        !rune.IsAscii && Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark;
}
