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
    /// <summary>Longest header of a client's frame.</summary>
    public const int BytesMax = 14;

    /// <summary>Longest header of a server's frame, which has no mask.</summary>
    public const int ServerBytesMax = 10;

    /// <summary>Longest payload of a control frame.</summary>
    public const int ControlPayloadBytesMax = 125;

    private const byte FinBit = 0x80;
    private const byte MaskBit = 0x80;
    private const byte ReservedBits = 0x70;
    private const byte OpcodeBits = 0x0F;
    private const byte LengthBits = 0x7F;
    private const int Length16 = 126;
    private const int Length64 = 127;

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

    /// <summary>How many bytes the header has that begins with this second byte.</summary>
    public static int LengthFrom(byte second) =>
        2 + ((second & LengthBits) switch { Length16 => 2, Length64 => 8, _ => 0 }) + ((second & MaskBit) != 0 ? 4 : 0);

    /// <summary>
    /// Whether the first two bytes can begin a client's frame: no reserved bit, a known opcode, masked, and a control frame neither
    /// fragmented nor longer than 125 bytes.
    /// </summary>
    public static bool IsAllowed(byte first, byte second)
    {
        var opcode = (Opcode)(first & OpcodeBits);
        bool known = opcode is <= Opcode.Binary or (>= Opcode.Close and <= Opcode.Pong);
        bool control = opcode >= Opcode.Close;
        return (first & ReservedBits) == 0 && known && (second & MaskBit) != 0
            && (!control || ((first & FinBit) != 0 && (second & LengthBits) <= ControlPayloadBytesMax));
    }

    /// <summary>
    /// Reads a client's header whose bytes are all there and begin as <see cref="IsAllowed"/> asks; false when the length is not
    /// written in the fewest bytes or has its highest bit set.
    /// </summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out FrameHeader header)
    {
        int lengthField = bytes[1] & LengthBits;
        long length = lengthField switch
        {
            Length16 => BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]),
            Length64 => BinaryPrimitives.ReadInt64BigEndian(bytes[2..]),
            _ => lengthField,
        };
        header = new FrameHeader
        {
            IsFinal = (bytes[0] & FinBit) != 0,
            Opcode = (Opcode)(bytes[0] & OpcodeBits),
            PayloadLength = length,
            Mask = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(LengthFrom(bytes[1]) - 4)..]),
        };
        return length >= 0 && lengthField switch
        {
            Length16 => length >= Length16,
            Length64 => length > ushort.MaxValue,
            _ => true,
        };
    }

    /// <summary>How many bytes a server's header for a payload has.</summary>
    public static int ServerBytes(int payloadLength) => payloadLength < Length16 ? 2 : payloadLength <= ushort.MaxValue ? 4 : ServerBytesMax;

    /// <summary>Writes the header of an unfragmented server frame and returns its length.</summary>
    public static int WriteServer(Span<byte> destination, Opcode opcode, int payloadLength)
    {
        destination[0] = (byte)(FinBit | (byte)opcode);
        int bytes = ServerBytes(payloadLength);
        switch (bytes)
        {
            case 2:
                destination[1] = (byte)payloadLength;
                break;
            case 4:
                destination[1] = Length16;
                BinaryPrimitives.WriteUInt16BigEndian(destination[2..], (ushort)payloadLength);
                break;
            default:
                destination[1] = Length64;
                BinaryPrimitives.WriteInt64BigEndian(destination[2..], payloadLength);
                break;
        }

        return bytes;
    }
}
