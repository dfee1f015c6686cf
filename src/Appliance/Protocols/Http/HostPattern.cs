using System.Text;

namespace Appliance.Protocols.Http;

/// <summary>A host, or with <c>*.</c> in front every host below it: of one label more, or of several.</summary>
public sealed class HostPattern
{
    private const string Wildcard = "*.";

    private readonly byte[] _host;
    private readonly bool _isBelow;

    private HostPattern(byte[] host, bool isBelow) => (_host, _isBelow) = (host, isBelow);

    /// <summary>Reads a pattern; null for what is no host, and for a wildcard elsewhere or before an address.</summary>
    /// <param name="text">ASCII, as it stands in a header: names of other alphabets in their form with xn--.</param>
    /// <param name="port">The port behind it; 0 for none.</param>
    public static HostPattern? TryParse(string text, out int port)
    {
        bool isBelow = text.StartsWith(Wildcard, StringComparison.Ordinal);
        byte[] bytes = Encoding.UTF8.GetBytes(isBelow ? text[Wildcard.Length..] : text);
        bool isHost = Authority.TryParse(bytes, out var authority) && !(isBelow && authority.IsAddress);
        port = isHost ? authority.Port : 0;
        return isHost ? new HostPattern(authority.Host.ToArray(), isBelow) : null;
    }

    /// <summary>Whether a host is meant.</summary>
    public bool Fits(in Authority authority)
    {
        var host = authority.Host;
        return !_isBelow ? Authority.IsSameHost(_host, host)
            : host.Length > _host.Length + 1 && host[^(_host.Length + 1)] == (byte)'.' && Ascii.EqualsIgnoreCase(host[^_host.Length..], _host);
    }
}
