using System.Buffers.Binary;
using System.Text;

namespace Appliance.SystemTests.Harness;

/// <summary>Frame types of RFC 6455 section 5.2, and by cast any of the reserved ones.</summary>
public enum Opcode
{
    Continuation = 0x0,
    Text = 0x1,
    Binary = 0x2,
    Close = 0x8,
    Ping = 0x9,
    Pong = 0xA,
}

/// <summary>A frame to send, legal unless told otherwise.</summary>
/// <param name="Opcode">Frame type, 0 to 15.</param>
/// <param name="Payload">Application data before masking.</param>
public sealed record ClientFrame(Opcode Opcode, ReadOnlyMemory<byte> Payload)
{
    /// <summary>FIN bit: last or only frame of a message.</summary>
    public bool Final { get; init; } = true;

    /// <summary>RSV1 to RSV3, 0 to 7.</summary>
    public int Reserved { get; init; }

    /// <summary>Masking key of 4 bytes; null sends the frame unmasked, which is illegal.</summary>
    public byte[]? Mask { get; init; } = [0x37, 0xFA, 0x21, 0x3D];

    /// <summary>Bytes of the length field: 1, 3 or 9; null takes the shortest, as the RFC demands.</summary>
    public int? LengthBytes { get; init; }

    /// <summary>Length to claim; null tells the truth.</summary>
    public ulong? ClaimedLength { get; init; }

    public static ClientFrame Text(string text) => new(Opcode.Text, Encoding.UTF8.GetBytes(text));

    public static ClientFrame Binary(ReadOnlyMemory<byte> payload) => new(Opcode.Binary, payload);

    public static ClientFrame Ping(string payload = "") => new(Opcode.Ping, Encoding.UTF8.GetBytes(payload));

    public static ClientFrame Pong(string payload = "") => new(Opcode.Pong, Encoding.UTF8.GetBytes(payload));

    /// <summary>A close frame with a status code and a reason.</summary>
    public static ClientFrame Close(int code, string reason = "") => new(Opcode.Close, ClosePayload(code, Encoding.UTF8.GetBytes(reason)));

    /// <summary>Body of a close frame: big-endian code, then the reason.</summary>
    public static byte[] ClosePayload(int code, ReadOnlySpan<byte> reason)
    {
        var payload = new byte[2 + reason.Length];
        BinaryPrimitives.WriteUInt16BigEndian(payload, checked((ushort)code));
        reason.CopyTo(payload.AsSpan(2));
        return payload;
    }

    /// <summary>Splits a message into frames of at most <paramref name="fragmentBytes"/> each.</summary>
    public static IEnumerable<ClientFrame> Fragments(Opcode opcode, ReadOnlyMemory<byte> message, int fragmentBytes)
    {
        for (var start = 0; start == 0 || start < message.Length; start += fragmentBytes)
        {
            var length = Math.Min(fragmentBytes, message.Length - start);
            yield return new ClientFrame(start == 0 ? opcode : Opcode.Continuation, message.Slice(start, length))
            {
                Final = start + length == message.Length,
            };
        }
    }

    /// <summary>The bytes of several frames, one behind the other.</summary>
    public static byte[] Encode(params IEnumerable<ClientFrame> frames)
    {
        var bytes = new MemoryStream();
        foreach (var frame in frames)
        {
            bytes.Write(frame.Encode());
        }

        return bytes.ToArray();
    }

    /// <summary>The bytes for the wire.</summary>
    public byte[] Encode()
    {
        var length = ClaimedLength ?? (ulong)Payload.Length;
        var lengthBytes = LengthBytes ?? length switch { < 126 => 1, <= ushort.MaxValue => 3, _ => 9 };
        var headerBytes = 1 + lengthBytes + (Mask?.Length ?? 0);
        var bytes = new byte[headerBytes + Payload.Length];
        bytes[0] = (byte)((Final ? 0x80 : 0) | (Reserved << 4) | (int)Opcode);
        switch (lengthBytes)
        {
            case 1:
                bytes[1] = (byte)length;
                break;
            case 3:
                bytes[1] = 126;
                BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(2), (ushort)length);
                break;
            default:
                bytes[1] = 127;
                BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(2), length);
                break;
        }

        Payload.Span.CopyTo(bytes.AsSpan(headerBytes));
        if (Mask is not null)
        {
            bytes[1] |= 0x80;
            Mask.CopyTo(bytes, 1 + lengthBytes);
            for (var i = 0; i < Payload.Length; i++)
            {
                bytes[headerBytes + i] ^= Mask[i & 3];
            }
        }

        return bytes;
    }
}
