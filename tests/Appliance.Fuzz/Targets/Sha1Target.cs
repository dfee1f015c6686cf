using System.Security.Cryptography;
using Appliance.Fuzz.Driver;
using Appliance.Protocols.WebSocket;
using static Appliance.Fuzz.Driver.FuzzException;

namespace Appliance.Fuzz.Targets;

/// <summary>SHA-1 beside the runtime's.</summary>
internal sealed class Sha1Target : IFuzzTarget
{
    private const int BytesMax = 119;

    public static FuzzTarget Row { get; } = new("sha1", "SHA-1: the runtime's digest", () => new Sha1Target()) { BytesMax = BytesMax };

    public void Run(ReadOnlySpan<byte> input)
    {
        Span<byte> digest = stackalloc byte[Sha1.DigestBytes];
        Sha1.Hash(input, digest);
        Require(digest.SequenceEqual(SHA1.HashData(input)), "the digest is the runtime's");
    }

    public void Dispose()
    {
    }
}
