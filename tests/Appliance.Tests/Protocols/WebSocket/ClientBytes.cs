using System.Buffers.Binary;
using System.Text;
using Appliance.Protocols.WebSocket;

namespace Appliance.Tests.Protocols.WebSocket;

/// <summary>Writes frames as a client does, right ones and wrong ones (RFC 6455, 5.2).</summary>
internal static class ClientBytes
{
    private static readonly byte[] Key = [0x37, 0xFA, 0x21, 0x3D];

    public static byte[] Text(string text, bool final = true) => Frame(Opcode.Text, Encoding.UTF8.GetBytes(text), final);

    public static byte[] Continuation(string text, bool final = true) => Frame(Opcode.Continuation, Encoding.UTF8.GetBytes(text), final);

    public static byte[] Ping(string text = "") => Frame(Opcode.Ping, Encoding.UTF8.GetBytes(text));

    public static byte[] Close(int code, string reason = "") =>
        Frame(Opcode.Close, [(byte)(code >> 8), (byte)code, .. Encoding.UTF8.GetBytes(reason)]);

    public static byte[] Frame(Opcode opcode, byte[] payload, bool final = true) =>
        [.. Header((byte)((final ? 0x80 : 0) | (int)opcode), payload.Length), .. Key, .. payload.Select((value, i) => (byte)(value ^ Key[i % 4]))];

    /// <summary>First byte and a length with the mask bit, in the fewest bytes or in 1, 3 or 9.</summary>
    public static byte[] Header(byte first, long length, int lengthBytes = 0)
    {
        byte[] header = new byte[10];
        header[0] = first;
        switch (lengthBytes > 0 ? lengthBytes : length < 126 ? 1 : length <= ushort.MaxValue ? 3 : 9)
        {
            case 1:
                header[1] = (byte)(0x80 | length);
                return header[..2];
            case 3:
                header[1] = 0x80 | 126;
                BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(2), (ushort)length);
                return header[..4];
            default:
                header[1] = 0x80 | 127;
                BinaryPrimitives.WriteInt64BigEndian(header.AsSpan(2), length);
                return header;
        }
    }
}
