using System.Buffers;
using System.Net;

namespace Appliance.Protocols;

/// <summary>
/// Addresses as proxies write them, and no other way that some library reads: IPv4 as four decimal numbers without leading zeros, IPv6 in its
/// text form without a zone (RFC 5952, 4).
/// </summary>
public static class IpText
{
    /// <summary>Bytes of an address, IPv4 mapped into IPv6.</summary>
    public const int Bytes = 16;

    private const int Ipv4Offset = 12;
    private const int Ipv4Parts = 4;

    /// <summary>All that addresses of IPv6 are written with.</summary>
    private static readonly SearchValues<byte> Ipv6Letters = SearchValues.Create("0123456789abcdefABCDEF:."u8);

    /// <summary>Reads an address; false when the text is none.</summary>
    /// <param name="text">The text.</param>
    /// <param name="ip">Takes the address: <see cref="Bytes"/>.</param>
    public static bool TryRead(ReadOnlySpan<byte> text, Span<byte> ip) => text.Contains((byte)':') ? TryReadIpv6(text, ip) : TryReadIpv4(text, ip);

    /// <summary>Reads an address of IPv4.</summary>
    public static bool TryReadIpv4(ReadOnlySpan<byte> text, Span<byte> ip)
    {
        ip[..Bytes].Clear();
        ip[Ipv4Offset - 2] = ip[Ipv4Offset - 1] = 0xFF;
        for (int part = 0; part < Ipv4Parts; part++)
        {
            bool isLast = part == Ipv4Parts - 1;
            int end = isLast ? text.Length : text.IndexOf((byte)'.');
            if (end < 0 || !TryReadNumber(text[..end], byte.MaxValue, out int number))
            {
                return false;
            }

            ip[Ipv4Offset + part] = (byte)number;
            text = text[(isLast ? end : end + 1)..];
        }

        return true;
    }

    /// <summary>Reads an address of IPv6.</summary>
    public static bool TryReadIpv6(ReadOnlySpan<byte> text, Span<byte> ip) =>
        text.Contains((byte)':') && !text.ContainsAnyExcept(Ipv6Letters)
        && IPAddress.TryParse(text, out var address) && address.TryWriteBytes(ip, out int written) && written == Bytes;

    /// <summary>Reads a decimal number without leading zeros.</summary>
    public static bool TryReadNumber(ReadOnlySpan<byte> text, int most, out int number)
    {
        number = 0;
        if (text.Length is 0 or > 5 || text.ContainsAnyExceptInRange((byte)'0', (byte)'9') || (text[0] == '0' && text.Length > 1))
        {
            return false;
        }

        foreach (byte digit in text)
        {
            number = (number * 10) + digit - '0';
        }

        return number <= most;
    }
}
