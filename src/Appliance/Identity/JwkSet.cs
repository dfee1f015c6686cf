using System.Text.Unicode;
using Appliance.Protocols.Json;

namespace Appliance.Identity;

/// <summary>
/// A JWK set, <c>{"keys":[{"kty":…},…]}</c> (RFC 7517, 5). Keys of a kind, a use or an algorithm that is not served here are passed over, as the RFC
/// says; half a key, or one that is too short, is an error.
/// </summary>
internal static class JwkSet
{
    /// <summary>Whether a file holds one, or means to.</summary>
    public static bool IsJson(ReadOnlySpan<byte> file) => file.TrimStart(" \t\r\n"u8) is [(byte)'{', ..];

    /// <summary>The keys of a file.</summary>
    /// <exception cref="ArgumentException">It is no such set; says why.</exception>
    public static IEnumerable<TokenKey> Read(ReadOnlySpan<byte> file)
    {
        var reader = new JsonReader(file, new byte[file.Length]);
        var names = new MemberNames(new byte[MemberNames.BytesMax]);
        List<TokenKey> keys = [];
        bool found = false;
        bool sound = Utf8.IsValid(file) && reader.TryTake('{') && !reader.TryTake('}');
        for (bool more = sound; more; more = sound && reader.TryTake(','))
        {
            sound = reader.TryReadString(out var name) && names.TryAdd(name) && reader.TryTake(':');
            bool areKeys = sound && name.SequenceEqual("keys"u8);
            found |= areKeys;
            sound = sound && (areKeys ? TryReadKeys(ref reader, keys) : reader.TrySkipValue());
        }

        return sound && reader.TryTake('}') && reader.IsAtEnd && found ? keys : throw new ArgumentException("not a JWK set ({\"keys\":[…]}, RFC 7517)");
    }

    private static bool TryReadKeys(ref JsonReader reader, List<TokenKey> keys)
    {
        if (!reader.TryTake('['))
        {
            return false;
        }

        if (reader.TryTake(']'))
        {
            return true;
        }

        do
        {
            if (!TryReadKey(ref reader, out var key))
            {
                return false;
            }

            if (key is not null)
            {
                keys.Add(key);
            }
        }
        while (reader.TryTake(','));
        return reader.TryTake(']');
    }

    /// <summary>Reads one key; null for one that is passed over.</summary>
    private static bool TryReadKey(ref JsonReader reader, out TokenKey? key)
    {
        key = null;
        var members = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        var names = new MemberNames(new byte[MemberNames.BytesMax]);
        if (!reader.TryTake('{'))
        {
            return false;
        }

        for (bool more = !reader.NextIs('}'); more; more = reader.TryTake(','))
        {
            if (!reader.TryReadString(out var name) || !names.TryAdd(name) || !reader.TryTake(':'))
            {
                return false;
            }

            string member = System.Text.Encoding.UTF8.GetString(name);
            if (!reader.NextIs('"'))
            {
                if (!reader.TrySkipValue())
                {
                    return false;
                }
            }
            else if (reader.TryReadString(out var value))
            {
                members[member] = value.ToArray();
            }
            else
            {
                return false;
            }
        }

        key = reader.TryTake('}') ? Make(members) : null;
        return true;
    }

    private static TokenKey? Make(Dictionary<string, byte[]> members)
    {
        bool Says(string name, ReadOnlySpan<byte> value) => members.TryGetValue(name, out byte[]? text) && value.SequenceEqual(text);
        byte[] Bytes(string name) => members.TryGetValue(name, out byte[]? text) && StrictBase64Url.Decode(text) is { } bytes
            ? bytes
            : throw new ArgumentException($"a key of the JWK set has no '{name}' in base64url");
        bool MayBe(ReadOnlySpan<byte> algorithm) => !members.ContainsKey("alg") || Says("alg", algorithm);

        if (members.ContainsKey("use") && !Says("use", "sig"u8))
        {
            return null;
        }

        byte[] id = members.GetValueOrDefault("kid", []);
        return Says("kty", "oct"u8) && MayBe("HS256"u8) ? new SecretKey(SecretOf(Bytes("k"))) { Id = id }
            : Says("kty", "RSA"u8) && MayBe("RS256"u8) ? new RsaKey(Bytes("n"), Bytes("e")) { Id = id }
            : Says("kty", "EC"u8) && Says("crv", "P-256"u8) && MayBe("ES256"u8) ? new EllipticKey(Coordinate(Bytes("x")), Coordinate(Bytes("y"))) { Id = id }
            : Says("kty", "OKP"u8) && Says("crv", "Ed25519"u8) && MayBe("EdDSA"u8) ? new EdwardsKey(Bytes("x")) { Id = id }
            : null;
    }

    private static byte[] SecretOf(byte[] secret) => secret.Length >= SecretKey.BytesMin ? secret
        : throw new ArgumentException($"a secret has at least {SecretKey.BytesMin} bytes, one of the JWK set {secret.Length}");

    /// <summary>All of its digits, also leading zeros (RFC 7518, 6.2.1.2).</summary>
    private static byte[] Coordinate(byte[] digits) => digits.Length == EllipticKey.NumberBytes ? digits
        : throw new ArgumentException($"a coordinate of P-256 has {EllipticKey.NumberBytes} bytes, one of the JWK set {digits.Length}");
}
