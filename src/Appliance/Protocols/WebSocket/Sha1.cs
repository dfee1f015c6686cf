using System.Buffers.Binary;
using System.Numerics;

namespace Appliance.Protocols.WebSocket;

/// <summary>
/// SHA-1 (RFC 3174), for the one thing the handshake needs it for: proof that the server speaks the protocol, no secret. The
/// runtime's own would bring a native cryptography library along.
/// </summary>
internal static class Sha1
{
    /// <summary>Bytes of a digest.</summary>
    public const int DigestBytes = 20;

    private const int BlockBytes = 64;
    private const int LengthBytes = 8;

    /// <summary>Writes the digest of a message of at most 119 bytes.</summary>
    public static void Hash(ReadOnlySpan<byte> message, Span<byte> digest)
    {
        Span<byte> padded = stackalloc byte[2 * BlockBytes];
        ArgumentOutOfRangeException.ThrowIfGreaterThan(message.Length, padded.Length - LengthBytes - 1);
        padded.Clear();
        message.CopyTo(padded);
        padded[message.Length] = 0x80;
        int blocks = message.Length + 1 + LengthBytes <= BlockBytes ? 1 : 2;
        BinaryPrimitives.WriteInt64BigEndian(padded[((blocks * BlockBytes) - LengthBytes)..], message.Length * 8L);

        Span<uint> state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0];
        for (int block = 0; block < blocks; block++)
        {
            Compress(state, padded.Slice(block * BlockBytes, BlockBytes));
        }

        for (int i = 0; i < state.Length; i++)
        {
            BinaryPrimitives.WriteUInt32BigEndian(digest[(i * sizeof(uint))..], state[i]);
        }
    }

    private static void Compress(Span<uint> state, ReadOnlySpan<byte> block)
    {
        Span<uint> words = stackalloc uint[80];
        for (int i = 0; i < 16; i++)
        {
            words[i] = BinaryPrimitives.ReadUInt32BigEndian(block[(i * sizeof(uint))..]);
        }

        for (int i = 16; i < words.Length; i++)
        {
            words[i] = BitOperations.RotateLeft(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
        }

        var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4]);
        for (int i = 0; i < words.Length; i++)
        {
            var (mix, constant) = (i / 20) switch
            {
                0 => ((b & c) | (~b & d), 0x5A827999u),
                1 => (b ^ c ^ d, 0x6ED9EBA1u),
                2 => ((b & c) | (b & d) | (c & d), 0x8F1BBCDCu),
                _ => (b ^ c ^ d, 0xCA62C1D6u),
            };
            uint next = BitOperations.RotateLeft(a, 5) + mix + e + constant + words[i];
            (a, b, c, d, e) = (next, a, BitOperations.RotateLeft(b, 30), c, d);
        }

        state[0] += a;
        state[1] += b;
        state[2] += c;
        state[3] += d;
        state[4] += e;
    }
}
