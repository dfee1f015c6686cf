using System.Text;

namespace Appliance.Protocols.Http;

/// <summary>What the headers of proxies say of who asks.</summary>
public enum ForwardedStatus
{
    /// <summary>Nothing, or that it is not known: the address stays that of the peer.</summary>
    None,

    /// <summary>An address.</summary>
    Found,

    /// <summary>Something that is no address.</summary>
    Malformed,

    /// <summary>Two headers name different clients: one of them is the client's own invention.</summary>
    Contradiction,
}

/// <summary>Whether an address, <see cref="IpText.Bytes"/>, is that of a proxy whose word counts.</summary>
public delegate bool IsTrustedProxy(ReadOnlySpan<byte> ip);

/// <summary>
/// Who asks through proxies: X-Forwarded-For, Forwarded (RFC 7239) and X-Real-IP, of a peer whose word counts. Each proxy adds the address of
/// its own peer at the right end, so the client is the first address from the right that is no such proxy's; what stands left of it is
/// anybody's invention.
/// </summary>
public static class ForwardedClient
{
    /// <summary>Addresses of one header: far more than proxies that stand behind each other.</summary>
    public const int HopsMax = 32;

    /// <summary>Looks for the client.</summary>
    /// <param name="request">What a proxy has passed on.</param>
    /// <param name="isTrusted">Which addresses are proxies.</param>
    /// <param name="ip">Takes the address: <see cref="IpText.Bytes"/>.</param>
    public static ForwardedStatus Find(in HttpRequest request, IsTrustedProxy isTrusted, Span<byte> ip)
    {
        Span<byte> other = stackalloc byte[IpText.Bytes];
        var found = ForwardedStatus.None;
        bool isClient = false;
        foreach (var kind in (ReadOnlySpan<HeaderKind>)[HeaderKind.XForwardedFor, HeaderKind.Forwarded, HeaderKind.XRealIp])
        {
            var status = Find(request, kind, isTrusted, other, out bool isOtherClient);
            if (status == ForwardedStatus.Malformed)
            {
                return status;
            }

            if (status != ForwardedStatus.Found)
            {
                continue;
            }

            // A proxy's address is the word of one that does not know the client: any other word is better.
            if (found == ForwardedStatus.Found && isClient && isOtherClient && !ip[..IpText.Bytes].SequenceEqual(other))
            {
                return ForwardedStatus.Contradiction;
            }

            if (found == ForwardedStatus.None || (isOtherClient && !isClient))
            {
                (found, isClient) = (status, isOtherClient);
                other.CopyTo(ip);
            }
        }

        return found;
    }

    private static ForwardedStatus Find(in HttpRequest request, HeaderKind kind, IsTrustedProxy isTrusted, Span<byte> ip, out bool isClient)
    {
        isClient = false;
        int hops = Count(request, kind);
        if (hops > HopsMax)
        {
            return ForwardedStatus.Malformed;
        }

        var status = ForwardedStatus.None;
        Span<byte> hop = stackalloc byte[IpText.Bytes];
        for (int i = hops - 1; i >= 0 && !isClient; i--)
        {
            var node = NodeOf(ElementAt(request, kind, i), kind);
            if (node.IsEmpty || node[0] == '_' || Ascii.EqualsIgnoreCase(node, "unknown"u8))
            {
                return status;
            }

            if (!TryReadNode(node, hop))
            {
                return ForwardedStatus.Malformed;
            }

            hop.CopyTo(ip);
            status = ForwardedStatus.Found;
            isClient = !isTrusted(hop);
        }

        return status;
    }

    /// <summary>The name of a header (lower case).</summary>
    private static ReadOnlySpan<byte> NameOf(HeaderKind kind) => kind switch
    {
        HeaderKind.XForwardedFor => "x-forwarded-for"u8,
        HeaderKind.Forwarded => "forwarded"u8,
        HeaderKind.XRealIp => "x-real-ip"u8,
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>How many elements all headers of a kind have together.</summary>
    private static int Count(in HttpRequest request, HeaderKind kind)
    {
        int count = 0;
        foreach (var header in request.Headers)
        {
            if (header.Is(NameOf(kind)))
            {
                for (var rest = header.Value; !rest.IsEmpty; count++)
                {
                    _ = Take(ref rest, (byte)',');
                }
            }
        }

        return count;
    }

    /// <summary>An element, counted from the left over all headers of a kind.</summary>
    private static ReadOnlySpan<byte> ElementAt(in HttpRequest request, HeaderKind kind, int index)
    {
        foreach (var header in request.Headers)
        {
            if (header.Is(NameOf(kind)))
            {
                for (var rest = header.Value; !rest.IsEmpty; index--)
                {
                    var element = Take(ref rest, (byte)',');
                    if (index == 0)
                    {
                        return element;
                    }
                }
            }
        }

        return default;
    }

    /// <summary>Takes what stands before a separator that is not inside quotation marks, without the blanks around it.</summary>
    private static ReadOnlySpan<byte> Take(scoped ref ReadOnlySpan<byte> rest, byte separator)
    {
        bool isQuoted = false;
        int end = 0;
        for (; end < rest.Length && (isQuoted || rest[end] != separator); end++)
        {
            isQuoted ^= rest[end] == '"';
            end += isQuoted && rest[end] == '\\' && end + 1 < rest.Length ? 1 : 0;
        }

        var taken = rest[..end].Trim(" \t"u8);
        rest = rest[Math.Min(end + 1, rest.Length)..];
        return taken;
    }

    /// <summary>The node that an element names; of Forwarded it is the value of <c>for</c>. Empty when there is none.</summary>
    private static ReadOnlySpan<byte> NodeOf(ReadOnlySpan<byte> element, HeaderKind kind)
    {
        if (kind != HeaderKind.Forwarded)
        {
            return element;
        }

        while (!element.IsEmpty)
        {
            var pair = Take(ref element, (byte)';');
            if (pair.Length > 4 && Ascii.EqualsIgnoreCase(pair[..4], "for="u8))
            {
                var value = pair[4..];
                return value.Length >= 2 && value[0] == '"' && value[^1] == '"' ? value[1..^1] : value;
            }
        }

        return default;
    }

    /// <summary>An address, with or without brackets, with or without a port.</summary>
    private static bool TryReadNode(ReadOnlySpan<byte> node, Span<byte> ip)
    {
        ReadOnlySpan<byte> port = default;
        var address = node;
        int bracket = node.IndexOf((byte)']');
        if (node[0] == '[' && bracket > 0)
        {
            address = node[1..bracket];
            port = node[(bracket + 1)..];
        }
        else if (node.IndexOf((byte)':') is > 0 and var colon && colon == node.LastIndexOf((byte)':'))
        {
            address = node[..colon];
            port = node[colon..];
        }

        bool isPort = port.IsEmpty || (port[0] == ':' && (IpText.TryReadNumber(port[1..], ushort.MaxValue, out _) || (port.Length > 1 && port[1] == '_')));
        return isPort && IpText.TryRead(address, ip);
    }

    private enum HeaderKind
    {
        XForwardedFor,
        Forwarded,
        XRealIp,
    }
}
