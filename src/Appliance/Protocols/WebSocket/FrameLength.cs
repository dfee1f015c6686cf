using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Appliance.Protocols.WebSocket;

/// <summary>
/// How long a frame and its header are (RFC 6455, 5.2): the one place that knows. The second byte holds a mask bit and the length of the
/// payload in 7 bits, or that it follows in 16 or 64; a masking key of 4 bytes follows if the bit is set.
/// </summary>
public static class FrameLength
{
    /// <summary>Longest header of a client's frame, in bytes.</summary>
    public const int ClientHeaderBytesMax = 14;

    /// <summary>Longest header of a server's frame, which has no mask, in bytes.</summary>
    public const int ServerHeaderBytesMax = 10;

    /// <summary>Longest payload of a control frame, in bytes.</summary>
    public const int ControlPayloadBytesMax = 125;

    private const byte MaskBit = 0x80;
    private const byte LengthBits = 0x7F;
    private const int In16Bits = 126;
    private const int In64Bits = 127;

    /// <summary>Whether the frame with this second byte has a masking key, as all of a client's have and none of a server's.</summary>
    public static bool IsMasked(byte second) => (second & MaskBit) != 0;

    /// <summary>Whether the payload of the frame with this second byte is as short as a control frame's must be.</summary>
    public static bool FitsControl(byte second) => (second & LengthBits) <= ControlPayloadBytesMax;

    /// <summary>Bytes of the header that has this second byte, 2 to 14.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int HeaderBytes(byte second) =>
        2 + ((second & LengthBits) switch { In16Bits => 2, In64Bits => 8, _ => 0 }) + (IsMasked(second) ? 4 : 0);

    /// <summary>Bytes of a server's header for a payload: 2, 4 or 10.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int ServerHeaderBytes(int payloadBytes) =>
        payloadBytes < In16Bits ? 2 : payloadBytes <= ushort.MaxValue ? 4 : ServerHeaderBytesMax;

    /// <summary>
    /// Reads the length of the payload from a header whose bytes are all there; false when it is not written in the fewest bytes or has its
    /// highest bit set.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryReadPayload(ReadOnlySpan<byte> header, out long bytes)
    {
        int field = header[1] & LengthBits;
        bytes = field switch
        {
            In16Bits => BinaryPrimitives.ReadUInt16BigEndian(header[2..]),
            In64Bits => BinaryPrimitives.ReadInt64BigEndian(header[2..]),
            _ => field,
        };
        return field switch
        {
            In16Bits => bytes >= In16Bits,
            In64Bits => bytes > ushort.MaxValue,
            _ => true,
        };
    }

    /// <summary>
    /// Reads how long a server's frame is from its first <see cref="ServerHeaderBytesMax"/> bytes, of which those behind its header may be
    /// anything; false when it has a mask or its length the highest bit set. Whether the length is written in the fewest bytes does not matter.
    /// </summary>
    public static bool TryReadServer(ReadOnlySpan<byte> frame, out int headerBytes, out long payloadBytes)
    {
        headerBytes = HeaderBytes(frame[1]);
        _ = TryReadPayload(frame, out payloadBytes);
        return payloadBytes >= 0 && !IsMasked(frame[1]);
    }

    /// <summary>Writes the length of a server's payload behind the first byte of its header; returns the bytes of the whole header.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int WriteServer(Span<byte> header, int payloadBytes)
    {
        int bytes = ServerHeaderBytes(payloadBytes);
        switch (bytes)
        {
            case 2:
                header[1] = (byte)payloadBytes;
                break;
            case 4:
                header[1] = In16Bits;
                BinaryPrimitives.WriteUInt16BigEndian(header[2..], (ushort)payloadBytes);
                break;
            default:
                header[1] = In64Bits;
                BinaryPrimitives.WriteInt64BigEndian(header[2..], payloadBytes);
                break;
        }

        return bytes;
    }
}
