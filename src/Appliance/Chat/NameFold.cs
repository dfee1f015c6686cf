using System.Globalization;
using System.Text;

namespace Appliance.Chat;

/// <summary>
/// What makes two names the same: letters without their case and style (full width, mathematics and the like), and no blanks and punctuation. A
/// name that has nothing else is only itself. Letters of different scripts that look alike differ.
/// </summary>
public static class NameFold
{
    /// <summary>Bytes that a folded name takes for one of the name: a letter of two bytes may have a small one of three.</summary>
    public const int Growth = 2;

    /// <summary>Folds a name.</summary>
    /// <param name="name">Valid UTF-8.</param>
    /// <param name="folded">At least <see cref="Growth"/> times as long.</param>
    /// <returns>How many bytes it has.</returns>
    public static int Fold(ReadOnlySpan<byte> name, Span<byte> folded)
    {
        int length = 0;
        for (var rest = name; !rest.IsEmpty;)
        {
            _ = Rune.DecodeFromUtf8(rest, out var rune, out int bytes);
            rest = rest[bytes..];
            rune = new Rune(ReservedNames.Unstyled(rune.Value));
            bool counts = rune.IsAscii
                ? char.IsAsciiLetterOrDigit((char)rune.Value)
                : !ChatText.IsBlank(rune.Value) && !Rune.IsPunctuation(rune) && Rune.GetUnicodeCategory(rune) != UnicodeCategory.Format;
            length += counts ? Rune.ToLowerInvariant(rune).EncodeToUtf8(folded[length..]) : 0;
        }

        if (length == 0)
        {
            name.CopyTo(folded);
            length = name.Length;
        }

        return length;
    }
}

/// <summary>Names that only those may have to whom a token, a back end or an operator gives them (<c>--reserved-name</c>).</summary>
public sealed class NameSet
{
    private readonly byte[][] _folded;

    /// <summary>A set of names.</summary>
    public NameSet(IEnumerable<string> names) => _folded = [.. names.Select(Fold)];

    /// <summary>Whether a name is one of them, or the same by <see cref="NameFold"/>.</summary>
    /// <param name="name">Valid UTF-8, of a few kilobytes at most.</param>
    public bool Contains(ReadOnlySpan<byte> name)
    {
        if (_folded.Length == 0)
        {
            return false;
        }

        Span<byte> folded = stackalloc byte[NameFold.Growth * name.Length];
        folded = folded[..NameFold.Fold(name, folded)];
        foreach (byte[] one in _folded)
        {
            if (folded.SequenceEqual(one))
            {
                return true;
            }
        }

        return false;
    }

    private static byte[] Fold(string name)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        byte[] folded = new byte[NameFold.Growth * bytes.Length];
        return folded[..NameFold.Fold(bytes, folded)];
    }
}
