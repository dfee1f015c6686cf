using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using Appliance.Fuzz.Driver;
using Appliance.Identity;
using static Appliance.Fuzz.Driver.FuzzException;

namespace Appliance.Fuzz.Targets;

/// <summary>
/// JSON Web Tokens. By the first byte: T a token as it is, K a file of keys, I an identity from another process; otherwise header, line break and
/// claims, which are signed here, because nothing behind a bad signature is read.
/// </summary>
internal sealed class TokenTarget : IFuzzTarget
{
    private const long NowMs = 1_800_000_000_000;

    private static readonly byte[] Secret = "0123456789abcdef0123456789abcdef"u8.ToArray();

    private readonly SecretKey _key = new(Secret);
    private readonly TokenReader _reader = new(KeySet.Unpack(KeySet.Pack([Secret])), new TokenRules("", "", 0));

    public static FuzzTarget Row { get; } = new(
        "tokens",
        "tokens, signed or not, key files, identities: what is taken is so for another reader of JSON, too, and stays within its limits",
        () => new TokenTarget())
    {
        BytesMax = 4096,
        Words =
        [
            "{\"alg\":\"HS256\"}\n", "\"alg\":", "none", "\"kid\":", "\"crit\":", "{\"sub\":\"u\"", ",\"name\":\"", ",\"rooms\":{\"a*\":\"rw\"}", ",\"info\":",
            ",\"exp\":1900000000", ",\"nbf\":", ",\"aud\":[\"a\"]", "\\u0073", "\\uD800", "1e9", "}", "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----",
            "{\"keys\":[{\"kty\":\"oct\",\"k\":\"", "\"kty\":\"RSA\"", "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"",
        ],
    };

    public void Run(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty)
        {
            return;
        }

        switch (input[0])
        {
            case (byte)'T':
                bool isGood = _reader.Read(input[1..], NowMs, out var nobody) == TokenFault.None;
                Require(isGood == nobody is not null, "an identity follows from a good token alone");
                break;
            case (byte)'K':
                ReadKeys(input[1..]);
                break;
            case (byte)'I':
                ReadIdentity(input[1..]);
                break;
            default:
                ReadSigned(input);
                break;
        }
    }

    public void Dispose()
    {
    }

    private static void ReadKeys(ReadOnlySpan<byte> file)
    {
        try
        {
            _ = KeySet.Unpack(KeySet.Pack([file.ToArray()]));
        }
        catch (ArgumentException)
        {
            // In words.
        }
    }

    private static void ReadIdentity(ReadOnlySpan<byte> state)
    {
        if (ClientIdentity.IsState(state))
        {
            var identity = ClientIdentity.Restore(state);
            _ = identity.RightsIn("lobby"u8);
            Require(identity.User.Length is > 0 and <= ClientIdentity.UserBytesMax && identity.Sender != 0, "it is somebody");
            Require(identity.State.SequenceEqual(state), "it goes on as it came");
        }
    }

    private void ReadSigned(ReadOnlySpan<byte> input)
    {
        int end = input.IndexOf((byte)'\n');
        var header = end < 0 ? input : input[..end];
        var claims = end < 0 ? default : input[(end + 1)..];
        byte[] signed = Encoding.ASCII.GetBytes($"{Base64Url.EncodeToString(header)}.{Base64Url.EncodeToString(claims)}");
        byte[] signature = new byte[SecretKey.SignatureBytes];
        _key.Sign(signed, signature);
        byte[] token = [.. signed, (byte)'.', .. Base64Url.EncodeToUtf8(signature)];
        var fault = _reader.Read(token, NowMs, out var identity);
        Require(fault != TokenFault.Signature, "what is signed is");
        if (identity is null)
        {
            return;
        }

        using var said = JsonDocument.Parse(claims.ToArray(), new JsonDocumentOptions { MaxDepth = 128 });
        Require(said.RootElement.GetProperty("sub").GetString() == Encoding.UTF8.GetString(identity.User), "the user is the one that is named");
        Require(said.RootElement.EnumerateObject().Select(member => member.Name).Distinct(StringComparer.Ordinal).Count()
            == said.RootElement.EnumerateObject().Count(), "no member stands twice");
        using var head = JsonDocument.Parse(header.ToArray(), new JsonDocumentOptions { MaxDepth = 128 });
        Require(head.RootElement.GetProperty("alg").GetString() == "HS256" && !head.RootElement.TryGetProperty("crit", out _), "the algorithm is the key's");
        ReadIdentity(identity.State);
        Require(ClientIdentity.IsState(identity.State), "an identity can go to another process");
    }
}
