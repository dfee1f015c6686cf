using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Appliance.Protocols.WebSocket;

namespace Appliance.Tests.Protocols.WebSocket;

/// <summary>The handshake's digest against the runtime's.</summary>
public sealed class Sha1Tests
{
    private const int MessageBytesMax = 119;

    [Fact]
    [SuppressMessage("Security", "CA5350:Do Not Use Weak Cryptographic Algorithms", Justification = "RFC 6455 asks for it")]
    public void Every_length_hashes_as_the_runtime_does()
    {
        var random = new Random(1);
        byte[] digest = new byte[Sha1.DigestBytes];
        for (int length = 0; length <= MessageBytesMax; length++)
        {
            byte[] message = new byte[length];
            random.NextBytes(message);
            Sha1.Hash(message, digest);
            Assert.Equal(SHA1.HashData(message), digest);
        }
    }

    [Fact]
    public void Longer_message_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Sha1.Hash(new byte[MessageBytesMax + 1], new byte[Sha1.DigestBytes]));
}
