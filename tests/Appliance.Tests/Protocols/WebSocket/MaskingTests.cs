using Appliance.Protocols.WebSocket;

namespace Appliance.Tests.Protocols.WebSocket;

/// <summary>Unmasking with vectors is what unmasking byte by byte is (RFC 6455, 5.3).</summary>
public sealed class MaskingTests
{
    private const int LengthMax = 200;
    private const uint Key = 0x3D21FA37;

    [Fact]
    public void Every_length_and_place_of_the_key()
    {
        for (int length = 0; length <= LengthMax; length++)
        {
            for (int phase = 0; phase < 4; phase++)
            {
                uint key = uint.RotateRight(Key, 8 * phase);
                byte[] bytes = Sample(length);
                uint next = Masking.Apply(bytes, key);
                Assert.Equal(Expected(length, phase), bytes);
                Assert.Equal(uint.RotateRight(key, 8 * (length % 4)), next);
            }
        }
    }

    [Fact]
    public void Every_split_in_two()
    {
        for (int split = 0; split <= LengthMax; split++)
        {
            byte[] bytes = Sample(LengthMax);
            uint key = Masking.Apply(bytes.AsSpan(0, split), Key);
            Masking.Apply(bytes.AsSpan(split), key);
            Assert.Equal(Expected(LengthMax, 0), bytes);
        }
    }

    [Fact]
    public void Nothing_beside_the_piece_is_touched()
    {
        for (int length = 0; length <= LengthMax; length++)
        {
            byte[] bytes = new byte[length + 64];
            Masking.Apply(bytes.AsSpan(32, length), Key);
            Assert.All(bytes[..32].Concat(bytes[^32..]), value => Assert.Equal(0, value));
        }
    }

    private static byte[] Sample(int length) => [.. Enumerable.Range(0, length).Select(i => (byte)(i * 37))];

    private static byte[] Expected(int length, int phase)
    {
        byte[] key = BitConverter.GetBytes(Key);
        return [.. Sample(length).Select((value, i) => (byte)(value ^ key[(i + phase) % 4]))];
    }
}
