using System.Buffers;

namespace Appliance.Http;

/// <summary>Reads a request head from the start of some bytes; strict where leniency would let two parties read differently (RFC 9112).</summary>
public static class HttpRequestReader
{
    /// <summary>Request line and headers together; beyond: 431. Browsers send 0.5 to 2 KiB, cookies up to 8.</summary>
    public const int HeadBytesMax = 16 * 1024;

    private static readonly SearchValues<byte> TokenBytes =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    /// <summary>Blank, control and delimiters that no request target holds; also all above ASCII, for which clients must use percent signs.</summary>
    private static readonly SearchValues<byte> TargetBytes = SearchValues.Create(
        "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"u8);

    private static readonly SearchValues<byte> ControlBytes =
        SearchValues.Create([0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 127]);

    /// <summary>Looks for a request head; on <see cref="HttpReadStatus.Complete"/> says how many bytes it took.</summary>
    public static HttpReadStatus Read(ReadOnlySpan<byte> bytes, out HttpRequest request, out int consumed)
    {
        request = default;
        consumed = 0;
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

        consumed = status == HttpReadStatus.Complete ? end + 4 : 0;
        return status;
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

        // Absolute form, as proxies send it: the authority is passed over.
        int scheme = target.IndexOf("://"u8);
        if (scheme > 0 && target[0] != (byte)'/')
        {
            int authority = target[(scheme + 3)..].IndexOfAny((byte)'/', (byte)'?');
            target = authority < 0 ? "/"u8 : target[(scheme + 3 + authority)..];
        }

        bool http1 = version.Length == 8 && version.StartsWith("HTTP/"u8) && char.IsAsciiDigit((char)version[5]) && version[6] == '.'
            && char.IsAsciiDigit((char)version[7]);
        if (!http1)
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
        return version[5] == '1' ? HttpReadStatus.Complete : HttpReadStatus.VersionNotSupported;
    }

    /// <summary>Each line a token, a colon and a value without control bytes; no folded lines (RFC 9112, 5.2).</summary>
    private static bool AreHeaderLines(ReadOnlySpan<byte> lines)
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
