using System.Text;

namespace Appliance.Protocols.Http;

/// <summary>Which pages may open a WebSocket: those of the host that was asked, and what is added. Does not change.</summary>
public sealed class AllowedOrigins
{
    /// <summary>What may be added: as much of it, with all other settings, as a message to a worker takes.</summary>
    public const int PatternsMax = 32;

    /// <summary>The word for what always is allowed.</summary>
    public const string SameHostWord = "same-host";

    private const string AnyWord = "any";
    private const string NullWord = "null";

    private readonly string[] _texts;
    private readonly (string Scheme, HostPattern Host, int Port)[] _patterns;

    private AllowedOrigins(string[] texts, (string Scheme, HostPattern Host, int Port)[] patterns) => (_texts, _patterns) = (texts, patterns);

    /// <summary>Pages of the host that was asked, and clients that are no browsers.</summary>
    public static AllowedOrigins SameHost { get; } = new([], []);

    /// <summary>What is added, as it was given, with blanks between; the word for nothing.</summary>
    public override string ToString() => _texts.Length == 0 ? SameHostWord : string.Join(' ', _texts);

    /// <summary>
    /// With one more: <c>https://chat.example.org</c>, <c>*.example.org</c>, <c>https://*.example.org:8443</c>, <c>null</c>, <c>any</c>. Null when
    /// the text is none of that, or one too many.
    /// </summary>
    public AllowedOrigins? TryAdd(string text)
    {
        if (text == SameHostWord || Array.IndexOf(_texts, text) >= 0)
        {
            return this;
        }

        if (text is AnyWord or NullWord)
        {
            return new AllowedOrigins([.. _texts, text], _patterns);
        }

        int end = text.IndexOf("://", StringComparison.Ordinal);
        string scheme = end < 0 ? "" : text[..end];
        bool isScheme = end < 0 || Origin.IsScheme(Encoding.UTF8.GetBytes(scheme));
        var host = HostPattern.TryParse(end < 0 ? text : text[(end + 3)..], out int port);
        return host is not null && isScheme && _patterns.Length < PatternsMax
            ? new AllowedOrigins([.. _texts, text], [.. _patterns, (scheme, host, port)])
            : null;
    }

    /// <summary>
    /// Whether a request may open a WebSocket. Without an Origin header it comes from no page. A page of nowhere says <c>null</c>, and every page
    /// can put itself nowhere (a frame with sandbox), so that is somebody else's as long as it is not added.
    /// </summary>
    /// <param name="request">The request.</param>
    /// <param name="host">The host that was asked.</param>
    public bool Allow(in HttpRequest request, ReadOnlySpan<byte> host)
    {
        if (Has(AnyWord))
        {
            return true;
        }

        int count = request.Count("origin"u8);
        var text = request.Header("origin"u8);
        return count == 0 || (count == 1 && (Origin.TryParse(text, out var origin)
            ? origin.IsOf(host) || Fits(origin)
            : text.SequenceEqual("null"u8) && Has(NullWord)));
    }

    private bool Has(string word) => Array.IndexOf(_texts, word) >= 0;

    private bool Fits(in Origin origin)
    {
        foreach (var (scheme, host, port) in _patterns)
        {
            bool isScheme = scheme.Length == 0 ? origin.IsWeb : Ascii.EqualsIgnoreCase(origin.Scheme, scheme);
            if (isScheme && host.Fits(origin.Authority) && origin.HasPort(port))
            {
                return true;
            }
        }

        return false;
    }
}
