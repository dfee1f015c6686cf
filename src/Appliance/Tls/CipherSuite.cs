using System.Text;

namespace Appliance.Tls;

/// <summary>A cipher suite of TLS 1.3 (RFC 8446, B.4).</summary>
/// <param name="Number">Its number.</param>
/// <param name="Cipher">OpenSSL's name of the cipher.</param>
/// <param name="KeyBytes">Length of the key.</param>
/// <param name="HashBytes">Length of the hash, and so of the secrets: 32 is SHA-256, 48 SHA-384.</param>
internal sealed record CipherSuite(ushort Number, string Cipher, int KeyBytes, int HashBytes)
{
    private static readonly CipherSuite[] Rows =
    [
        new(0x1301, "AES-128-GCM", KeyBytes: 16, HashBytes: 32),
        new(0x1302, "AES-256-GCM", KeyBytes: 32, HashBytes: 48),
        new(0x1303, "ChaCha20-Poly1305", KeyBytes: 32, HashBytes: 32),
    ];

    /// <summary>How many there are.</summary>
    public static int Count => Rows.Length;

    /// <summary>OpenSSL's names of the suites, best first.</summary>
    public static ReadOnlySpan<byte> Names => "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256\0"u8;

    /// <summary>Its place among all.</summary>
    public int Place => Number - Rows[0].Number;

    /// <summary>The suite of a number; null for none.</summary>
    public static CipherSuite? Find(ushort number) => (uint)(number - Rows[0].Number) < (uint)Rows.Length ? Rows[number - Rows[0].Number] : null;

    /// <summary>The cipher's name for OpenSSL, with a zero behind it.</summary>
    public byte[] CipherName() => Encoding.ASCII.GetBytes($"{Cipher}\0");
}
