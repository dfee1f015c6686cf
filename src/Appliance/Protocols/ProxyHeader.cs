using System.Buffers.Binary;
using System.Numerics;

namespace Appliance.Protocols;

/// <summary>What looking for a PROXY header at the start of a connection found.</summary>
public enum ProxyHeaderStatus
{
    /// <summary>The beginning of one; more bytes must come. Nothing is consumed.</summary>
    Incomplete,

    /// <summary>The address of the client.</summary>
    Client,

    /// <summary>The proxy speaks for itself, as for a health check, or does not know for whom: the address is the peer's.</summary>
    Local,

    /// <summary>The client came through a unix socket: it has no address.</summary>
    Unix,

    /// <summary>No such header, or a damaged one.</summary>
    Malformed,
}

/// <summary>
/// The header that HAProxy and others send before a connection's bytes to say whose they are: the PROXY protocol, version 1 (a line of text) and
/// version 2 (binary), as haproxy.org's proxy-protocol.txt has it.
/// </summary>
public static class ProxyHeader
{
    /// <summary>The longest header: far more than all fields that proxies add.</summary>
    public const int BytesMax = 4096;

    /// <summary>The longest line of version 1, with its CRLF.</summary>
    private const int LineBytesMax = 107;

    private const int FixedBytes = 16;
    private const int Ipv4Bytes = 12;
    private const int Ipv6Bytes = 36;
    private const int UnixBytes = 216;
    private const int FieldHeaderBytes = 3;
    private const int FieldChecksum = 3;

    /// <summary>Reads a header.</summary>
    /// <param name="bytes">What has come so far.</param>
    /// <param name="ip">Takes the client's address, <see cref="IpText.Bytes"/>, IPv4 mapped into IPv6.</param>
    /// <param name="consumed">Its bytes: what lies behind them is the client's.</param>
    public static ProxyHeaderStatus Read(ReadOnlySpan<byte> bytes, Span<byte> ip, out int consumed)
    {
        consumed = 0;
        return StartsLike(bytes, "PROXY "u8) ? ReadLine(bytes, ip, out consumed)
            : StartsLike(bytes, Signature) ? ReadBinary(bytes, ip, out consumed)
            : ProxyHeaderStatus.Malformed;
    }

    private static ReadOnlySpan<byte> Signature => "\r\n\r\n\0\r\nQUIT\n"u8;

    /// <summary>Whether bytes begin with others, as far as they go.</summary>
    private static bool StartsLike(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> start) =>
        bytes.Length < start.Length ? start.StartsWith(bytes) : bytes.StartsWith(start);

    private static ProxyHeaderStatus ReadLine(ReadOnlySpan<byte> bytes, Span<byte> ip, out int consumed)
    {
        consumed = 0;
        var line = bytes[..Math.Min(bytes.Length, LineBytesMax)];
        int end = line.IndexOf("\r\n"u8);
        if (end < 0)
        {
            return line.Length == LineBytesMax ? ProxyHeaderStatus.Malformed : ProxyHeaderStatus.Incomplete;
        }

        consumed = end + 2;
        Span<Range> words = stackalloc Range[7];
        line = line[..end];
        int count = 0;
        foreach (var word in line.Split((byte)' '))
        {
            if (count == words.Length)
            {
                break;
            }

            words[count++] = word;
        }

        if (line[words[1]].SequenceEqual("UNKNOWN"u8))
        {
            return ProxyHeaderStatus.Local;
        }

        Span<byte> server = stackalloc byte[IpText.Bytes];
        bool isIpv4 = line[words[1]].SequenceEqual("TCP4"u8);
        bool isSound = count == 6 && (isIpv4 || line[words[1]].SequenceEqual("TCP6"u8))
            && (isIpv4 ? IpText.TryReadIpv4(line[words[2]], ip) : IpText.TryReadIpv6(line[words[2]], ip))
            && (isIpv4 ? IpText.TryReadIpv4(line[words[3]], server) : IpText.TryReadIpv6(line[words[3]], server))
            && IpText.TryReadNumber(line[words[4]], ushort.MaxValue, out _) && IpText.TryReadNumber(line[words[5]], ushort.MaxValue, out _);
        return isSound ? ProxyHeaderStatus.Client : ProxyHeaderStatus.Malformed;
    }

    private static ProxyHeaderStatus ReadBinary(ReadOnlySpan<byte> bytes, Span<byte> ip, out int consumed)
    {
        consumed = 0;
        if (bytes.Length < FixedBytes)
        {
            return ProxyHeaderStatus.Incomplete;
        }

        int length = FixedBytes + BinaryPrimitives.ReadUInt16BigEndian(bytes[14..]);
        if (length > BytesMax || bytes[12] is not (0x20 or 0x21))
        {
            return ProxyHeaderStatus.Malformed;
        }

        if (bytes.Length < length)
        {
            return ProxyHeaderStatus.Incomplete;
        }

        consumed = length;
        var header = bytes[..length];
        var addresses = header[FixedBytes..];
        bool isLocal = bytes[12] == 0x20;
        int addressBytes = bytes[13] switch
        {
            // Family in the high half, stream in the low one; nothing else reaches a stream socket.
            0x11 => Ipv4Bytes,
            0x21 => Ipv6Bytes,
            0x31 => UnixBytes,
            0x00 => 0,
            _ => isLocal ? 0 : int.MaxValue,
        };
        if (addressBytes > addresses.Length)
        {
            return isLocal ? ProxyHeaderStatus.Local : ProxyHeaderStatus.Malformed;
        }

        if (!isLocal && !AreFieldsSound(header, FixedBytes + addressBytes))
        {
            return ProxyHeaderStatus.Malformed;
        }

        if (isLocal || addressBytes == 0)
        {
            return ProxyHeaderStatus.Local;
        }

        ip[..IpText.Bytes].Clear();
        if (addressBytes == Ipv4Bytes)
        {
            ip[10] = ip[11] = 0xFF;
            addresses[..4].CopyTo(ip[12..]);
        }
        else if (addressBytes == Ipv6Bytes)
        {
            addresses[..IpText.Bytes].CopyTo(ip);
        }

        return addressBytes == UnixBytes ? ProxyHeaderStatus.Unix : ProxyHeaderStatus.Client;
    }

    /// <summary>Whether the fields behind the addresses fill the header, and the checksum, if it is one of them, is right.</summary>
    private static bool AreFieldsSound(ReadOnlySpan<byte> header, int at)
    {
        // Of a proxy that does not know the family, what follows has no form.
        bool hasFields = header[13] != 0;
        while (hasFields && at < header.Length)
        {
            if (header.Length - at < FieldHeaderBytes)
            {
                return false;
            }

            int value = at + FieldHeaderBytes;
            int length = BinaryPrimitives.ReadUInt16BigEndian(header[(at + 1)..]);
            if (length > header.Length - value)
            {
                return false;
            }

            if (header[at] == FieldChecksum && (length != sizeof(uint) || BinaryPrimitives.ReadUInt32BigEndian(header[value..]) != Checksum(header, value)))
            {
                return false;
            }

            at = value + length;
        }

        return true;
    }

    /// <summary>CRC-32C of a header (RFC 4960, appendix B), the checksum itself taken as zero.</summary>
    private static uint Checksum(ReadOnlySpan<byte> header, int checksumAt)
    {
        uint sum = uint.MaxValue;
        for (int i = 0; i < header.Length; i++)
        {
            sum = BitOperations.Crc32C(sum, (byte)(i >= checksumAt && i < checksumAt + sizeof(uint) ? 0 : header[i]));
        }

        return ~sum;
    }
}
