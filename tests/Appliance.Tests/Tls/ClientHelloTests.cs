using Appliance.Tls;

namespace Appliance.Tests.Tls;

/// <summary>A ClientHello is awaited as a whole before a handshake begins.</summary>
public sealed class ClientHelloTests
{
    /// <summary>The message of RFC 8448, 3, shortened: only its lengths count.</summary>
    private static readonly byte[] Message = [1, 0, 0, 60, 3, 3, .. Enumerable.Range(0, 58).Select(value => (byte)value)];

    [Fact]
    public void Message_is_whole_at_its_last_byte_alone()
    {
        byte[] one = Records([Message]);
        byte[] two = Records([Message[..3], Message[3..20], Message[20..]]);
        foreach (byte[] bytes in (byte[][])[one, two])
        {
            for (int count = 0; count < bytes.Length; count++)
            {
                Assert.Equal(ClientHelloStatus.Incomplete, ClientHello.Read(bytes.AsSpan(0, count)));
            }

            Assert.Equal(ClientHelloStatus.Whole, ClientHello.Read(bytes));
            Assert.Equal(ClientHelloStatus.Whole, ClientHello.Read([.. bytes, 22]));
        }
    }

    [Theory]
    [InlineData("GET / HTTP/1.1", ClientHelloStatus.Http)]
    [InlineData("PRI * HTTP/2.0", ClientHelloStatus.Http)]
    [InlineData("\u0015\u0003\u0003", ClientHelloStatus.Malformed)]
    [InlineData("\u0016\u0002", ClientHelloStatus.Malformed)]
    [InlineData("\u0016\u0003\u0001\u0000\u0000", ClientHelloStatus.Malformed)]
    [InlineData("\u0016\u0003\u0001\u0000\u0001\u0002", ClientHelloStatus.Malformed)]
    [InlineData("\u0016\u0003\u0001\u0041\u0001\u0001", ClientHelloStatus.Malformed)]
    [InlineData("\u0016\u0003\u0001\u0000\u0004\u0001\u0001\u0000\u0000", ClientHelloStatus.Malformed)]
    [InlineData("\u0016\u0003\u0001\u0000\u0004\u0001\u0000\u0030\u0000", ClientHelloStatus.Incomplete)]
    public void Anything_else_is_told_at_once(string bytes, ClientHelloStatus expected) =>
        Assert.Equal(expected, ClientHello.Read(System.Text.Encoding.Latin1.GetBytes(bytes)));

    [Fact]
    public void Message_in_one_byte_records_ends_at_the_limit()
    {
        byte[] bytes = Records([.. Enumerable.Repeat<byte[]>([1], 1), .. Enumerable.Repeat<byte[]>([0], 3000)]);
        byte[] endless = [.. Records([[1, 0, 0x3F, 0]]), .. Records([.. Enumerable.Repeat<byte[]>([0], 4000)])];
        Assert.Equal(ClientHelloStatus.Whole, ClientHello.Read(bytes));
        Assert.Equal(ClientHelloStatus.Malformed, ClientHello.Read(endless.AsSpan(0, ClientHello.BytesMax)));
    }

    private static byte[] Records(byte[][] fragments) =>
        [.. fragments.SelectMany(fragment => (byte[])[22, 3, 1, (byte)(fragment.Length >> 8), (byte)fragment.Length, .. fragment])];
}
