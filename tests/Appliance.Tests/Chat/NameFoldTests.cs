using System.Text;
using Appliance.Chat;

namespace Appliance.Tests.Chat;

/// <summary>Which names are the same.</summary>
public sealed class NameFoldTests
{
    public static TheoryData<string, string> Folded => new()
    {
        { "Ann", "ann" },
        { " Ann  Lee ", "annlee" },
        { "A.n-n_L'e!e", "annlee" },
        { "ＡＮＮ", "ann" },
        { "𝐀𝐧𝐧", "ann" },
        { "ann 7", "ann7" },
        { "ÉMILE", "émile" },
        { "Ⱥ", "ⱥ" },
        { "Ωμέγα", "ωμέγα" },
        { "राम", "राम" },
        { "👩‍👩‍👧 a", "👩👩👧a" },
        { "!!!", "!!!" },
        { "", "" },
    };

    [Theory]
    [MemberData(nameof(Folded))]
    public void Name_is_folded(string name, string expected)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        byte[] folded = new byte[NameFold.Growth * bytes.Length];
        Assert.Equal(expected, Encoding.UTF8.GetString(folded, 0, NameFold.Fold(bytes, folded)));
    }

    /// <summary>Whatever the letter, there is place for it, and folding twice changes nothing more.</summary>
    [Fact]
    public void Every_character_fits_and_stays()
    {
        Span<byte> name = stackalloc byte[4];
        Span<byte> folded = stackalloc byte[4 * NameFold.Growth];
        Span<byte> again = stackalloc byte[16 * NameFold.Growth];
        for (int value = 1; value <= 0x10FFFF; value++)
        {
            if (Rune.IsValid(value))
            {
                var bytes = name[..new Rune(value).EncodeToUtf8(name)];
                int length = NameFold.Fold(bytes, folded[..(NameFold.Growth * bytes.Length)]);
                int second = NameFold.Fold(folded[..length], again);
                Assert.True(again[..second].SequenceEqual(folded[..length]), $"{value:X}");
            }
        }
    }

    [Fact]
    public void Set_has_what_folds_alike()
    {
        var set = new NameSet(["admin", "AnnLee"]);
        Assert.All(["ADMIN", "ad min", "Ann Lee"], name => Assert.True(set.Contains(Encoding.UTF8.GetBytes(name))));
        Assert.All(["admins", "adm", "", "Ann"], name => Assert.False(set.Contains(Encoding.UTF8.GetBytes(name))));
    }
}
