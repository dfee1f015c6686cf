using System.Buffers.Binary;

namespace Appliance.Identity;

/// <summary>The keys that tokens are checked with: of every key file a secret as it is, public keys in PEM, or a JWK set.</summary>
public sealed class KeySet
{
    /// <summary>Each is tried for a token that names none.</summary>
    public const int KeysMax = 16;

    private KeySet(TokenKey[] keys) => Keys = keys;

    /// <summary>No key: no token is good.</summary>
    public static KeySet None { get; } = new([]);

    /// <summary>How many of each algorithm: <c>1 HS256, 2 ES256</c>.</summary>
    public string Description => string.Join(", ", Keys.GroupBy(key => key.Algorithm, StringComparer.Ordinal).Select(group => $"{group.Count()} {group.Key}"));

    internal TokenKey[] Keys { get; }

    /// <summary>The first secret; null for none.</summary>
    internal SecretKey? Secret => Keys.OfType<SecretKey>().FirstOrDefault();

    /// <summary>Whether others must not read a file.</summary>
    /// <exception cref="ArgumentException">It has no key; says why.</exception>
    public static bool IsSecret(ReadOnlySpan<byte> file) => Read(file).Any(key => key.IsSecret);

    /// <summary>Files as one text: each behind its length of four bytes.</summary>
    public static byte[] Pack(IEnumerable<byte[]> files)
    {
        List<byte> packed = [];
        byte[] length = new byte[sizeof(int)];
        foreach (byte[] file in files)
        {
            BinaryPrimitives.WriteInt32LittleEndian(length, file.Length);
            packed.AddRange(length);
            packed.AddRange(file);
        }

        return [.. packed];
    }

    /// <summary>The keys of files that <see cref="Pack"/> has made one.</summary>
    /// <exception cref="ArgumentException">There is something else, or there are more than <see cref="KeysMax"/>.</exception>
    public static KeySet Unpack(ReadOnlySpan<byte> packed)
    {
        List<TokenKey> keys = [];
        while (!packed.IsEmpty)
        {
            int length = packed.Length < sizeof(int) ? -1 : BinaryPrimitives.ReadInt32LittleEndian(packed);
            if (length < 0 || length > packed.Length - sizeof(int))
            {
                throw new ArgumentException("the keys are not whole");
            }

            keys.AddRange(Read(packed.Slice(sizeof(int), length)));
            packed = packed[(sizeof(int) + length)..];
        }

        return keys.Count <= KeysMax ? new KeySet([.. keys]) : throw new ArgumentException($"there are {keys.Count} keys, and {KeysMax} are the most");
    }

    private static TokenKey[] Read(ReadOnlySpan<byte> file)
    {
        TokenKey[] keys = PemKeys.IsPem(file) ? [.. PemKeys.Read(file)]
            : JwkSet.IsJson(file) ? [.. JwkSet.Read(file)]
            : [ReadSecret(file)];
        return keys.Length > 0 ? keys : throw new ArgumentException("has no key of HS256, RS256, ES256 or EdDSA (Ed25519)");
    }

    private static SecretKey ReadSecret(ReadOnlySpan<byte> file)
    {
        // Whoever knows a public key could sign with it if it were taken for a secret (RFC 8725, 2.1).
        var reader = new DerReader(file);
        return file.Length < SecretKey.BytesMin
            ? throw new ArgumentException(
                $"a secret has at least {SecretKey.BytesMin} bytes, this one has {file.Length}: openssl rand -hex 32 makes a good one")
            : (reader.TryRead(DerReader.Sequence, out _) && reader.IsAtEnd) || file.StartsWith("ssh-"u8) || file.StartsWith("ecdsa-"u8)
            ? throw new ArgumentException("a key in DER or of ssh is no secret: public keys must be in PEM or a JWK set")
            : new SecretKey(file);
    }
}
