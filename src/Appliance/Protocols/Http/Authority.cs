using System.Buffers;
using System.Buffers.Text;
using System.Net;
using System.Text;

namespace Appliance.Protocols.Http;

/// <summary>Host and port as they stand in a Host header and in an origin (RFC 3986, 3.2); no user in front of them. Spans into the text.</summary>
public readonly ref struct Authority
{
    /// <summary>Longest name of a host (RFC 1035, 2.3.4); the text of an address is shorter.</summary>
    public const int HostBytesMax = 253;

    private const int AddressParts = 4;
    private const int Ipv6Bytes = 16;

    /// <summary>Underscores are in no name by the book, but in many of containers.</summary>
    private static readonly SearchValues<byte> NameBytes = SearchValues.Create("-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"u8);

    private static readonly SearchValues<byte> Ipv6AddressBytes = SearchValues.Create(".0123456789:ABCDEFabcdef"u8);

    /// <summary>The host without the dot that may end a whole name; an IPv6 address with its brackets.</summary>
    public ReadOnlySpan<byte> Host { get; private init; }

    /// <summary>The port; 0 where there is none.</summary>
    public int Port { get; private init; }

    /// <summary>
    /// Whether the host is an address and no name: four numbers, or IPv6 in brackets. Other ways to write an address are never in a header:
    /// clients that take them write the address as here.
    /// </summary>
    public bool IsAddress => Host[0] == (byte)'[' || IsIpv4(Host);

    /// <summary>Reads a host with or without a port; false for anything else, the empty text included.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out Authority authority)
    {
        bool isBracketed = !text.IsEmpty && text[0] == (byte)'[';
        int hostEnd = isBracketed ? text.IndexOf((byte)']') + 1 : text.IndexOf((byte)':');
        hostEnd = hostEnd < 0 ? text.Length : hostEnd;
        var host = text[..hostEnd];
        var rest = text[hostEnd..];
        authority = default;
        if (!(isBracketed ? IsIpv6(host) : IsName(host)) || !TryReadPort(rest, out int port))
        {
            return false;
        }

        authority = new Authority { Host = host[^1] == (byte)'.' ? host[..^1] : host, Port = port };
        return true;
    }

    /// <summary>Whether two hosts are one: in any case, and an IPv6 address however it is written.</summary>
    public static bool IsSameHost(ReadOnlySpan<byte> one, ReadOnlySpan<byte> other) =>
        Ascii.EqualsIgnoreCase(one, other)
        || (one[0] == (byte)'[' && other[0] == (byte)'[' && IPAddress.Parse(one[1..^1]).Equals(IPAddress.Parse(other[1..^1])));

    private static bool TryReadPort(ReadOnlySpan<byte> text, out int port)
    {
        port = 0;
        return text.IsEmpty || (text[0] == (byte)':'
            && (text.Length == 1 || (Utf8Parser.TryParse(text[1..], out ushort number, out int read) && read == text.Length - 1 && (port = number) > 0)));
    }

    private static bool IsName(ReadOnlySpan<byte> text) => !text.IsEmpty && text.Length <= (text[^1] == (byte)'.' ? HostBytesMax + 1 : HostBytesMax)
        && text[0] != (byte)'.' && text.IndexOf(".."u8) < 0 && !text.ContainsAnyExcept(NameBytes);

    private static bool IsIpv6(ReadOnlySpan<byte> text) => text.Length > 2
        && !text[1..^1].ContainsAnyExcept(Ipv6AddressBytes) && IPAddress.TryParse(text[1..^1], out var address)
        && address.GetAddressBytes().Length == Ipv6Bytes;

    private static bool IsIpv4(ReadOnlySpan<byte> text)
    {
        int parts = 0;
        foreach (var range in text.Split((byte)'.'))
        {
            var part = text[range];
            bool isNumber = part.Length is > 0 and <= 3 && !part.ContainsAnyExceptInRange((byte)'0', (byte)'9') && (part.Length == 1 || part[0] != (byte)'0');
            if (!isNumber || !Utf8Parser.TryParse(part, out int number, out _) || number > byte.MaxValue || ++parts > AddressParts)
            {
                return false;
            }
        }

        return parts == AddressParts;
    }
}
