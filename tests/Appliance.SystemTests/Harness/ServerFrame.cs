using System.Buffers.Binary;
using System.Text;

namespace Appliance.SystemTests.Harness;

/// <summary>A frame that the server sent, held to the letter of RFC 6455 section 5.</summary>
/// <param name="Opcode">Frame type, one of the six known.</param>
/// <param name="Final">FIN bit.</param>
/// <param name="Payload">Application data.</param>
public sealed record ServerFrame(Opcode Opcode, bool Final, byte[] Payload)
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Payload as text.</summary>
    /// <exception cref="DecoderFallbackException">It is not UTF-8.</exception>
    public string Text => StrictUtf8.GetString(Payload);

    /// <summary>Status code of a close frame; null if it has none (1005).</summary>
    public int? CloseCode => Payload.Length >= 2 ? BinaryPrimitives.ReadUInt16BigEndian(Payload) : null;

    /// <summary>Reads one frame from the front of <paramref name="bytes"/>.</summary>
    /// <returns>Bytes used; 0 if the frame is not complete yet.</returns>
    /// <exception cref="InvalidDataException">A server must not send this.</exception>
    public static int TryParse(ReadOnlySpan<byte> bytes, out ServerFrame? frame)
    {
        frame = null;
        if (bytes.Length < 2)
        {
            return 0;
        }

        var opcode = (Opcode)(bytes[0] & 0x0F);
        var final = (bytes[0] & 0x80) != 0;
        var shortLength = bytes[1] & 0x7F;
        Require((bytes[0] & 0x70) == 0, "a reserved bit is set", bytes);
        Require((bytes[1] & 0x80) == 0, "it is masked", bytes);
        Require(Enum.IsDefined(opcode), "the opcode is reserved", bytes);
        Require(opcode < Opcode.Close || (final && shortLength < 126), "a control frame is fragmented or over 125 bytes", bytes);

        var headerBytes = shortLength switch { 126 => 4, 127 => 10, _ => 2 };
        if (bytes.Length < headerBytes)
        {
            return 0;
        }

        var length = shortLength switch
        {
            126 => BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]),
            127 => BinaryPrimitives.ReadUInt64BigEndian(bytes[2..]),
            _ => (ulong)shortLength,
        };
        Require(shortLength != 126 || length > 125, "the length is not encoded minimally", bytes);
        Require(shortLength != 127 || length is > ushort.MaxValue and <= int.MaxValue, "the length is not encoded minimally, or huge", bytes);
        var frameBytes = headerBytes + (int)length;
        if (bytes.Length < frameBytes)
        {
            return 0;
        }

        var payload = bytes[headerBytes..frameBytes].ToArray();
        Require(opcode != Opcode.Close || payload.Length != 1, "a close frame has a body of 1 byte", bytes);
        frame = new ServerFrame(opcode, final, payload);
        return frameBytes;
    }

    private static void Require(bool condition, string violation, ReadOnlySpan<byte> bytes)
    {
        if (!condition)
        {
            throw new InvalidDataException($"Bad frame from the server, {violation}: {Convert.ToHexString(bytes[..Math.Min(bytes.Length, 64)])}");
        }
    }
}
