using System.Buffers.Binary;

namespace Appliance.Tls;

/// <summary>Keys out of traffic secrets (RFC 8446, 7.1 to 7.3): HKDF of RFC 5869 with OpenSSL's HMAC.</summary>
internal static unsafe class KeySchedule
{
    private const int InfoBytesMax = 64;

    /// <summary>Makes key and initialization vector of the secret; the next record has number 0.</summary>
    public static void SetKeys(CipherSuite suite, TrafficKeys* keys)
    {
        new Span<byte>(keys->Key, TrafficKeys.KeyBytesMax).Clear();
        ExpandLabel(suite, keys->Secret, "tls13 key"u8, keys->Key, suite.KeyBytes);
        ExpandLabel(suite, keys->Secret, "tls13 iv"u8, keys->Iv, TrafficKeys.IvBytes);
        keys->Number = 0;
    }

    /// <summary>Goes on to the next secret and its keys.</summary>
    public static void Update(CipherSuite suite, TrafficKeys* keys)
    {
        ExpandLabel(suite, keys->Secret, "tls13 traffic upd"u8, keys->Secret, suite.HashBytes);
        SetKeys(suite, keys);
    }

    /// <summary>HKDF-Expand-Label without a context, of no more bytes than the hash has: its first block is all of it.</summary>
    /// <param name="suite">Says which hash.</param>
    /// <param name="secret">As long as the hash.</param>
    /// <param name="label">The label with its prefix.</param>
    /// <param name="to">Where the bytes go; may be the secret.</param>
    /// <param name="count">How many.</param>
    private static void ExpandLabel(CipherSuite suite, byte* secret, ReadOnlySpan<byte> label, byte* to, int count)
    {
        var crypto = OpenSsl.Crypto;
        byte* info = stackalloc byte[InfoBytesMax];
        BinaryPrimitives.WriteUInt16BigEndian(new Span<byte>(info, sizeof(ushort)), (ushort)count);
        int length = sizeof(ushort);
        info[length++] = (byte)label.Length;
        label.CopyTo(new Span<byte>(info + length, label.Length));
        length += label.Length;
        info[length++] = 0;
        info[length++] = 1;
        byte* block = stackalloc byte[TrafficKeys.SecretBytesMax];
        uint blockBytes = 0;
        nint hash = suite.HashBytes == TrafficKeys.SecretBytesMax ? crypto.Sha384() : crypto.Sha256();
        byte* made = crypto.Hmac(hash, secret, suite.HashBytes, info, (nuint)length, block, &blockBytes);
        if (made is null || count > blockBytes)
        {
            throw new InvalidOperationException($"HMAC: {OpenSsl.TakeError()}");
        }

        new ReadOnlySpan<byte>(block, count).CopyTo(new Span<byte>(to, count));
        crypto.Cleanse(block, TrafficKeys.SecretBytesMax);
    }
}
