namespace Appliance.Protocols.Http;

/// <summary>Why a request is refused before anybody looks at what it asks for.</summary>
public enum HttpRefusal
{
    /// <summary>It is not.</summary>
    None,

    /// <summary>Not HTTP, or HTTP that no honest client writes: 400.</summary>
    Malformed,

    /// <summary>Request line and headers are too long: 431.</summary>
    HeadTooLarge,

    /// <summary>Another major version: 505.</summary>
    Version,

    /// <summary>No Host header, more than one, or one that names no host: 400.</summary>
    Host,

    /// <summary>The headers leave open where the request ends: 400.</summary>
    Framing,

    /// <summary>Neither GET, HEAD nor OPTIONS: 405.</summary>
    Method,

    /// <summary>A body, which nothing here takes: 413.</summary>
    Body,

    /// <summary>The Host header has a name that is not this server's: 403.</summary>
    ForeignHost,
}

/// <summary>What both ports refuse, and how they say so: one row a reason.</summary>
public static class HttpGate
{
    /// <summary>The methods that pages are served with, as the header that names them.</summary>
    public const string Allow = "Allow: GET, HEAD, OPTIONS\r\n";

    /// <summary>Looks at a head that was read, of whatever kind of request it is.</summary>
    public static HttpRefusal Check(HttpReadStatus status, in HttpRequest request) => status switch
    {
        HttpReadStatus.Malformed => HttpRefusal.Malformed,
        HttpReadStatus.TooLarge => HttpRefusal.HeadTooLarge,
        HttpReadStatus.VersionNotSupported => HttpRefusal.Version,
        HttpReadStatus.Complete => !HasHost(request) ? HttpRefusal.Host
            : request.Framing == BodyFraming.Ambiguous ? HttpRefusal.Framing
            : HttpRefusal.None,
        HttpReadStatus.Incomplete => throw new System.Diagnostics.UnreachableException(),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>Looks at a request for a page, or for figures.</summary>
    public static HttpRefusal CheckPage(in HttpRequest request) =>
        !request.Method.SequenceEqual("GET"u8) && !IsHead(request) && !IsOptions(request) ? HttpRefusal.Method
        : request.Framing != BodyFraming.None ? HttpRefusal.Body
        : HttpRefusal.None;

    /// <summary>Looks whether a request is for a server of these names.</summary>
    public static HttpRefusal CheckHost(in HttpRequest request, ServedHosts hosts) =>
        hosts.Serve(request.Header("host"u8)) ? HttpRefusal.None : HttpRefusal.ForeignHost;

    /// <summary>Whether the head of the answer is all that is wanted.</summary>
    public static bool IsHead(in HttpRequest request) => request.Method.SequenceEqual("HEAD"u8);

    /// <summary>Whether it is asked which methods there are, as load balancers do to see that somebody is there.</summary>
    public static bool IsOptions(in HttpRequest request) => request.Method.SequenceEqual("OPTIONS"u8);

    /// <summary>The status code of a refusal.</summary>
    public static int StatusOf(HttpRefusal refusal) => refusal switch
    {
        HttpRefusal.Malformed or HttpRefusal.Host or HttpRefusal.Framing => 400,
        HttpRefusal.ForeignHost => 403,
        HttpRefusal.Method => 405,
        HttpRefusal.Body => 413,
        HttpRefusal.HeadTooLarge => 431,
        HttpRefusal.Version => 505,
        HttpRefusal.None => throw new System.Diagnostics.UnreachableException(),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>A refusal in words.</summary>
    public static string WordsOf(HttpRefusal refusal) => refusal switch
    {
        HttpRefusal.Malformed => "this is not an HTTP/1.1 request",
        HttpRefusal.Host => "exactly one Host header is required: a name or an address, and the port if it is not the default",
        HttpRefusal.Framing => "the headers do not say where the request ends: send one number as Content-Length, or Transfer-Encoding with HTTP/1.1, not both",
        HttpRefusal.Method => "only GET, HEAD and OPTIONS are served here",
        HttpRefusal.Body => "a request must not have a body here",
        HttpRefusal.HeadTooLarge => $"request line and headers are longer than {HttpRequestReader.HeadBytesMax} bytes",
        HttpRefusal.Version => "only HTTP/1.1 is supported here",
        HttpRefusal.ForeignHost => "this port answers by localhost, by addresses and by the names of --metrics-host, and this Host header has none of them",
        HttpRefusal.None => throw new System.Diagnostics.UnreachableException(),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>Exactly one where HTTP/1.1 asks for it, at most one elsewhere, and one that can be a host (RFC 9112, 3.2).</summary>
    private static bool HasHost(in HttpRequest request)
    {
        int count = request.Count("host"u8);
        return count <= 1 && (count == 1 || !request.IsHttp11) && HttpRequestReader.IsHost(request.Header("host"u8));
    }
}
