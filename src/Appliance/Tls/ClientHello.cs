using System.Buffers.Binary;

namespace Appliance.Tls;

/// <summary>What a client has begun with.</summary>
public enum ClientHelloStatus
{
    /// <summary>It may become a ClientHello.</summary>
    Incomplete,

    /// <summary>A whole ClientHello, by its lengths: a handshake can begin.</summary>
    Whole,

    /// <summary>Probably a request by HTTP without TLS.</summary>
    Http,

    /// <summary>Nothing of the kind.</summary>
    Malformed,
}

/// <summary>
/// Finds the end of a ClientHello, which may lie in several records (RFC 8446, 4.1.2 and 5.1): before it is whole, nothing is spent on a handshake.
/// </summary>
public static class ClientHello
{
    /// <summary>A ClientHello with its records at most. Browsers send half a kilobyte, and with post-quantum key exchange two.</summary>
    public const int BytesMax = 16 << 10;

    private const int RecordHeaderBytes = 5;
    private const int MessageHeaderBytes = 4;
    private const byte HandshakeType = 22;
    private const byte Version = 3;
    private const byte ClientHelloMessage = 1;

    /// <summary>Looks at what has come so far.</summary>
    public static ClientHelloStatus Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return ClientHelloStatus.Incomplete;
        }

        if (bytes[0] is >= (byte)'A' and <= (byte)'Z')
        {
            return ClientHelloStatus.Http;
        }

        Span<byte> header = stackalloc byte[MessageHeaderBytes];
        int length = 0;
        int needed = BytesMax;
        var rest = bytes;
        while (!rest.IsEmpty)
        {
            if (rest[0] != HandshakeType || (rest.Length > 1 && rest[1] != Version))
            {
                return ClientHelloStatus.Malformed;
            }

            int record = rest.Length < RecordHeaderBytes ? 0 : BinaryPrimitives.ReadUInt16BigEndian(rest[3..]);
            if (rest.Length >= RecordHeaderBytes && record is 0 or > TlsState.DataBytesMax)
            {
                return ClientHelloStatus.Malformed;
            }

            var fragment = rest[Math.Min(rest.Length, RecordHeaderBytes)..];
            fragment = fragment[..Math.Min(fragment.Length, record)];
            for (int i = 0; length + i < MessageHeaderBytes && i < fragment.Length; i++)
            {
                header[length + i] = fragment[i];
            }

            length += fragment.Length;
            rest = rest[Math.Min(rest.Length, RecordHeaderBytes + record)..];
            if (length > 0 && header[0] != ClientHelloMessage)
            {
                return ClientHelloStatus.Malformed;
            }

            if (length >= MessageHeaderBytes)
            {
                needed = MessageHeaderBytes + (header[1] << 16) + (header[2] << 8) + header[3];
            }
        }

        return length >= needed ? ClientHelloStatus.Whole
            : needed > BytesMax || bytes.Length >= BytesMax ? ClientHelloStatus.Malformed
            : ClientHelloStatus.Incomplete;
    }
}
