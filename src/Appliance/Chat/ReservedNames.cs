using System.Globalization;
using System.Text;

namespace Appliance.Chat;

/// <summary>
/// Names that clients cannot take, because they are the server's own: <c>server</c>, which operators say things as, and <c>system</c>. They are
/// compared without case, blanks and what cannot be seen; letters that look like others, or stand for them in another style, count as
/// those (Unicode UTS 39, what of it concerns these letters).
/// </summary>
public static class ReservedNames
{
    private const int LettersMax = 6;

    /// <summary>For each letter of a reserved name what looks like it, beyond styles that <see cref="LetterOf"/> knows by their range.</summary>
    private static readonly (char Letter, string Others)[] Lookalikes =
    [
        ('s', "\u017F\u0405\u0455\u054F\u02E2\u209B\u13DA\uA4E2\uA731"),
        ('e', "\u0395\u0415\u0435\u04BD\u13AC\u1D07\u1D49\u2091\u212E\u212F\u2130\u2147\uA4F0\uAB32"),
        ('r', "\u0280\u02B3\u0433\u13A1\u1D26\u1D63\u211B\u211C\u211D\u2C85\uA4E3\uAB47\uAB48"),
        ('v', "\u03BD\u0474\u0475\u13D9\u1D20\u1D5B\u1D65\u2164\u2174\u2228\u22C1\uA4E6"),
        ('y', "\u028F\u02B8\u03A5\u03B3\u03D2\u0423\u0443\u04AE\u04AF\u10E7\u1D8C\u1EFF\u213D\uA4EC"),
        ('t', "\u03A4\u03C4\u0422\u0442\u13A2\u1D1B\u1D57\u209C\u22A4\u2CA6\uA4D4"),
        ('m', "\u039C\u03FA\u041C\u043C\u13B7\u16D6\u1D0D\u1D50\u2098\u2133\u216F\u217F\u2C98\uA4DF"),
    ];

    private static ReadOnlySpan<byte> Server => "server"u8;

    private static ReadOnlySpan<byte> Announcer => "system"u8;

    /// <summary>Whether a name, in valid UTF-8, is one of them or looks so.</summary>
    public static bool Contains(ReadOnlySpan<byte> name)
    {
        Span<byte> letters = stackalloc byte[LettersMax];
        int count = 0;
        while (!name.IsEmpty)
        {
            int rune = name[0];
            int bytes = 1;
            if (rune >= 0x80)
            {
                _ = Rune.DecodeFromUtf8(name, out var decoded, out bytes);
                rune = decoded.Value;
            }

            name = name[bytes..];
            byte letter = LetterOf(rune);
            if (letter == 0 && !IsPassedOver(rune))
            {
                return false;
            }

            if (letter != 0)
            {
                if (count == LettersMax || (letter != Server[count] && letter != Announcer[count]))
                {
                    return false;
                }

                letters[count++] = letter;
            }
        }

        return letters[..count].SequenceEqual(Server) || letters[..count].SequenceEqual(Announcer);
    }

    /// <summary>The small letter of ASCII that a character is, or is taken for; 0 for none.</summary>
    private static byte LetterOf(int rune)
    {
        if (rune < 0x80)
        {
            return char.IsAsciiLetter((char)rune) ? (byte)(rune | 0x20) : (byte)0;
        }

        int index = rune switch
        {
            // Full width, in parentheses, circles and squares, regional indicators, and the styles of mathematics.
            >= 0xFF21 and <= 0xFF3A => rune - 0xFF21,
            >= 0xFF41 and <= 0xFF5A => rune - 0xFF41,
            >= 0x249C and <= 0x24E9 => (rune - 0x249C) % 26,
            >= 0x1F110 and <= 0x1F129 => rune - 0x1F110,
            >= 0x1F130 and <= 0x1F149 => rune - 0x1F130,
            >= 0x1F150 and <= 0x1F169 => rune - 0x1F150,
            >= 0x1F170 and <= 0x1F189 => rune - 0x1F170,
            >= 0x1F1E6 and <= 0x1F1FF => rune - 0x1F1E6,
            >= 0x1D400 and <= 0x1D6A3 => (rune - 0x1D400) % 26,
            _ => -1,
        };
        if (index >= 0)
        {
            return (byte)('a' + index);
        }

        foreach (var (letter, others) in Lookalikes)
        {
            if (rune <= char.MaxValue && others.Contains((char)rune, StringComparison.Ordinal))
            {
                return (byte)letter;
            }
        }

        return 0;
    }

    /// <summary>What does not tell names apart at a glance: blanks, and marks on letters.</summary>
    private static bool IsPassedOver(int rune) =>
        ChatText.IsBlank(rune) || (rune >= 0x300 && Rune.GetUnicodeCategory(new Rune(rune)) == UnicodeCategory.NonSpacingMark);
}
