using System.Security.Cryptography;
using System.Text;
using Appliance.Identity;

namespace Appliance.Tests.Identity;

/// <summary>Signatures: the examples of the RFCs, and those of the runtime.</summary>
public sealed class SignatureTests
{
    private const string AppendixA1Header = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9";

    private const string AppendixClaims = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

    /// <summary>RFC 7515, A.1, A.2 and A.3; RFC 8037, A.4: a key as a JWK, and what is signed with it.</summary>
    public static TheoryData<string, string, string> Examples => new()
    {
        {
            """{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}""",
            $"{AppendixA1Header}.{AppendixClaims}",
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        },
        {
            "{\"kty\":\"RSA\",\"n\":\""
            + "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_"
            + "YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uD"
            + "Zlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
            + "\",\"e\":\"AQAB\"}",
            $"eyJhbGciOiJSUzI1NiJ9.{AppendixClaims}",
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4"
            + "BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv"
            + "hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
        },
        {
            """{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}""",
            $"eyJhbGciOiJFUzI1NiJ9.{AppendixClaims}",
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
        },
        {
            """{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}""",
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        },
    };

    public static TheoryData<string> Algorithms => ["HS256", "RS256", "ES256"];

    [Theory]
    [MemberData(nameof(Examples))]
    public void Example_of_the_RFC_has_a_good_signature_and_no_other_one_has(string jwk, string text, string signature)
    {
        var key = Assert.Single(Tokens.Keys(Encoding.ASCII.GetBytes($$"""{"keys":[{{jwk}}]}""")).Keys);
        byte[] bytes = Encoding.ASCII.GetBytes(text);
        byte[] good = StrictBase64Url.Decode(Encoding.ASCII.GetBytes(signature))!;
        Assert.True(key.Verify(bytes, good));
        Assert.True(key.Verify(bytes, good), "the key has kept something of the first time");
        for (int i = 0; i < good.Length; i++)
        {
            byte[] bad = [.. good];
            bad[i] ^= 1;
            Assert.False(key.Verify(bytes, bad), $"byte {i}");
        }

        Assert.False(key.Verify(bytes, good.AsSpan(1)));
        Assert.False(key.Verify(bytes, [.. good, 0]));
        Assert.False(key.Verify(bytes, []));
        Assert.False(key.Verify(bytes, new byte[good.Length]));
        Assert.False(key.Verify([.. bytes, (byte)'A'], good));
        Assert.True(key.Verify(bytes, good));
    }

    [Theory]
    [MemberData(nameof(Algorithms))]
    public void Token_of_the_runtime_is_read(string algorithm)
    {
        const string Claims = """{"sub":"u7"}""";
        string token = algorithm switch { "HS256" => Tokens.Hs256(Claims), "RS256" => Tokens.Rs256(Claims), _ => Tokens.Es256(Claims) };
        var keys = Tokens.Keys(Tokens.Secret, Tokens.RsaPem, Tokens.EllipticPem);
        Assert.Equal(TokenFault.None, Tokens.Read(token, keys, out var identity));
        Assert.Equal("u7"u8, identity!.User);
    }

    [Fact]
    public void Pem_of_each_kind_is_read()
    {
        Assert.Equal("RS256", Assert.Single(Tokens.Keys(Encoding.ASCII.GetBytes(Tokens.Rsa.ExportRSAPublicKeyPem())).Keys).Algorithm);
        byte[] several = [.. Encoding.ASCII.GetBytes("Bag Attributes\n"), .. Tokens.RsaPem, (byte)'\n', .. Tokens.EllipticPem];
        Assert.Equal("1 RS256, 1 ES256", Tokens.Keys(several).Description);
        const string Edwards = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n";
        Assert.Equal("EdDSA", Assert.Single(Tokens.Keys(Encoding.ASCII.GetBytes(Edwards)).Keys).Algorithm);
    }

    [Fact]
    public void Random_damage_of_a_public_key_is_refused_in_words_or_makes_another_key()
    {
        var random = new Random(1);
        for (int round = 0; round < 300; round++)
        {
            byte[] der = round % 2 == 0 ? Tokens.Rsa.ExportSubjectPublicKeyInfo() : Tokens.Elliptic.ExportSubjectPublicKeyInfo();
            der[random.Next(der.Length)] ^= (byte)(1 << random.Next(8));
            try
            {
                _ = Tokens.Keys(Encoding.ASCII.GetBytes(PemEncoding.WriteString("PUBLIC KEY", der)));
            }
            catch (ArgumentException)
            {
                continue;
            }
        }
    }
}
