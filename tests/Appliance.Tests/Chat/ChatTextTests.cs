using System.Globalization;
using System.Text;
using Appliance.Chat;

namespace Appliance.Tests.Chat;

/// <summary>Which characters names and messages may hold, beside what Unicode says of each.</summary>
public sealed class ChatTextTests
{
    /// <summary>Text, and whether a name and a message may be it.</summary>
    public static TheoryData<string, bool, bool> Texts => new()
    {
        { "ann", true, true },
        { "Zoë 🦊", true, true },
        { "👩‍👩‍👧 family", true, true },
        { "❤️", true, true },
        { "🏴\U000E0067\U000E0062\U000E0073\U000E0063\U000E0074\U000E007F", true, true },
        { "می\u200Cخواهم", true, true },
        { "क्\u200Dष", true, true },
        { "ᠮᠣᠩᠭᠣᠯ\u180Eᠠ", true, true },
        { "\u0600١٢", true, true },
        { "a\u0301", true, true },
        { "a\u00A0b", true, true },
        { "שלום\u200E ok", false, true },
        { "a\u202Eb", false, true },
        { "a\u2066b\u2069", false, true },
        { "a\u061Cb", false, true },
        { "a\tb", false, true },
        { "a\nb", false, true },
        { "a\r\nb", false, true },
        { "a\u2028b", false, true },
        { "a\0b", false, false },
        { "a\u0001", false, false },
        { "a\u001B[31m", false, false },
        { "a\u007Fb", false, false },
        { "a\u0085b", false, false },
        { "a\u009Bb", false, false },
        { "a\u00ADb", false, false },
        { "a\u200Bb", false, false },
        { "a\u2060b", false, false },
        { "a\u2064b", false, false },
        { "a\u206Fb", false, false },
        { "\uFEFFa", false, false },
        { "a\uFFF9b", false, false },
        { "a\U0001BCA0b", false, false },
        { "a\U0001D173b", false, false },
        { "a\U000E0001b", false, false },
        { "é\u0001", false, false },
        { "🦊\u200B", false, false },
    };

    public static TheoryData<string> Blanks =>
    [
        "", " ", "\t\r\n", "\u00A0", "\u0001", "\u007F", "\u0085", "\u00AD", "\u034F", "\u115F\u1160", "\u1680", "\u17B4", "\u180E", "\u2003", "\u200B",
        "\u200C\u200D", "\u2028", "\u202E", "\u2060", "\u2066", "\u2800", "\u3000", "\u3164", "\uFE0F", "\uFEFF", "\uFFA0", "\uFFF9", "\U0001D159",
        "\U0001D173",
        "\U000E0001", "\U000E0067\U000E007F", "\U000E0100", " \u00A0\u200D\u3164 ", "\u20E3", "\u0301\u0302", " \u0323",
    ];

    [Theory]
    [MemberData(nameof(Texts))]
    public void Characters_are_refused(string text, bool asName, bool asMessage)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        Assert.Equal((asName, asMessage), (!ChatText.HasRefused(utf8, isName: true), !ChatText.HasRefused(utf8, isName: false)));
        Assert.False(ChatText.IsBlank(utf8));
        utf8 = [.. "far from the beginning of a text: "u8, .. utf8, .. " and its end"u8];
        Assert.Equal((asName, asMessage), (!ChatText.HasRefused(utf8, isName: true), !ChatText.HasRefused(utf8, isName: false)));
    }

    /// <summary>Blocks of sixteen bytes meet everywhere: one kind of each first byte, behind and before so many bytes.</summary>
    [Theory]
    [InlineData("\u0001")]
    [InlineData("\u007F")]
    [InlineData("\u00AD")]
    [InlineData("\u061C")]
    [InlineData("\u200B")]
    [InlineData("\u2060")]
    [InlineData("\uFEFF")]
    [InlineData("\uFFF9")]
    [InlineData("\U0001BCA0")]
    [InlineData("\U0001D173")]
    [InlineData("\U000E0001")]
    public void Refused_character_is_found_wherever_it_stands(string refused)
    {
        for (int before = 0; before <= 40; before++)
        {
            for (int behind = 0; behind <= 40; behind++)
            {
                byte[] head = Encoding.UTF8.GetBytes("é" + new string('a', before));
                byte[] tail = Encoding.UTF8.GetBytes(new string('b', behind));
                Assert.False(ChatText.HasRefused([.. head, .. tail], isName: true));
                Assert.True(ChatText.HasRefused([.. head, .. Encoding.UTF8.GetBytes(refused), .. tail], isName: true));
                Assert.True(ChatText.HasRefused([.. head[2..], .. Encoding.UTF8.GetBytes(refused), .. tail], isName: true));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Blanks))]
    public void Text_that_shows_nothing_is_blank(string text)
    {
        Assert.True(ChatText.IsBlank(Encoding.UTF8.GetBytes(text)));
        Assert.False(ChatText.IsBlank(Encoding.UTF8.GetBytes(text + ".")));
        Assert.False(ChatText.IsBlank(Encoding.UTF8.GetBytes(text + "🦊")));
    }

    /// <summary>A name, and whether it holds what is not seen behind a letter.</summary>
    [Theory]
    [InlineData("a\u200Db", true)]
    [InlineData("a\u200Cb", true)]
    [InlineData("ann\u200D", true)]
    [InlineData("a\u0301\u200Db", true)]
    [InlineData("ế\u200Da", true)]
    [InlineData("ж\uFE0Fa", true)]
    [InlineData("a\u034Fb", true)]
    [InlineData("a\u3164", true)]
    [InlineData("ann\U000E0100", true)]
    [InlineData("ann\U000E0061", true)]
    [InlineData("ann", false)]
    [InlineData("ann\u00A0b", false)]
    [InlineData("a\u3000b\u2800", false)]
    [InlineData("1\uFE0F\u20E3", false)]
    [InlineData("©\uFE0F", false)]
    [InlineData("Zoë ❤️‍🔥", false)]
    [InlineData("👩‍👩‍👧", false)]
    [InlineData("می\u200Cخواهم", false)]
    [InlineData("क्\u200Dष", false)]
    [InlineData("ᠮᠣᠩᠭᠣᠯ\u180Eᠠ", false)]
    [InlineData("葛\U000E0100", false)]
    public void Unseen_behind_a_letter_is_found(string name, bool isFound) =>
        Assert.Equal(isFound, ChatText.HasUnseenBehindLetter(Encoding.UTF8.GetBytes(name)));

    /// <summary>Of all characters: what is refused is a control or a format character; of those what is taken has a use that is seen.</summary>
    [Fact]
    public void Refused_are_control_and_format_characters()
    {
        HashSet<int> seen =
        [
            0x200C, 0x200D, 0x180E, .. Enumerable.Range(0x600, 6), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD, .. Enumerable.Range(0x13430, 0x10),
            .. Enumerable.Range(0xE0020, 0x60),
        ];
        HashSet<int> mayBecomeFormat = [0x2065, .. Enumerable.Range(0xFFF0, 9), .. Enumerable.Range(0xE0000, 0x20)];
        for (int value = 0; value <= 0x10FFFF; value++)
        {
            if (!Rune.IsValid(value))
            {
                continue;
            }

            byte[] utf8 = Encoding.UTF8.GetBytes(char.ConvertFromUtf32(value));
            var category = Rune.GetUnicodeCategory(new Rune(value));
            bool isLine = category is UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
            bool isFormat = category is UnicodeCategory.Control or UnicodeCategory.Format || mayBecomeFormat.Contains(value);
            bool asName = !(isFormat || isLine) || seen.Contains(value);
            bool isDirection = value is 0x61C or 0x200E or 0x200F or (>= 0x202A and <= 0x202E) or (>= 0x2066 and <= 0x2069);
            bool asMessage = asName || isLine || isDirection || value is '\t' or '\n' or '\r';
            bool isAsExpected = (asName, asMessage) == (!ChatText.HasRefused(utf8, isName: true), !ChatText.HasRefused(utf8, isName: false));
            Assert.True(isAsExpected, $"U+{value:X4} {category}");
            Assert.True(!Rune.IsWhiteSpace(new Rune(value)) || ChatText.IsBlank(utf8), $"U+{value:X4}");
            Assert.True(asMessage || ChatText.IsBlank(utf8), $"U+{value:X4}");
        }
    }

    [Theory]
    [InlineData("server")]
    [InlineData("Server")]
    [InlineData("SYSTEM")]
    [InlineData(" server\u00A0")]
    [InlineData("se\u200Drver")]
    [InlineData("s e r v e r")]
    [InlineData("ｓｅｒｖｅｒ")]
    [InlineData("\u0455\u0435rver")]
    [InlineData("𝓈𝑒𝓇𝓋𝑒𝓇")]
    [InlineData("𝐒𝐘𝐒𝐓𝐄𝐌")]
    [InlineData("ⓢⓔⓡⓥⓔⓡ")]
    [InlineData("🅂🄴🅁🅅🄴🅁")]
    [InlineData("ꜱʏꜱᴛᴇᴍ")]
    [InlineData("serνer")]
    [InlineData("s\u0323erver")]
    [InlineData("ˢᵉʳᵛᵉʳ")]
    [InlineData("sérver")]
    [InlineData("şerver")]
    [InlineData("ᵴerver")]
    [InlineData("ᵴɇɍꝟɇɍ")]
    [InlineData("ẛỹṧŧễɱ")]
    [InlineData("server.")]
    [InlineData("-= Server =-")]
    [InlineData("«ser|ver»!")]
    [InlineData("5erver")]
    [InlineData("$3rv3r")]
    [InlineData("５ｙ𝟧7𝟑m")]
    [InlineData("s\u20E3ystem")]
    [InlineData("s\u0401rver\u0301")]
    public void Name_is_reserved(string name) => Assert.True(ReservedNames.Contains(Encoding.UTF8.GetBytes(name)));

    /// <summary>In the place of each letter each character of ASCII: the letter, small or large, or one of four that look like it.</summary>
    [Theory]
    [InlineData("server")]
    [InlineData("system")]
    public void Letter_of_a_reserved_name_is_itself_or_looks_so(string name)
    {
        for (int i = 0; i < name.Length; i++)
        {
            for (char other = '\0'; other < 0x80; other++)
            {
                bool looksSo = (name[i], other) is ('s', '5') or ('s', '$') or ('e', '3') or ('t', '7');
                bool expected = looksSo || char.ToLowerInvariant(other) == name[i];
                Assert.Equal((other, expected), (other, ReservedNames.Contains(Encoding.UTF8.GetBytes(name[..i] + other + name[(i + 1)..]))));
            }
        }
    }

    [Theory]
    [InlineData("serve")]
    [InlineData("servers")]
    [InlineData("server1")]
    [InlineData("my server")]
    [InlineData("systems")]
    [InlineData("server5")]
    [InlineData("5")]
    [InlineData("sery3r")]
    [InlineData("server 🦊")]
    [InlineData("...")]
    [InlineData("servem")]
    [InlineData("systev")]
    [InlineData("ann")]
    [InlineData("сергей")]
    [InlineData("🦊")]
    [InlineData("")]
    public void Name_is_free(string name) => Assert.False(ReservedNames.Contains(Encoding.UTF8.GetBytes(name)));
}
