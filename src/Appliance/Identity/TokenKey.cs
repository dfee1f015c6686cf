using System.Buffers.Binary;
using Org.BouncyCastle.Crypto.Digests;
using Org.BouncyCastle.Crypto.Engines;
using Org.BouncyCastle.Crypto.Macs;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Crypto.Signers;
using Org.BouncyCastle.Math;
using Org.BouncyCastle.Math.EC;
using Org.BouncyCastle.Math.EC.Rfc8032;
using Org.BouncyCastle.Utilities;

namespace Appliance.Identity;

/// <summary>
/// A key that signatures of tokens are checked with. It has one algorithm: what a token says of that can only agree or not, never choose. Of one
/// thread.
/// </summary>
internal abstract class TokenKey
{
    /// <summary>Its name in a JWK set; empty when it has none.</summary>
    public byte[] Id { get; init; } = [];

    /// <summary>The algorithm as <c>alg</c> has it (RFC 7518, 3.1; RFC 8037, 3.1).</summary>
    public abstract string Algorithm { get; }

    /// <summary>Whether others must not know it.</summary>
    public virtual bool IsSecret => false;

    /// <summary>Whether a signature is one of these bytes.</summary>
    public abstract bool Verify(ReadOnlySpan<byte> signed, ReadOnlySpan<byte> signature);
}

/// <summary>A secret: HS256, HMAC with SHA-256 (RFC 7518, 3.2). Inner and outer state stay as they are behind the key: nothing is allocated.</summary>
internal sealed class SecretKey : TokenKey
{
    /// <summary>As long as a digest, RFC 7518, 3.2.</summary>
    public const int BytesMin = 32;

    /// <summary>Bytes of a signature.</summary>
    public const int SignatureBytes = 32;

    private readonly HMac _mac = new(new Sha256Digest());

    /// <summary>The key of a secret of <see cref="BytesMin"/> at least.</summary>
    public SecretKey(ReadOnlySpan<byte> secret) => _mac.Init(new KeyParameter(secret));

    /// <inheritdoc/>
    public override string Algorithm => "HS256";

    /// <inheritdoc/>
    public override bool IsSecret => true;

    /// <summary>Writes the signature of bytes: <see cref="SignatureBytes"/>.</summary>
    public void Sign(ReadOnlySpan<byte> signed, Span<byte> signature)
    {
        _mac.BlockUpdate(signed);
        _ = _mac.DoFinal(signature);
    }

    /// <inheritdoc/>
    public override bool Verify(ReadOnlySpan<byte> signed, ReadOnlySpan<byte> signature)
    {
        Span<byte> expected = stackalloc byte[SignatureBytes];
        Sign(signed, expected);
        return signature.Length == SignatureBytes && Arrays.FixedTimeEquals(expected, signature);
    }
}

/// <summary>A public key of RSA: RS256, RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518, 3.3; RFC 8017, 8.2.2).</summary>
internal sealed class RsaKey : TokenKey
{
    /// <summary>RFC 7518, 3.3.</summary>
    public const int BitsMin = 2048;

    /// <summary>A longer one would make a worker's other clients wait.</summary>
    public const int BitsMax = 4096;

    private readonly RsaCoreEngine _engine = new();
    private readonly Sha256Digest _digest = new();
    private readonly BigInteger _modulus;
    private readonly byte[] _expected;

    /// <summary>The key of a modulus and an exponent, both big-endian.</summary>
    /// <exception cref="ArgumentException">It is none.</exception>
    public RsaKey(ReadOnlySpan<byte> modulus, ReadOnlySpan<byte> exponent)
    {
        _modulus = new BigInteger(1, modulus);
        var power = new BigInteger(1, exponent);
        if (_modulus.BitLength is < BitsMin or > BitsMax)
        {
            throw new ArgumentException($"an RSA key has {BitsMin} to {BitsMax} bits here, this one {_modulus.BitLength}");
        }

        if (power.BitLength is < 2 or > 32)
        {
            throw new ArgumentException("an RSA key's exponent has at most 32 bits");
        }

        _engine.Init(forEncryption: false, new RsaKeyParameters(false, _modulus, power));

        // EMSA-PKCS1-v1_5 (RFC 8017, 9.2): all of it is compared, nothing is parsed.
        _expected = new byte[(_modulus.BitLength + 7) / 8];
        _expected.AsSpan().Fill(0xFF);
        (_expected[0], _expected[1]) = (0, 1);
        _expected[^(DigestInfo.Length + Sha256Bytes + 1)] = 0;
        DigestInfo.CopyTo(_expected.AsSpan()[^(DigestInfo.Length + Sha256Bytes)..]);
    }

    private const int Sha256Bytes = 32;

    /// <summary>RFC 8017, 9.2, note 1.</summary>
    private static ReadOnlySpan<byte> DigestInfo =>
        [0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];

    /// <inheritdoc/>
    public override string Algorithm => "RS256";

    /// <inheritdoc/>
    public override bool Verify(ReadOnlySpan<byte> signed, ReadOnlySpan<byte> signature)
    {
        if (signature.Length != _expected.Length)
        {
            return false;
        }

        var number = new BigInteger(1, signature);
        if (number.CompareTo(_modulus) >= 0)
        {
            return false;
        }

        _digest.BlockUpdate(signed);
        _ = _digest.DoFinal(_expected.AsSpan()[^Sha256Bytes..]);
        return _engine.ProcessBlock(number).Equals(new BigInteger(1, _expected));
    }
}

/// <summary>A public key on the curve P-256: ES256, ECDSA with SHA-256 (RFC 7518, 3.4).</summary>
internal sealed class EllipticKey : TokenKey
{
    /// <summary>Bytes of a coordinate, and of half a signature.</summary>
    public const int NumberBytes = 32;

    private static ECDomainParameters? _domain;

    private readonly ECDsaSigner _signer = new();
    private readonly Sha256Digest _digest = new();

    /// <summary>The key of a point's coordinates, big-endian.</summary>
    /// <exception cref="ArgumentException">It is not on the curve.</exception>
    public EllipticKey(ReadOnlySpan<byte> x, ReadOnlySpan<byte> y)
    {
        _domain ??= MakeDomain();
        var point = _domain.Curve.ValidatePoint(new BigInteger(1, x), new BigInteger(1, y));
        _signer.Init(forSigning: false, new ECPublicKeyParameters(point, _domain));
    }

    /// <inheritdoc/>
    public override string Algorithm => "ES256";

    /// <inheritdoc/>
    public override bool Verify(ReadOnlySpan<byte> signed, ReadOnlySpan<byte> signature)
    {
        if (signature.Length != 2 * NumberBytes)
        {
            return false;
        }

        byte[] digest = new byte[NumberBytes];
        _digest.BlockUpdate(signed);
        _ = _digest.DoFinal(digest);
        return _signer.VerifySignature(digest, new BigInteger(1, signature[..NumberBytes]), new BigInteger(1, signature[NumberBytes..]));
    }

    /// <summary>
    /// SEC 2, 2.4.2 (secp256r1). The library's arithmetic for this curve is a class that it keeps to itself: its own way there brings all curves along,
    /// 630 KB, and its arithmetic for any curve leaves 2 MB of garbage a signature.
    /// </summary>
    private static ECDomainParameters MakeDomain()
    {
        var type = Type.GetType("Org.BouncyCastle.Math.EC.Custom.Sec.SecP256R1Curve, BouncyCastle.Cryptography", throwOnError: true)!;
        var curve = (ECCurve)Activator.CreateInstance(type)!;
        var generator = curve.CreatePoint(
            Number("6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296"),
            Number("4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5"));
        return new ECDomainParameters(curve, generator, curve.Order, curve.Cofactor);
    }

    private static BigInteger Number(string hexadecimal) => new(1, Convert.FromHexString(hexadecimal));
}

/// <summary>A public key of Ed25519: EdDSA (RFC 8037, 3.1; RFC 8032).</summary>
internal sealed class EdwardsKey : TokenKey
{
    /// <summary>Bytes of a key.</summary>
    public const int KeyBytes = 32;

    private const int SignatureBytes = 64;

    private readonly byte[] _key;

    /// <summary>The key of an encoded point.</summary>
    /// <exception cref="ArgumentException">It is none.</exception>
    public EdwardsKey(ReadOnlySpan<byte> key)
    {
        _key = key.ToArray();
        if (_key.Length != KeyBytes || !Ed25519.ValidatePublicKeyFull(_key))
        {
            throw new ArgumentException("not a point of Ed25519");
        }
    }

    /// <inheritdoc/>
    public override string Algorithm => "EdDSA";

    /// <inheritdoc/>
    public override bool Verify(ReadOnlySpan<byte> signed, ReadOnlySpan<byte> signature) =>
        signature.Length == SignatureBytes && Ed25519.Verify(signature, _key, signed);
}

/// <summary>The number that stands for a user in records (<c>RecordDetails.Sender</c>).</summary>
internal static class UserNumber
{
    /// <summary>The first 8 bytes of the SHA-256 of the user's id, little-endian; never 0.</summary>
    public static ulong Of(ReadOnlySpan<byte> user)
    {
        var digest = new Sha256Digest();
        Span<byte> bytes = stackalloc byte[32];
        digest.BlockUpdate(user);
        _ = digest.DoFinal(bytes);
        return Math.Max(1, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
    }
}
