using System.Buffers;
using System.Buffers.Text;

namespace Appliance.Identity;

/// <summary>
/// Base64url as JWS has it (RFC 7515, 2 and appendix C): no padding, no white space, no bits that mean nothing. Of one value there is one text.
/// </summary>
internal static class StrictBase64Url
{
    private static readonly SearchValues<byte> Alphabet =
        SearchValues.Create("-_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    /// <summary>Decodes a text; false when it is none, or its bytes do not fit.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> text, Span<byte> bytes, out int length)
    {
        length = 0;
        if (text.Length % 4 == 1 || text.ContainsAnyExcept(Alphabet) || bytes.Length < text.Length * 3 / 4)
        {
            return false;
        }

        // The last group is written again: bits that mean nothing must be zero.
        int last = text.Length / 4 * 4;
        Span<byte> written = stackalloc byte[4];
        return Base64Url.DecodeFromUtf8(text, bytes, out _, out length) == OperationStatus.Done
            && Base64Url.EncodeToUtf8(bytes[(last / 4 * 3)..length], written) is var count && text[last..].SequenceEqual(written[..count]);
    }

    /// <summary>Decodes a text; null when it is none.</summary>
    public static byte[]? Decode(ReadOnlySpan<byte> text)
    {
        byte[] bytes = new byte[text.Length];
        return TryDecode(text, bytes, out int length) ? bytes[..length] : null;
    }
}
