using System.Net;
using SocketAddress = Appliance.Native.SocketAddress;

namespace Appliance.Config;

/// <summary>
/// Where the back end is that decides who gets in: <c>http://127.0.0.1:8080/path</c>, <c>http://[::1]/path</c>, or with a unix socket
/// <c>http://unix:/run/app.sock:/path</c>, as nginx writes it. Names of hosts are not looked up, because a worker must not wait for that; the only one
/// is <c>localhost</c>.
/// </summary>
public sealed class BackEndUrl
{
    private const string Scheme = "http://";
    private const string UnixPrefix = "unix:";
    private const string DefaultPort = ":80";
    private const string LocalHost = "localhost";

    /// <summary>Longest URL.</summary>
    private const int TextLettersMax = 1000;

    private BackEndUrl(string text, in SocketAddress address, string path) => (Text, Address, Path) = (text, address, path);

    /// <summary>As it was given.</summary>
    public string Text { get; }

    /// <summary>Where to connect.</summary>
    public SocketAddress Address { get; }

    /// <summary>The target of the request line, with its query.</summary>
    public string Path { get; }

    /// <summary>Reads a URL; null when the text is none that can be used.</summary>
    public static BackEndUrl? TryParse(string text)
    {
        if (!text.StartsWith(Scheme, StringComparison.Ordinal) || text.Length > TextLettersMax || text.AsSpan().ContainsAnyExceptInRange('!', '~')
            || text.Contains('#', StringComparison.Ordinal))
        {
            return null;
        }

        string rest = text[Scheme.Length..];
        bool isUnix = rest.StartsWith(UnixPrefix, StringComparison.Ordinal);
        int end = isUnix ? rest.IndexOf(':', UnixPrefix.Length) : rest.IndexOf('/', StringComparison.Ordinal);
        string authority = end < 0 ? rest : rest[..end];
        string path = end < 0 ? "/" : rest[(isUnix ? end + 1 : end)..];
        if (!path.StartsWith('/') || AddressOf(authority) is not { } address)
        {
            return null;
        }

        return new BackEndUrl(text, address, path);
    }

    private static SocketAddress? AddressOf(string authority)
    {
        bool hasPort = authority.LastIndexOf(':') > authority.LastIndexOf(']');
        string place = authority.StartsWith(UnixPrefix, StringComparison.Ordinal) || hasPort ? authority : authority + DefaultPort;
        place = place.StartsWith(LocalHost + ":", StringComparison.Ordinal) ? IPAddress.Loopback + place[LocalHost.Length..] : place;
        return ListenAddress.TryParse(place) is not { IsAnyFamily: false } parsed || parsed.Kind != Loop.ListenKind.Chat ? null
            : parsed.UnixPath is { } path ? SocketAddress.Unix(path)
            : parsed.Port == 0 ? null
            : SocketAddress.Internet(parsed.Ip!.GetAddressBytes(), parsed.Port);
    }
}
