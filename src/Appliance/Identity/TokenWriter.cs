using System.Buffers.Text;

namespace Appliance.Identity;

/// <summary>Makes tokens: HS256, with a secret of a set.</summary>
internal static class TokenWriter
{
    private static ReadOnlySpan<byte> Header => "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"u8;

    /// <summary>A token with claims; null when the set has no secret.</summary>
    /// <param name="keys">The keys.</param>
    /// <param name="claims">A JSON object.</param>
    public static string? Write(KeySet keys, ReadOnlySpan<byte> claims)
    {
        if (keys.Secret is not { } secret)
        {
            return null;
        }

        string signed = $"{Base64Url.EncodeToString(Header)}.{Base64Url.EncodeToString(claims)}";
        Span<byte> signature = stackalloc byte[SecretKey.SignatureBytes];
        secret.Sign(System.Text.Encoding.ASCII.GetBytes(signed), signature);
        return $"{signed}.{Base64Url.EncodeToString(signature)}";
    }
}
