using System.Buffers.Binary;

namespace Appliance.Protocols.WebSocket;

/// <summary>What a frame is (RFC 6455, 5.2).</summary>
public enum Opcode
{
    /// <summary>Goes on with a fragmented message.</summary>
    Continuation = 0,

    /// <summary>Begins a text message.</summary>
    Text = 1,

    /// <summary>Begins a binary message.</summary>
    Binary = 2,

    /// <summary>Closes the connection.</summary>
    Close = 8,

    /// <summary>Asks for a pong.</summary>
    Ping = 9,

    /// <summary>Answers a ping, or nothing.</summary>
    Pong = 10,
}

/// <summary>
/// The first 2 to 14 bytes of a frame (RFC 6455, 5.2): FIN, three reserved bits, opcode; MASK, length in 7, 7+16 or 7+64 bits;
/// masking key.
/// </summary>
public readonly struct FrameHeader
{
    /// <summary>First byte of an unfragmented text frame, as all records of a room have it.</summary>
    public const byte FinalText = FinBit | (byte)Opcode.Text;

    private const byte FinBit = 0x80;
    private const byte ReservedBits = 0x70;
    private const byte OpcodeBits = 0x0F;

    /// <summary>The last frame of a message.</summary>
    public bool IsFinal { get; private init; }

    /// <summary>What it is.</summary>
    public Opcode Opcode { get; private init; }

    /// <summary>Bytes of payload.</summary>
    public long PayloadLength { get; private init; }

    /// <summary>Masking key, its first byte lowest.</summary>
    public uint Mask { get; private init; }

    /// <summary>Close, ping and pong may come between the frames of a message.</summary>
    public bool IsControl => Opcode >= Opcode.Close;

    /// <summary>
    /// Whether the first two bytes can begin a client's frame: no reserved bit, a known opcode, masked, and a control frame neither
    /// fragmented nor longer than 125 bytes.
    /// </summary>
    public static bool IsAllowed(byte first, byte second)
    {
        var opcode = (Opcode)(first & OpcodeBits);
        bool known = opcode is <= Opcode.Binary or (>= Opcode.Close and <= Opcode.Pong);
        bool control = opcode >= Opcode.Close;
        return (first & ReservedBits) == 0 && known && FrameLength.IsMasked(second)
            && (!control || ((first & FinBit) != 0 && FrameLength.FitsControl(second)));
    }

    /// <summary>
    /// Reads a client's header whose bytes are all there and begin as <see cref="IsAllowed"/> asks; false when the length is not
    /// written in the fewest bytes or has its highest bit set.
    /// </summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out FrameHeader header)
    {
        bool isShortest = FrameLength.TryReadPayload(bytes, out long length);
        header = new FrameHeader
        {
            IsFinal = (bytes[0] & FinBit) != 0,
            Opcode = (Opcode)(bytes[0] & OpcodeBits),
            PayloadLength = length,
            Mask = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(FrameLength.HeaderBytes(bytes[1]) - 4)..]),
        };
        return isShortest;
    }

    /// <summary>Writes the header of an unfragmented server frame and returns its length.</summary>
    public static int WriteServer(Span<byte> destination, Opcode opcode, int payloadLength)
    {
        destination[0] = (byte)(FinBit | (byte)opcode);
        return FrameLength.WriteServer(destination, payloadLength);
    }
}
