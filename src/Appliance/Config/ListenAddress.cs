using System.Globalization;
using System.Net;
using Appliance.Loop;

namespace Appliance.Config;

/// <summary>
/// Where to listen: <c>127.0.0.1:9000</c>, <c>[::1]:9000</c>, <c>*:9000</c> (all of IPv4 and IPv6) or <c>unix:/path</c>; where clients connect,
/// with <c>,proxy</c> behind it for proxies that speak the PROXY protocol.
/// </summary>
public sealed record ListenAddress
{
    private const string UnixPrefix = "unix:";
    private const string ProxySuffix = ",proxy";
    private const int UnixPathBytesMax = 107;
    private const int Ipv6Bytes = 16;

    private ListenAddress(string text, ListenKind kind) => (Text, Kind) = (text, kind);

    /// <summary>As it was given.</summary>
    public string Text { get; }

    /// <summary>Who connects there, and what is spoken.</summary>
    public ListenKind Kind { get; }

    /// <summary>The internet address; null for a unix socket.</summary>
    public IPAddress? Ip { get; private init; }

    /// <summary>The port; 0 lets the kernel choose.</summary>
    public int Port { get; private init; }

    /// <summary>The path of a unix socket; null otherwise.</summary>
    public string? UnixPath { get; private init; }

    /// <summary>True for <c>*</c>: an IPv6 socket that takes IPv4 as well.</summary>
    public bool IsAnyFamily { get; private init; }

    /// <summary>Where the path of a unix socket begins in such a text; -1 when it names none.</summary>
    internal static int PathStart(string text) => text.StartsWith(UnixPrefix, StringComparison.Ordinal) ? UnixPrefix.Length : -1;

    /// <summary>
    /// Whether both cannot be listened at: they are the same, or one is all addresses and the other one of them. Port 0 is a new one each time.
    /// </summary>
    public bool Overlaps(ListenAddress other)
    {
        if (UnixPath is not null || other.UnixPath is not null)
        {
            return UnixPath == other.UnixPath;
        }

        return Port == other.Port && Port != 0
            && (Ip!.Equals(other.Ip) || Contains(other) || other.Contains(this));
    }

    private bool Contains(ListenAddress other) =>
        IsAnyFamily || (IsAny(Ip!) && Ip!.AddressFamily == other.Ip!.AddressFamily);

    private static bool IsAny(IPAddress ip) => ip.Equals(IPAddress.Any) || ip.Equals(IPAddress.IPv6Any);

    /// <summary>Reads an address; null when the text is none.</summary>
    /// <param name="text">The address.</param>
    /// <param name="kind">What the option that it is given with listens for.</param>
    public static ListenAddress? TryParse(string text, ListenKind kind = ListenKind.Chat)
    {
        bool isProxy = kind is ListenKind.Chat or ListenKind.Tls && text.EndsWith(ProxySuffix, StringComparison.Ordinal);
        return !isProxy ? TryParse(text, text, kind)
            : TryParse(text, text[..^ProxySuffix.Length], kind == ListenKind.Tls ? ListenKind.ProxyTls : ListenKind.Proxy);
    }

    private static ListenAddress? TryParse(string text, string place, ListenKind kind)
    {
        if (place.StartsWith(UnixPrefix, StringComparison.Ordinal))
        {
            string path = place[UnixPrefix.Length..];
            bool usable = path.StartsWith('/')
                && !path.Contains(' ', StringComparison.Ordinal) && !SettingsBuilder.HasControls(path)
                && System.Text.Encoding.UTF8.GetByteCount(path) <= UnixPathBytesMax;
            return usable ? new ListenAddress(text, kind) { UnixPath = path } : null;
        }

        int colon = place.LastIndexOf(':');
        if (colon <= 0 || !ushort.TryParse(place.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port))
        {
            return null;
        }

        string host = place[..colon];
        if (host == "*")
        {
            return new ListenAddress(text, kind) { Ip = IPAddress.IPv6Any, Port = port, IsAnyFamily = true };
        }

        bool bracketed = host.StartsWith('[') && host.EndsWith(']');
        bool parsed = IPAddress.TryParse(bracketed ? host[1..^1] : host, out var ip);
        bool fits = parsed && bracketed == (ip!.GetAddressBytes().Length == Ipv6Bytes);
        return fits ? new ListenAddress(text, kind) { Ip = ip, Port = port } : null;
    }
}
