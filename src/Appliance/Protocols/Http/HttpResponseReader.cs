using System.Globalization;
using System.Text;

namespace Appliance.Protocols.Http;

/// <summary>The head of a response (RFC 9112, 4): spans into the bytes it was read from.</summary>
public readonly ref struct HttpResponseHead
{
    /// <summary>The status code: 200 to 599.</summary>
    public int Status { get; init; }

    /// <summary>True for HTTP/1.1 and later minor versions.</summary>
    public bool IsHttp11 { get; init; }

    /// <summary>The header lines, checked, each with its CRLF.</summary>
    public ReadOnlySpan<byte> HeaderLines { get; init; }

    /// <summary>Where the body begins.</summary>
    public int BodyStart { get; init; }

    /// <summary>Bytes of the body; -1 where it comes in chunks, -2 where it lasts until the connection ends.</summary>
    public int BodyBytes { get; init; }

    /// <summary>The headers one by one.</summary>
    public HttpHeaders Headers => new(HeaderLines);

    /// <summary>Whether the body comes in chunks (RFC 9112, 7.1).</summary>
    public bool IsChunked => BodyBytes == HttpResponseReader.Chunked;

    /// <summary>Whether another response may follow on the same connection (RFC 9112, 9.3).</summary>
    public bool KeepsAlive
    {
        get
        {
            bool closes = !IsHttp11 || BodyBytes == HttpResponseReader.UntilEnd;
            foreach (var header in Headers)
            {
                closes |= header.Is("connection"u8) && header.Lists("close"u8);
            }

            return !closes;
        }
    }

    /// <summary>The value of the only header of a name (lower case); empty when there is none, or more than one.</summary>
    public ReadOnlySpan<byte> Only(ReadOnlySpan<byte> name)
    {
        ReadOnlySpan<byte> value = default;
        int count = 0;
        foreach (var header in Headers)
        {
            if (header.Is(name))
            {
                value = header.Value;
                count++;
            }
        }

        return count == 1 ? value : default;
    }
}

/// <summary>Reads a response from the start of some bytes, as strictly as requests are read (RFC 9112).</summary>
public static class HttpResponseReader
{
    /// <summary>Status line and headers together: applications send half a kilobyte, with cookies a few.</summary>
    public const int HeadBytesMax = 8 * 1024;

    /// <summary>For <see cref="HttpResponseHead.BodyBytes"/>.</summary>
    internal const int Chunked = -1, UntilEnd = -2;

    private const int StatusLineBytesMin = 12;
    private const int ChunkDigitsMax = 7;

    /// <summary>Looks for the head of the final response; interim ones (1xx) before it are passed over.</summary>
    public static HttpReadStatus ReadHead(ReadOnlySpan<byte> bytes, out HttpResponseHead head)
    {
        head = default;
        int start = 0;
        while (true)
        {
            var rest = bytes[start..];
            int end = rest.IndexOf("\r\n\r\n"u8);
            if (end < 0)
            {
                return !IsBeginning(rest) ? HttpReadStatus.Malformed
                    : bytes.Length >= HeadBytesMax ? HttpReadStatus.TooLarge
                    : HttpReadStatus.Incomplete;
            }

            if (start + end + 4 > HeadBytesMax)
            {
                return HttpReadStatus.TooLarge;
            }

            int lineEnd = rest.IndexOf("\r\n"u8);
            var lines = rest[(lineEnd + 2)..(end + 2)];
            if (!TryReadStatus(rest[..lineEnd], out int status, out bool isHttp11) || !HttpRequestReader.AreHeaderLines(lines) || status == 101)
            {
                return HttpReadStatus.Malformed;
            }

            start += end + 4;
            if (status >= 200)
            {
                bool isFramed = TryReadFraming(status, lines, out int bodyBytes);
                head = new HttpResponseHead { Status = status, IsHttp11 = isHttp11, HeaderLines = lines, BodyStart = start, BodyBytes = bodyBytes };
                return isFramed ? HttpReadStatus.Complete : HttpReadStatus.Malformed;
            }
        }
    }

    /// <summary>Looks for the whole body of a response.</summary>
    /// <param name="head">Its head.</param>
    /// <param name="bytes">All of it, from the head on.</param>
    /// <param name="hasEnded">Whether nothing more will come.</param>
    /// <param name="decoded">Takes a body of chunks, and is the limit of any.</param>
    /// <param name="body">The body.</param>
    /// <param name="consumed">Bytes of the whole response.</param>
    public static HttpReadStatus ReadBody(
        in HttpResponseHead head, ReadOnlySpan<byte> bytes, bool hasEnded, Span<byte> decoded, out ReadOnlySpan<byte> body, out int consumed)
    {
        var rest = bytes[head.BodyStart..];
        consumed = 0;
        body = default;
        if (head.IsChunked)
        {
            var status = ReadChunks(rest, decoded, out int length, out int read);
            body = decoded[..length];
            consumed = head.BodyStart + read;
            return status;
        }

        int expected = head.BodyBytes == UntilEnd ? rest.Length : head.BodyBytes;
        if (expected > decoded.Length)
        {
            return HttpReadStatus.TooLarge;
        }

        if (rest.Length < expected || (head.BodyBytes == UntilEnd && !hasEnded))
        {
            return HttpReadStatus.Incomplete;
        }

        body = rest[..expected];
        consumed = head.BodyStart + expected;
        return HttpReadStatus.Complete;
    }

    /// <summary>Tells garbage at once.</summary>
    private static bool IsBeginning(ReadOnlySpan<byte> bytes) => bytes[..Math.Min(bytes.Length, 7)].SequenceEqual("HTTP/1."u8[..Math.Min(bytes.Length, 7)]);

    /// <summary>A version, a blank, three digits, and maybe a reason, which means nothing (RFC 9112, 4).</summary>
    private static bool TryReadStatus(ReadOnlySpan<byte> line, out int status, out bool isHttp11)
    {
        status = 0;
        isHttp11 = false;
        if (line.Length < StatusLineBytesMin || !IsBeginning(line) || !char.IsAsciiDigit((char)line[7]) || line[8] != ' '
            || !int.TryParse(line.Slice(9, 3), NumberStyles.None, CultureInfo.InvariantCulture, out status)
            || (line.Length > StatusLineBytesMin && line[StatusLineBytesMin] != ' '))
        {
            return false;
        }

        isHttp11 = line[7] != '0';
        return status is >= 100 and < 600;
    }

    /// <summary>RFC 9112, 6.3: what could be read in two ways is an error.</summary>
    private static bool TryReadFraming(int status, ReadOnlySpan<byte> lines, out int bodyBytes)
    {
        bodyBytes = UntilEnd;
        int encodings = 0;
        int lengths = 0;
        bool isSound = true;
        foreach (var header in new HttpHeaders(lines))
        {
            if (header.Is("transfer-encoding"u8))
            {
                encodings++;
                isSound &= Ascii.EqualsIgnoreCase(header.Value, "chunked"u8);
                bodyBytes = Chunked;
            }
            else if (header.Is("content-length"u8))
            {
                lengths++;
                isSound &= int.TryParse(header.Value, NumberStyles.None, CultureInfo.InvariantCulture, out bodyBytes);
            }
        }

        bodyBytes = status is 204 or 304 ? 0 : bodyBytes;
        return isSound && encodings + lengths <= 1;
    }

    /// <summary>Chunks, each with its size in hexadecimal digits, extensions passed over, and trailers behind the last (RFC 9112, 7.1).</summary>
    private static HttpReadStatus ReadChunks(ReadOnlySpan<byte> bytes, Span<byte> decoded, out int length, out int consumed)
    {
        length = consumed = 0;
        while (true)
        {
            var rest = bytes[consumed..];
            int lineEnd = rest.IndexOf("\r\n"u8);
            if (lineEnd < 0)
            {
                return rest.Length > HeadBytesMax ? HttpReadStatus.TooLarge : HttpReadStatus.Incomplete;
            }

            var line = rest[..lineEnd];
            int digits = line.IndexOfAny(" \t;"u8);
            digits = digits < 0 ? line.Length : digits;
            if (digits is 0 or > ChunkDigitsMax
                || !int.TryParse(line[..digits], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int size))
            {
                return HttpReadStatus.Malformed;
            }

            if (size == 0)
            {
                return ReadTrailers(bytes, lineEnd + 2, ref consumed);
            }

            if (size > decoded.Length - length)
            {
                return HttpReadStatus.TooLarge;
            }

            rest = rest[(lineEnd + 2)..];
            if (rest.Length < size + 2)
            {
                return HttpReadStatus.Incomplete;
            }

            if (!rest.Slice(size, 2).SequenceEqual("\r\n"u8))
            {
                return HttpReadStatus.Malformed;
            }

            rest[..size].CopyTo(decoded[length..]);
            length += size;
            consumed += lineEnd + 2 + size + 2;
        }
    }

    /// <summary>What stands behind the last chunk, up to an empty line.</summary>
    private static HttpReadStatus ReadTrailers(ReadOnlySpan<byte> bytes, int lineBytes, ref int consumed)
    {
        var rest = bytes[(consumed + lineBytes)..];
        if (rest.StartsWith("\r\n"u8))
        {
            consumed += lineBytes + 2;
            return HttpReadStatus.Complete;
        }

        int end = rest.IndexOf("\r\n\r\n"u8);
        if (end < 0)
        {
            return rest.Length > HeadBytesMax ? HttpReadStatus.TooLarge : HttpReadStatus.Incomplete;
        }

        consumed += lineBytes + end + 4;
        return HttpReadStatus.Complete;
    }
}
