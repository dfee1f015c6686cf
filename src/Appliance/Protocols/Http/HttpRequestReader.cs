using System.Buffers;
using System.Text;

namespace Appliance.Protocols.Http;

/// <summary>Reads a request head from the start of some bytes; strict where leniency would let two parties read differently (RFC 9112).</summary>
public static class HttpRequestReader
{
    /// <summary>Request line and headers together; beyond: 431. Browsers send 0.5 to 2 KiB, cookies up to 8.</summary>
    public const int HeadBytesMax = 16 * 1024;

    /// <summary>Empty lines in front of a request line that are passed over: some clients send one behind a body (RFC 9112, 2.2).</summary>
    public const int EmptyLinesMax = 4;

    private static readonly SearchValues<byte> TokenBytes =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    /// <summary>
    /// No blank, no control byte, no fragment, which a client keeps to itself, and nothing above ASCII, for which clients must use percent signs.
    /// </summary>
    private static readonly SearchValues<byte> TargetBytes = SearchValues.Create(
        "!\"$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"u8);

    /// <summary>A name, an address, a port (RFC 3986, 3.2); no user before an at sign, and no comma, which joins two values.</summary>
    private static readonly SearchValues<byte> HostBytes =
        SearchValues.Create("!$%&'()*+-.0123456789:;=ABCDEFGHIJKLMNOPQRSTUVWXYZ[]_abcdefghijklmnopqrstuvwxyz~"u8);

    private static readonly SearchValues<byte> ControlBytes =
        SearchValues.Create([0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 127]);

    /// <summary>Looks for a request head; on <see cref="HttpReadStatus.Complete"/> says how many bytes it took.</summary>
    public static HttpReadStatus Read(ReadOnlySpan<byte> bytes, out HttpRequest request, out int consumed)
    {
        request = default;
        consumed = 0;
        int emptyBytes = EmptyLineBytes(bytes);
        bytes = bytes[emptyBytes..];
        int end = bytes.IndexOf("\r\n\r\n"u8);
        if (end < 0)
        {
            return bytes.Length >= HeadBytesMax ? HttpReadStatus.TooLarge : ReadBeginning(bytes);
        }

        if (end + 4 > HeadBytesMax)
        {
            return HttpReadStatus.TooLarge;
        }

        int lineEnd = bytes.IndexOf("\r\n"u8);
        var lines = bytes[(lineEnd + 2)..(end + 2)];
        var status = ReadRequestLine(bytes[..lineEnd], lines, out request);
        if (status == HttpReadStatus.Complete && !AreHeaderLines(lines))
        {
            status = HttpReadStatus.Malformed;
        }

        consumed = status == HttpReadStatus.Complete ? emptyBytes + end + 4 : 0;
        return status;
    }

    /// <summary>Whether a request, or the beginning of one, asks for the head alone: also of a refusal it then gets no more (RFC 9110, 9.3.2).</summary>
    public static bool IsHead(ReadOnlySpan<byte> bytes) => bytes[EmptyLineBytes(bytes)..].StartsWith("HEAD "u8);

    /// <summary>Whether a text is a token (RFC 9110, 5.6.2).</summary>
    public static bool IsToken(ReadOnlySpan<byte> text) => !text.IsEmpty && !text.ContainsAnyExcept(TokenBytes);

    /// <summary>Whether a value of Host can be one; empty where the target has none.</summary>
    public static bool IsHost(ReadOnlySpan<byte> value) => !value.ContainsAnyExcept(HostBytes);

    private static int EmptyLineBytes(ReadOnlySpan<byte> bytes)
    {
        int count = 0;
        while (count < 2 * EmptyLinesMax && bytes[count..].StartsWith("\r\n"u8))
        {
            count += 2;
        }

        // Half a line more.
        return count < 2 * EmptyLinesMax && bytes.Length == count + 1 && bytes[count] == (byte)'\r' ? count + 1 : count;
    }

    /// <summary>Tells garbage at once, so that it need not be waited for: the method, and any control byte but CRLF and tab.</summary>
    private static HttpReadStatus ReadBeginning(ReadOnlySpan<byte> bytes)
    {
        int method = bytes.IndexOfAnyExcept(TokenBytes);
        if (method == 0 || (method > 0 && bytes[method] != (byte)' '))
        {
            return HttpReadStatus.Malformed;
        }

        for (int i = 0; i < bytes.Length; i++)
        {
            int next = bytes[i..].IndexOfAny(ControlBytes);
            if (next < 0)
            {
                break;
            }

            i += next;
            bool lineBreak = bytes[i] == '\r' && (i + 1 == bytes.Length || bytes[i + 1] == '\n');
            if (!lineBreak)
            {
                return HttpReadStatus.Malformed;
            }

            i++;
        }

        return HttpReadStatus.Incomplete;
    }

    private static HttpReadStatus ReadRequestLine(ReadOnlySpan<byte> line, ReadOnlySpan<byte> headers, out HttpRequest request)
    {
        request = default;
        int methodEnd = line.IndexOf((byte)' ');
        int targetEnd = line.LastIndexOf((byte)' ');
        if (methodEnd <= 0 || targetEnd <= methodEnd)
        {
            return HttpReadStatus.Malformed;
        }

        var method = line[..methodEnd];
        var target = line[(methodEnd + 1)..targetEnd];
        var version = line[(targetEnd + 1)..];
        if (method.ContainsAnyExcept(TokenBytes) || target.IsEmpty || target.ContainsAnyExcept(TargetBytes))
        {
            return HttpReadStatus.Malformed;
        }

        bool http1 = version.Length == 8 && version.StartsWith("HTTP/"u8) && char.IsAsciiDigit((char)version[5]) && version[6] == '.'
            && char.IsAsciiDigit((char)version[7]);
        if (!http1)
        {
            return HttpReadStatus.Malformed;
        }

        if (version[5] != '1')
        {
            return HttpReadStatus.VersionNotSupported;
        }

        if (!TryPassAuthority(method, ref target))
        {
            return HttpReadStatus.Malformed;
        }

        int question = target.IndexOf((byte)'?');
        request = new HttpRequest
        {
            Method = method,
            Path = question < 0 ? target : question == 0 ? "/"u8 : target[..question],
            Query = question < 0 ? default : target[(question + 1)..],
            IsHttp11 = version[7] != '0',
            HeaderLines = headers,
        };
        return HttpReadStatus.Complete;
    }

    /// <summary>
    /// The four forms of a target (RFC 9112, 3.2). Of the absolute form, as proxies send it, the path is left; the asterisk is for OPTIONS alone, and
    /// for CONNECT, which nobody serves here, anything goes.
    /// </summary>
    private static bool TryPassAuthority(ReadOnlySpan<byte> method, ref ReadOnlySpan<byte> target)
    {
        if (target[0] == (byte)'/' || method.SequenceEqual("CONNECT"u8))
        {
            return true;
        }

        int scheme = target.IndexOf("://"u8);
        if (scheme < 0)
        {
            return target.SequenceEqual("*"u8) && method.SequenceEqual("OPTIONS"u8);
        }

        var name = target[..scheme];
        bool isKnown = Ascii.EqualsIgnoreCase(name, "http"u8) || Ascii.EqualsIgnoreCase(name, "https"u8)
            || Ascii.EqualsIgnoreCase(name, "ws"u8) || Ascii.EqualsIgnoreCase(name, "wss"u8);
        var rest = target[(scheme + 3)..];
        int end = rest.IndexOfAny((byte)'/', (byte)'?');
        var authority = end < 0 ? rest : rest[..end];
        target = end < 0 ? "/"u8 : rest[end..];
        return isKnown && !authority.IsEmpty && IsHost(authority);
    }

    /// <summary>Each line a token, a colon and a value without control bytes; no folded lines (RFC 9112, 5.2).</summary>
    internal static bool AreHeaderLines(ReadOnlySpan<byte> lines)
    {
        while (!lines.IsEmpty)
        {
            int end = lines.IndexOf("\r\n"u8);
            int colon = lines[..end].IndexOf((byte)':');
            if (colon <= 0 || lines[..colon].ContainsAnyExcept(TokenBytes) || lines[(colon + 1)..end].ContainsAny(ControlBytes))
            {
                return false;
            }

            lines = lines[(end + 2)..];
        }

        return true;
    }
}
