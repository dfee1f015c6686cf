using Appliance.Protocols.WebSocket;

namespace Appliance.Tests.Protocols.WebSocket;

/// <summary>The first bytes of a frame (RFC 6455, 5.2).</summary>
public sealed class FrameHeaderTests
{
    public static TheoryData<string, long, int, bool> Valid => new()
    {
        { "81 80 01020304", 0, 6, true },
        { "81 85 01020304", 5, 6, true },
        { "82 FD 01020304", 125, 6, true },
        { "02 FE007E 01020304", 126, 8, false },
        { "00 FEFFFF 01020304", 65_535, 8, false },
        { "80 FF0000000000010000 01020304", 65_536, 14, true },
        { "81 FF7FFFFFFFFFFFFFFF 01020304", long.MaxValue, 14, true },
        { "89 FD 01020304", 125, 6, true },
    };

    public static TheoryData<string> Invalid =>
    [
        "81 FE0000 01020304",
        "81 FE007D 01020304",
        "81 FF0000000000000000 01020304",
        "81 FF000000000000FFFF 01020304",
        "81 FF8000000000000000 01020304",
        "81 FFFFFFFFFFFFFFFFFF 01020304",
    ];

    [Theory]
    [MemberData(nameof(Valid))]
    public void Header_is_read(string hex, long payloadLength, int length, bool final)
    {
        byte[] bytes = Bytes(hex);
        Assert.True(FrameHeader.IsAllowed(bytes[0], bytes[1]));
        Assert.Equal(length, FrameLength.HeaderBytes(bytes[1]));
        Assert.True(FrameHeader.TryRead(bytes, out var header));
        Assert.Equal((payloadLength, final, (Opcode)(bytes[0] & 0xF), 0x04030201u), (header.PayloadLength, header.IsFinal, header.Opcode, header.Mask));
        Assert.Equal(header.Opcode is Opcode.Ping or Opcode.Pong or Opcode.Close, header.IsControl);
    }

    [Theory]
    [MemberData(nameof(Invalid))]
    public void Length_in_too_many_bytes_or_with_its_highest_bit_is_refused(string hex) => Assert.False(FrameHeader.TryRead(Bytes(hex), out _));

    [Fact]
    public void First_two_bytes_are_allowed_as_the_RFC_says()
    {
        for (int word = 0; word <= ushort.MaxValue; word++)
        {
            var (first, second) = ((byte)(word >> 8), (byte)word);
            int opcode = first & 0xF;
            bool reserved = (first & 0x70) != 0 || opcode is (> 2 and < 8) or > 10;
            bool masked = second >= 0x80;
            bool wrongControl = opcode >= 8 && (first < 0x80 || (second & 0x7F) > 125);
            Assert.Equal(!reserved && masked && !wrongControl, FrameHeader.IsAllowed(first, second));
        }
    }

    [Theory]
    [InlineData(0, "8100")]
    [InlineData(125, "817D")]
    [InlineData(126, "817E007E")]
    [InlineData(65_535, "817EFFFF")]
    [InlineData(65_536, "817F0000000000010000")]
    [InlineData(int.MaxValue, "817F000000007FFFFFFF")]
    public void Server_header_is_written_in_the_fewest_bytes(int payloadLength, string expected)
    {
        byte[] destination = new byte[FrameLength.ServerHeaderBytesMax];
        int length = FrameHeader.WriteServer(destination, Opcode.Text, payloadLength);
        Assert.Equal(expected, Convert.ToHexString(destination, 0, length));
        Assert.Equal(length, FrameLength.ServerHeaderBytes(payloadLength));
    }

    /// <summary>What a room's log, its index and the journal ask of a frame; what lies behind the header does not matter.</summary>
    [Theory]
    [InlineData("8100", 2, 0L)]
    [InlineData("817D", 2, 125L)]
    [InlineData("817E007E", 4, 126L)]
    [InlineData("817EFFFF", 4, 65_535L)]
    [InlineData("817F0000000000010000", 10, 65_536L)]
    [InlineData("817F7FFFFFFFFFFFFFFF", 10, long.MaxValue)]
    [InlineData("8180", 0, 0L)]
    [InlineData("81FD", 0, 0L)]
    [InlineData("817E007D", 4, 125L)]
    [InlineData("817F000000000000FFFF", 10, 65_535L)]
    [InlineData("817F8000000000010000", 0, 0L)]
    public void Server_frame_tells_its_length(string hex, int headerBytes, long payloadBytes)
    {
        foreach (byte behind in (byte[])[0x00, 0x81, 0xFF])
        {
            byte[] frame = new byte[FrameLength.ServerHeaderBytesMax];
            frame.AsSpan().Fill(behind);
            Bytes(hex).CopyTo(frame, 0);
            bool isFrame = FrameLength.TryReadServer(frame, out int header, out long payload);
            Assert.Equal((headerBytes > 0, headerBytes, payloadBytes), isFrame ? (true, header, payload) : (false, 0, 0L));
        }
    }

    private static byte[] Bytes(string hex) => Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));
}
