using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Appliance.Identity;

namespace Appliance.Tests.Identity;

/// <summary>Keys and tokens that the runtime's own cryptography makes.</summary>
internal static class Tokens
{
    public const long NowSeconds = 1_800_000_000;

    public static readonly byte[] Secret = Encoding.ASCII.GetBytes("0123456789abcdef0123456789abcdef");

    public static readonly RSA Rsa = RSA.Create(2048);

    public static readonly ECDsa Elliptic = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public static readonly byte[] RsaPem = Encoding.ASCII.GetBytes(Rsa.ExportSubjectPublicKeyInfoPem());

    public static readonly byte[] EllipticPem = Encoding.ASCII.GetBytes(Elliptic.ExportSubjectPublicKeyInfoPem());

    public static KeySet Keys(params byte[][] files) => KeySet.Unpack(KeySet.Pack(files));

    public static string Encode(string text) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text));

    public static string Hs256(string claims, string header = """{"alg":"HS256"}""", byte[]? secret = null) =>
        Sign(header, claims, signed => HMACSHA256.HashData(secret ?? Secret, signed));

    public static string Rs256(string claims, string header = """{"alg":"RS256"}""") =>
        Sign(header, claims, signed => Rsa.SignData(signed, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));

    public static string Es256(string claims, string header = """{"alg":"ES256"}""") =>
        Sign(header, claims, signed => Elliptic.SignData(signed, HashAlgorithmName.SHA256));

    public static string Sign(string header, string claims, Func<byte[], byte[]> sign)
    {
        string signed = $"{Encode(header)}.{Encode(claims)}";
        return $"{signed}.{Base64Url.EncodeToString(sign(Encoding.ASCII.GetBytes(signed)))}";
    }

    public static TokenFault Read(string token, KeySet keys, out ClientIdentity? identity, TokenRules? rules = null) =>
        new TokenReader(keys, rules ?? new TokenRules("", "", 5)).Read(Encoding.UTF8.GetBytes(token), NowSeconds * 1000, out identity);
}
