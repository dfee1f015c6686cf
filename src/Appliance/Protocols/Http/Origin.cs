using System.Buffers;
using System.Text;

namespace Appliance.Protocols.Http;

/// <summary>
/// Where a page comes from, as browsers say it with each WebSocket that a page opens (RFC 6454): scheme, host and port. Spans into the text.
/// </summary>
public readonly ref struct Origin
{
    /// <summary>Longest scheme; those of browsers and their extensions have up to 21 letters.</summary>
    public const int SchemeBytesMax = 32;

    private const int HttpPort = 80;
    private const int HttpsPort = 443;

    private static readonly SearchValues<byte> SchemeBytes = SearchValues.Create("+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    /// <summary>The scheme in the case it came in.</summary>
    public ReadOnlySpan<byte> Scheme { get; private init; }

    /// <summary>Host and port.</summary>
    public Authority Authority { get; private init; }

    /// <summary>Whether it is a page of the web, and of no application that gives its pages a scheme of its own.</summary>
    public bool IsWeb => DefaultPort > 0;

    /// <summary>The port of the scheme; 0 for none.</summary>
    private int DefaultPort =>
        Ascii.EqualsIgnoreCase(Scheme, "http"u8) ? HttpPort
        : Ascii.EqualsIgnoreCase(Scheme, "https"u8) ? HttpsPort
        : 0;

    /// <summary>Reads <c>scheme://host</c> or <c>scheme://host:port</c>; false for anything else, such as <c>null</c>.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out Origin origin)
    {
        int end = text.IndexOf("://"u8);
        origin = default;
        if (end <= 0 || !IsScheme(text[..end]) || !Authority.TryParse(text[(end + 3)..], out var authority))
        {
            return false;
        }

        origin = new Origin { Scheme = text[..end], Authority = authority };
        return true;
    }

    /// <summary>Whether a text is a scheme (RFC 3986, 3.1).</summary>
    public static bool IsScheme(ReadOnlySpan<byte> text) => text.Length is > 0 and <= SchemeBytesMax && char.IsAsciiLetter((char)text[0])
        && !text.ContainsAnyExcept(SchemeBytes);

    /// <summary>
    /// Whether the page comes from the host that was asked. A port that the host header leaves out is that of the page's scheme: behind a proxy
    /// that adds TLS, nothing else says what was asked.
    /// </summary>
    /// <param name="host">The Host header.</param>
    public bool IsOf(ReadOnlySpan<byte> host) => IsWeb
        && Authority.TryParse(host, out var asked) && Authority.IsSameHost(asked.Host, Authority.Host) && HasPort(asked.Port);

    /// <summary>Whether it has a port; 0 stands for that of the scheme.</summary>
    public bool HasPort(int port) => (port > 0 ? port : DefaultPort) == (Authority.Port > 0 ? Authority.Port : DefaultPort);
}
