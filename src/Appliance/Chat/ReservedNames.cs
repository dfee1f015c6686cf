using System.Globalization;
using System.Text;

namespace Appliance.Chat;

/// <summary>
/// Names that clients cannot take, because they are the server's own: <c>server</c>, which operators say things as, and <c>system</c>. They
/// are compared without case, blanks, punctuation, marks and what cannot be seen. Digits and letters that look like a letter, are one with a
/// mark, or stand for it in another style count as that letter (Unicode UTS 39, what of it concerns these letters).
/// </summary>
public static class ReservedNames
{
    /// <summary>
    /// For each letter of a reserved name what looks like it, beyond styles that <see cref="Unstyled"/> knows by their range: digits; Latin
    /// letters with marks (those that NFKD takes apart, and by their names those with a stroke, hook, tail or tilde); letters of other scripts.
    /// </summary>
    private static readonly (char Letter, string Others)[] Lookalikes =
    [
        ('s',
            "5$ŚśŜŝŞşŠšȘșȿʂᵴᶊṠṡṢṣṤṥṦṧṨṩẛⱾꞨꞩꟅꟉꟊ𝼞"
            + "\u017F\u02E2\u0405\u0455\u054F\u13DA\u1DB3\u209B\uA4E2\uA731\U000107BA"),
        ('e',
            "3ÈÉÊËèéêëĒēĔĕĖėĘęĚěȄȅȆȇȨȩɆɇᶒḔḕḖḗḘḙḚḛḜḝẸẹẺẻẼẽẾếỀềỂểỄễỆệⱸꬴ"
            + "\u0388\u0395\u0400\u0401\u0415\u0435\u0450\u0451\u04BD\u04D6\u04D7\u13AC\u1D07\u1D31\u1D49\u1F18\u1F19\u1F1A\u1F1B"
            + "\u1F1C\u1F1D\u1FC8\u1FC9\u2091\u212E\u212F\u2130\u2147\uA4F0\uAB32"),
        ('r',
            "ŔŕŖŗŘřȐȑȒȓɌɍɼɽɾᵲᵳᶉṘṙṚṛṜṝṞṟⱤꞦꞧꭆꭉ𝼖"
            + "\u0280\u02B3\u0433\u0453\u13A1\u1D26\u1D3F\u1D63\u211B\u211C\u211D\u2C85\uA4E3\uAB47\uAB48\U000107A8\U000107A9"
            + "\U000107AA"),
        ('v',
            "ƲʋᶌṼṽṾṿⱱⱴꝞꝟ"
            + "\u03BD\u0474\u0475\u0476\u0477\u13D9\u1D20\u1D5B\u1D65\u1DB9\u2164\u2174\u2228\u22C1\u2C7D\uA4E6\U000107B0"),
        ('y',
            "ÝýÿŶŷŸƳƴȲȳɎɏẎẏẙỲỳỴỵỶỷỸỹỾỿꭚ"
            + "\u028F\u02B8\u038E\u03A5\u03AB\u03B3\u03D2\u03D3\u03D4\u040E\u0423\u0443\u045E\u04AE\u04AF\u04EE\u04EF\u04F0\u04F1"
            + "\u04F2\u04F3\u10E7\u1D5E\u1D67\u1D8C\u1F59\u1F5B\u1F5D\u1F5F\u1FE8\u1FE9\u1FEA\u1FEB\u213D\uA4EC\U000107B2"),
        ('t',
            "7ŢţŤťŦŧƫƬƭƮȚțȶȾʈᵵṪṫṬṭṮṯṰṱẗⱦ𝼉"
            + "\u03A4\u03C4\u0422\u0442\u13A2\u1D1B\u1D40\u1D57\u1DB5\u209C\u22A4\u2CA6\uA4D4\U000107AF"),
        ('m',
            "ɱᵯᶆḾḿṀṁṂṃⱮꬺ"
            + "\u039C\u03FA\u041C\u043C\u13B7\u16D6\u1D0D\u1D39\u1D50\u1DAC\u2098\u2133\u216F\u217F\u2C98\uA4DF"),
    ];

    /// <summary>For each character of ASCII the small letter that it is or looks like; 0 for none.</summary>
    private static readonly char[] AsciiLetters = MakeAsciiLetters();

    private static ReadOnlySpan<byte> Server => "server"u8;

    /// <summary>As long as the other one.</summary>
    private static ReadOnlySpan<byte> Announcer => "system"u8;

    /// <summary>Whether a name, in valid UTF-8, is one of them or looks so.</summary>
    public static bool Contains(ReadOnlySpan<byte> name)
    {
        bool mayBeServer = true;
        bool mayBeAnnouncer = true;
        int letters = 0;
        while (!name.IsEmpty)
        {
            var rune = new Rune(name[0] & 0x7F);
            int bytes = 1;
            if (name[0] >= 0x80)
            {
                _ = Rune.DecodeFromUtf8(name, out rune, out bytes);
            }

            name = name[bytes..];
            bool readsServer = mayBeServer && letters < Server.Length && Reads(rune, (char)Server[letters]);
            bool readsAnnouncer = mayBeAnnouncer && letters < Announcer.Length && Reads(rune, (char)Announcer[letters]);
            if (readsServer || readsAnnouncer)
            {
                mayBeServer = readsServer;
                mayBeAnnouncer = readsAnnouncer;
                letters++;
            }
            else if (!IsPassedOver(rune))
            {
                return false;
            }
        }

        return letters == Server.Length;
    }

    /// <summary>Whether a character is a small letter of ASCII, or is taken for it.</summary>
    private static bool Reads(Rune rune, char letter)
    {
        int plain = Unstyled(rune.Value);
        return plain < AsciiLetters.Length ? AsciiLetters[plain] == letter : LooksLike(new Rune(plain), letter);
    }

    private static bool LooksLike(Rune rune, char letter)
    {
        Span<char> units = stackalloc char[2];
        units = units[..rune.EncodeToUtf16(units)];
        foreach (var (row, others) in Lookalikes)
        {
            if (row == letter)
            {
                return others.AsSpan().IndexOf(units) >= 0;
            }
        }

        return false;
    }

    private static char[] MakeAsciiLetters()
    {
        char[] letters = new char[0x80];
        foreach (var (letter, others) in Lookalikes)
        {
            foreach (char other in others)
            {
                if (char.IsAscii(other))
                {
                    letters[other] = letter;
                }
            }
        }

        for (char letter = 'a'; letter <= 'z'; letter++)
        {
            letters[letter] = letters[letter & ~0x20] = letter;
        }

        return letters;
    }

    /// <summary>
    /// The letter or digit of ASCII that a character stands for in another style: full width, in parentheses, circles and squares, regional
    /// indicators, the styles of mathematics; any other character as it is.
    /// </summary>
    internal static int Unstyled(int rune) => rune switch
    {
        < 0x80 => rune,
        >= 0xFF10 and <= 0xFF19 => '0' + rune - 0xFF10,
        >= 0xFF21 and <= 0xFF3A => 'a' + rune - 0xFF21,
        >= 0xFF41 and <= 0xFF5A => 'a' + rune - 0xFF41,
        >= 0x249C and <= 0x24E9 => 'a' + ((rune - 0x249C) % 26),
        >= 0x1F110 and <= 0x1F129 => 'a' + rune - 0x1F110,
        >= 0x1F130 and <= 0x1F149 => 'a' + rune - 0x1F130,
        >= 0x1F150 and <= 0x1F169 => 'a' + rune - 0x1F150,
        >= 0x1F170 and <= 0x1F189 => 'a' + rune - 0x1F170,
        >= 0x1F1E6 and <= 0x1F1FF => 'a' + rune - 0x1F1E6,
        >= 0x1D400 and <= 0x1D6A3 => 'a' + ((rune - 0x1D400) % 26),
        >= 0x1D7CE and <= 0x1D7FF => '0' + ((rune - 0x1D7CE) % 10),
        >= 0x1FBF0 and <= 0x1FBF9 => '0' + rune - 0x1FBF0,
        _ => rune,
    };

    /// <summary>What does not tell names apart at a glance: blanks, punctuation and signs, and marks on letters; emoji do.</summary>
    private static bool IsPassedOver(Rune rune) => rune.IsAscii
        ? !char.IsAsciiLetterOrDigit((char)rune.Value)
        : ChatText.IsBlank(rune.Value) || ChatText.IsMark(rune) || Rune.IsPunctuation(rune)
            || (Rune.IsSymbol(rune) && Rune.GetUnicodeCategory(rune) != UnicodeCategory.OtherSymbol);
}
