using System.Text;

namespace Appliance.Identity;

/// <summary>Public keys in PEM (RFC 7468): <c>PUBLIC KEY</c> (SubjectPublicKeyInfo, RFC 5280, 4.1) and <c>RSA PUBLIC KEY</c> (PKCS #1).</summary>
internal static class PemKeys
{
    private const string Start = "-----BEGIN ";
    private const string Dashes = "-----";

    private static ReadOnlySpan<byte> RsaEncryption => [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01];

    private static ReadOnlySpan<byte> EcPublicKey => [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01];

    private static ReadOnlySpan<byte> P256 => [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];

    private static ReadOnlySpan<byte> Ed25519 => [0x2B, 0x65, 0x70];

    /// <summary>Whether a file holds such keys, or means to.</summary>
    public static bool IsPem(ReadOnlySpan<byte> file) => file.IndexOf("-----BEGIN "u8) >= 0;

    /// <summary>The keys of a file.</summary>
    /// <exception cref="ArgumentException">A block is none; says why.</exception>
    public static IEnumerable<TokenKey> Read(ReadOnlySpan<byte> file)
    {
        string text = Encoding.Latin1.GetString(file);
        List<TokenKey> keys = [];
        for (int at = text.IndexOf(Start, StringComparison.Ordinal); at >= 0; at = text.IndexOf(Start, at, StringComparison.Ordinal))
        {
            int label = at + Start.Length;
            int labelEnd = text.IndexOf(Dashes, label, StringComparison.Ordinal);
            string kind = labelEnd < 0 ? "" : text[label..labelEnd];
            string foot = $"-----END {kind}-----";
            int end = labelEnd < 0 ? -1 : text.IndexOf(foot, labelEnd, StringComparison.Ordinal);
            if (end < 0)
            {
                throw new ArgumentException("a block of PEM has no end");
            }

            keys.Add(Read(kind, text[(labelEnd + Dashes.Length)..end]));
            at = end + foot.Length;
        }

        return keys;
    }

    private static TokenKey Read(string kind, string base64)
    {
        if (kind is not ("PUBLIC KEY" or "RSA PUBLIC KEY"))
        {
            throw new ArgumentException(kind switch
            {
                "CERTIFICATE" => "a certificate is no key: take its key out with 'openssl x509 -pubkey -noout'",
                _ when kind.EndsWith("PRIVATE KEY", StringComparison.Ordinal) =>
                    "a private key belongs to whoever signs: put the public one here ('openssl pkey -pubout')",
                _ => $"PEM of the kind '{Shortened(kind)}' is no public key",
            });
        }

        byte[] der = new byte[base64.Length];
        if (!Convert.TryFromBase64String(base64, der, out int length))
        {
            throw new ArgumentException("a block of PEM is not base64");
        }

        return kind == "PUBLIC KEY" ? ReadInfo(der.AsSpan(0, length)) : ReadRsa(der.AsSpan(0, length));
    }

    private static string Shortened(string kind) => kind.Length > 40 ? kind[..40] : kind;

    private static TokenKey ReadInfo(ReadOnlySpan<byte> der)
    {
        var reader = new DerReader(der);
        if (!reader.TryRead(DerReader.Sequence, out var info) || !reader.IsAtEnd)
        {
            throw new ArgumentException("a public key is not DER");
        }

        var parts = new DerReader(info);
        if (!parts.TryRead(DerReader.Sequence, out var algorithm) || !parts.TryReadBytes(out var key) || !parts.IsAtEnd)
        {
            throw new ArgumentException("a public key is no SubjectPublicKeyInfo");
        }

        var names = new DerReader(algorithm);
        return !names.TryRead(DerReader.ObjectIdentifier, out var name) ? throw new ArgumentException("a public key names no algorithm")
            : name.SequenceEqual(RsaEncryption) ? ReadRsa(key)
            : name.SequenceEqual(Ed25519) ? new EdwardsKey(key)
            : name.SequenceEqual(EcPublicKey) && names.TryRead(DerReader.ObjectIdentifier, out var curve) && curve.SequenceEqual(P256)
                ? ReadPoint(key)
            : throw new ArgumentException("a public key must be of RSA, of the curve P-256 or of Ed25519");
    }

    /// <summary>An uncompressed point, SEC 1, 2.3.3.</summary>
    private static EllipticKey ReadPoint(ReadOnlySpan<byte> point) => point.Length == 1 + (2 * EllipticKey.NumberBytes) && point[0] == 4
        ? new EllipticKey(point[1..][..EllipticKey.NumberBytes], point[^EllipticKey.NumberBytes..])
        : throw new ArgumentException("a public key of P-256 must be an uncompressed point");

    private static RsaKey ReadRsa(ReadOnlySpan<byte> der)
    {
        var reader = new DerReader(der);
        if (!reader.TryRead(DerReader.Sequence, out var content) || !reader.IsAtEnd)
        {
            throw new ArgumentException("an RSA key is not DER");
        }

        var numbers = new DerReader(content);
        return numbers.TryReadNumber(out var modulus) && numbers.TryReadNumber(out var exponent) && numbers.IsAtEnd
            ? new RsaKey(modulus, exponent)
            : throw new ArgumentException("an RSA key has no modulus and exponent");
    }
}
