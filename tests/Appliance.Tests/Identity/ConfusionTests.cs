using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Appliance.Identity;

namespace Appliance.Tests.Identity;

/// <summary>What is tried with tokens, a row each (RFC 8725): every one is refused, by the check that is meant for it.</summary>
public sealed class ConfusionTests
{
    private const string Claims = """{"sub":"u7"}""";

    private const string OwnKey = """{"alg":"HS256","jwk":{"kty":"oct","k":"QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE"}}""";

    private static readonly string Good = Tokens.Hs256(Claims);

    /// <summary>The attack, the token, and the check that refuses it.</summary>
    public static TheoryData<string, string, TokenFault> Attacks => new()
    {
        { "alg none without a signature", $"{Tokens.Encode("""{"alg":"none"}""")}.{Tokens.Encode(Claims)}.", TokenFault.Key },
        { "alg None", $"{Tokens.Encode("""{"alg":"None"}""")}.{Tokens.Encode(Claims)}.", TokenFault.Key },
        { "alg NONE with the signature of HS256", Tokens.Hs256(Claims, """{"alg":"NONE"}"""), TokenFault.Key },
        { "no alg", Tokens.Hs256(Claims, "{}"), TokenFault.Header },
        { "empty alg", Tokens.Hs256(Claims, """{"alg":""}"""), TokenFault.Header },
        { "alg that is a number", Tokens.Hs256(Claims, """{"alg":256}"""), TokenFault.Header },
        { "alg that is a list", Tokens.Hs256(Claims, """{"alg":["HS256"]}"""), TokenFault.Header },
        { "alg in small letters", Tokens.Hs256(Claims, """{"alg":"hs256"}"""), TokenFault.Key },
        { "two algs", Tokens.Hs256(Claims, """{"alg":"HS256","alg":"none"}"""), TokenFault.Header },
        { "two algs, one escaped", Tokens.Hs256(Claims, """{"alg":"none","\u0061lg":"HS256"}"""), TokenFault.Header },
        { "alg Alg", Tokens.Hs256(Claims, """{"Alg":"HS256"}"""), TokenFault.Header },
        { "HS384 said, HS256 signed", Tokens.Hs256(Claims, """{"alg":"HS384"}"""), TokenFault.Key },
        { "RS256 said, HS256 signed", Tokens.Hs256(Claims, """{"alg":"RS256"}"""), TokenFault.Signature },
        { "HS256 with the PEM of the RSA key", Tokens.Hs256(Claims, secret: Tokens.RsaPem), TokenFault.Signature },
        { "HS256 with the DER of the RSA key", Tokens.Hs256(Claims, secret: Tokens.Rsa.ExportSubjectPublicKeyInfo()), TokenFault.Signature },
        { "HS256 with the modulus", Tokens.Hs256(Claims, secret: Tokens.Rsa.ExportParameters(false).Modulus), TokenFault.Signature },
        { "HS256 with the PEM of the EC key", Tokens.Hs256(Claims, secret: Tokens.EllipticPem), TokenFault.Signature },
        { "HS256 with an empty secret", Tokens.Hs256(Claims, secret: []), TokenFault.Signature },
        { "HS256 with a longer secret", Tokens.Hs256(Claims, secret: [.. Tokens.Secret, 0, 0, 1]), TokenFault.Signature },
        { "ES256 of zeros", $"{Tokens.Encode("""{"alg":"ES256"}""")}.{Tokens.Encode(Claims)}.{Base64Url.EncodeToString(new byte[64])}", TokenFault.Signature },
        { "ES256 in DER", Tokens.Sign("""{"alg":"ES256"}""", Claims, DerSignature), TokenFault.Signature },
        { "ES256 said, RS256 signed", Tokens.Rs256(Claims, """{"alg":"ES256"}"""), TokenFault.Signature },
        { "RS256 with PSS", Tokens.Sign("""{"alg":"RS256"}""", Claims, Pss), TokenFault.Signature },
        { "RS256 with SHA-512", Tokens.Sign("""{"alg":"RS256"}""", Claims, Sha512), TokenFault.Signature },
        { "RS256 of another key", Tokens.Sign("""{"alg":"RS256"}""", Claims, OtherRsa), TokenFault.Signature },
        { "a key of the token's own", Tokens.Hs256(Claims, OwnKey, Encoding.ASCII.GetBytes(new string('A', 32))), TokenFault.Signature },
        { "a key at an address", Tokens.Hs256(Claims, """{"alg":"HS256","jku":"https://evil.example/keys"}""", new byte[32]), TokenFault.Signature },
        { "crit", Tokens.Hs256(Claims, """{"alg":"HS256","crit":["exp"],"exp":1}"""), TokenFault.Critical },
        { "empty crit", Tokens.Hs256(Claims, """{"alg":"HS256","crit":[]}"""), TokenFault.Critical },
        { "claims that are not encoded (RFC 7797)", Tokens.Hs256(Claims, """{"alg":"HS256","b64":false,"crit":["b64"]}"""), TokenFault.Critical },
        { "kid that is a path", Tokens.Hs256(Claims, """{"alg":"HS256","kid":7}"""), TokenFault.Header },
        { "header of other text", Tokens.Hs256(Claims, """{"alg":"HS256"} x"""), TokenFault.Header },
        { "header that is not UTF-8", $"{Base64Url.EncodeToString([.. Unended, 0xFF, .. "\"}"u8])}{Good[Good.IndexOf('.')..]}", TokenFault.Header },
        { "claims changed", $"{Good.Split('.')[0]}.{Tokens.Encode("""{"sub":"root"}""")}.{Good.Split('.')[2]}", TokenFault.Signature },
        { "signature left out", Good[..(Good.LastIndexOf('.') + 1)], TokenFault.Signature },
        { "signature cut", Good[..^3], TokenFault.Signature },
        { "two parts", Good[..Good.LastIndexOf('.')], TokenFault.Malformed },
        { "four parts", $"{Good}.", TokenFault.Malformed },
        { "five parts, as JWE", "a.b.c.d.e", TokenFault.Malformed },
        { "nothing", "", TokenFault.Malformed },
        { "dots", "..", TokenFault.Header },
        { "padding", $"{Good}=", TokenFault.Malformed },
        { "padding within", Good.Replace(".", "=.", StringComparison.Ordinal), TokenFault.Malformed },
        { "base64 instead of base64url", Good[..^3] + "+/A", TokenFault.Malformed },
        { "a blank before", $" {Good}", TokenFault.Malformed },
        { "a line break behind", $"{Good}\n", TokenFault.Malformed },
        { "bits that mean nothing", OtherText(Good), TokenFault.Malformed },
        { "too long", Tokens.Hs256($$"""{"sub":"u7","x":"{{new string('x', 9000)}}"}"""), TokenFault.TooLong },
        { "header too long", Tokens.Hs256(Claims, $$"""{"alg":"HS256","x":"{{new string('x', 1100)}}"}"""), TokenFault.Malformed },
        { "JSON serialization", """{"payload":"e30","signatures":[]}""", TokenFault.Malformed },
    };

    /// <summary>Files that are no keys, or would make an attack easy, and a part of what is said of them.</summary>
    public static TheoryData<string, string> BadFiles => new()
    {
        { "short", "at least 32 bytes" },
        { "", "at least 32 bytes" },
        { "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ5cGHmyPmPMtTNqC8CBNCeMzqJNWhLyN7hH", "ssh" },
        { """{"kty":"oct"}""", "JWK set" },
        { """{"keys":[]}""", "no key" },
        { """{"keys":[{"kty":"oct","k":"c2hvcnQ"}]}""", "at least 32 bytes" },
        { """{"keys":[{"kty":"oct"}]}""", "'k'" },
        { """{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}""", "2048" },
        { """{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}""", "32 bytes" },
        { """{"keys":[{"kty":"oct","alg":"HS512","k":"QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE"}]}""", "no key" },
        { """{"keys":[{"kty":"oct","use":"enc","k":"QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE"}]}""", "no key" },
        { """{"keys":[{"kty":"oct","kty":"oct","k":"QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE"}]}""", "JWK set" },
        { """{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AAAA"}]}""", "Ed25519" },
        { "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n", "private key" },
        { "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", "certificate" },
        { "-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n", "SubjectPublicKeyInfo" },
        { "-----BEGIN PUBLIC KEY-----\nMAA=\n", "no end" },
        { "-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----\n", "base64" },
    };

    [Theory]
    [MemberData(nameof(Attacks))]
    public void Attack_is_refused(string attack, string token, TokenFault fault)
    {
        var keys = Tokens.Keys(Tokens.Secret, Tokens.RsaPem, Tokens.EllipticPem);
        Assert.Equal(TokenFault.None, Tokens.Read(Good, keys, out _));
        Assert.True(fault == Tokens.Read(token, keys, out var identity), attack);
        Assert.Null(identity);
        Assert.DoesNotContain(Good.Split('.')[2], TokenFaults.Describe(fault), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(BadFiles))]
    public void Bad_file_of_keys_is_refused_in_words(string file, string words) => Assert.Contains(
        words, Assert.ThrowsAny<ArgumentException>(() => Tokens.Keys(Encoding.ASCII.GetBytes(file))).Message, StringComparison.Ordinal);

    [Fact]
    public void Public_key_in_Der_is_no_secret() => Assert.Contains(
        "DER", Assert.ThrowsAny<ArgumentException>(() => Tokens.Keys(Tokens.Rsa.ExportSubjectPublicKeyInfo())).Message, StringComparison.Ordinal);

    [Fact]
    public void Kid_picks_among_keys_that_have_one()
    {
        byte[] set = Encoding.ASCII.GetBytes($$"""
            {"keys":[
              {"kty":"oct","kid":"old","k":"{{Base64Url.EncodeToString(new byte[32])}}"},
              {"kty":"oct","kid":"new","alg":"HS256","use":"sig","k":"{{Base64Url.EncodeToString(Tokens.Secret)}}"},
              {"kty":"EC","crv":"P-521","kid":"odd","x":"AA","y":"AA"}]}
            """);
        var keys = Tokens.Keys(set);
        Assert.Equal("2 HS256", keys.Description);
        Assert.Equal(TokenFault.None, Tokens.Read(Tokens.Hs256(Claims, """{"alg":"HS256","kid":"new"}"""), keys, out _));
        Assert.Equal(TokenFault.None, Tokens.Read(Tokens.Hs256(Claims), keys, out _));
        Assert.Equal(TokenFault.Signature, Tokens.Read(Tokens.Hs256(Claims, """{"alg":"HS256","kid":"old"}"""), keys, out _));
        Assert.Equal(TokenFault.Key, Tokens.Read(Tokens.Hs256(Claims, """{"alg":"HS256","kid":"other"}"""), keys, out _));
        Assert.Equal(TokenFault.Key, Tokens.Read(Tokens.Hs256(Claims, """{"alg":"HS256","kid":""}"""), keys, out _));
        Assert.Equal(TokenFault.None, Tokens.Read(Tokens.Hs256(Claims, """{"alg":"HS256","kid":"any"}"""), Tokens.Keys(Tokens.Secret), out _));
    }

    [Fact]
    public void Without_a_key_nothing_is_good() => Assert.Equal(TokenFault.Key, Tokens.Read(Good, KeySet.None, out _));

    private static ReadOnlySpan<byte> Unended => "{\"alg\":\"HS256\",\"a\":\""u8;

    private static byte[] Pss(byte[] signed) => Tokens.Rsa.SignData(signed, HashAlgorithmName.SHA256, RSASignaturePadding.Pss);

    private static byte[] Sha512(byte[] signed) => Tokens.Rsa.SignData(signed, HashAlgorithmName.SHA512, RSASignaturePadding.Pkcs1);

    private static byte[] DerSignature(byte[] signed) => Tokens.Elliptic.SignData(signed, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);

    private static byte[] OtherRsa(byte[] signed)
    {
        using var other = RSA.Create(2048);
        return other.SignData(signed, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
    }

    /// <summary>Another text of the same bytes, for whoever decodes without care: 32 bytes leave two bits in the last letter.</summary>
    private static string OtherText(string token)
    {
        const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        return $"{token[..^1]}{Alphabet[Alphabet.IndexOf(token[^1], StringComparison.Ordinal) + 1]}";
    }
}
