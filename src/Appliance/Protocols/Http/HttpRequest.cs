namespace Appliance.Protocols.Http;

/// <summary>What looking for a request at the start of some bytes found.</summary>
public enum HttpReadStatus
{
    /// <summary>A whole request head.</summary>
    Complete,

    /// <summary>The beginning of one; more bytes must come. Nothing is consumed.</summary>
    Incomplete,

    /// <summary>Not HTTP, or HTTP that no honest client writes: 400.</summary>
    Malformed,

    /// <summary>A major version other than 1: 505.</summary>
    VersionNotSupported,

    /// <summary>The head is longer than <see cref="HttpRequestReader.HeadBytesMax"/>: 431.</summary>
    TooLarge,
}

/// <summary>What the headers say of a body (RFC 9112, 6.3).</summary>
public enum BodyFraming
{
    /// <summary>None follows.</summary>
    None,

    /// <summary>One follows, which nothing here takes.</summary>
    Body,

    /// <summary>
    /// Two parties could read it differently: two lengths, a length and an encoding, neither a number nor an encoding, an encoding in HTTP/1.0.
    /// </summary>
    Ambiguous,
}

/// <summary>One request head (RFC 9112): spans into the bytes it was read from.</summary>
public readonly ref struct HttpRequest
{
    /// <summary>The method as it came: <c>GET</c>.</summary>
    public ReadOnlySpan<byte> Method { get; init; }

    /// <summary>The target up to the question mark.</summary>
    public ReadOnlySpan<byte> Path { get; init; }

    /// <summary>What stands behind the question mark, percent-encoded; empty when there is none.</summary>
    public ReadOnlySpan<byte> Query { get; init; }

    /// <summary>True for HTTP/1.1 and later minor versions, false for HTTP/1.0.</summary>
    public bool IsHttp11 { get; init; }

    /// <summary>The header lines, checked, each with its CRLF.</summary>
    public ReadOnlySpan<byte> HeaderLines { get; init; }

    /// <summary>The headers one by one.</summary>
    public HttpHeaders Headers => new(HeaderLines);

    /// <summary>The value of the first header of a name (lower case); empty when there is none.</summary>
    public ReadOnlySpan<byte> Header(ReadOnlySpan<byte> name)
    {
        foreach (var header in Headers)
        {
            if (header.Is(name))
            {
                return header.Value;
            }
        }

        return default;
    }

    /// <summary>Whether a header of a name (lower case) is there exactly once.</summary>
    public bool HasOne(ReadOnlySpan<byte> name) => Count(name) == 1;

    /// <summary>How often a header of a name (lower case) is there.</summary>
    public int Count(ReadOnlySpan<byte> name)
    {
        int count = 0;
        foreach (var header in Headers)
        {
            count += header.Is(name) ? 1 : 0;
        }

        return count;
    }

    /// <summary>Whether any header of a name (lower case) lists a token (lower case), as Connection and Upgrade do.</summary>
    public bool HasToken(ReadOnlySpan<byte> name, ReadOnlySpan<byte> token)
    {
        foreach (var header in Headers)
        {
            if (header.Is(name) && header.Lists(token))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// Whether the connection stays open behind the answer (RFC 9112, 9.3). In HTTP/1.0 it would have to be promised in the answer, which is
    /// written once for all who ask; who does not find that there waits for the end, so it ends.
    /// </summary>
    public bool KeepsAlive => IsHttp11 && !HasToken("connection"u8, "close"u8);

    /// <summary>What the headers say of a body.</summary>
    public BodyFraming Framing
    {
        get
        {
            bool isEncoded = false;
            bool isAmbiguous = false;
            ReadOnlySpan<byte> length = default;
            foreach (var header in Headers)
            {
                if (header.Is("transfer-encoding"u8))
                {
                    isEncoded = true;
                    isAmbiguous |= header.Value.IsEmpty || !IsHttp11;
                }
                else if (header.Is("content-length"u8))
                {
                    isAmbiguous |= !length.IsEmpty || header.Value.IsEmpty || header.Value.ContainsAnyExceptInRange((byte)'0', (byte)'9');
                    length = header.Value;
                }
            }

            return isAmbiguous || (isEncoded && !length.IsEmpty) ? BodyFraming.Ambiguous
                : isEncoded || !length.TrimStart((byte)'0').IsEmpty ? BodyFraming.Body
                : BodyFraming.None;
        }
    }

    /// <summary>
    /// Looks for a query parameter and decodes its value. The first of a name counts; <paramref name="length"/> is -1 for a value
    /// that is longer than the buffer or wrongly encoded.
    /// </summary>
    public bool TryGetParameter(ReadOnlySpan<byte> name, Span<byte> decoded, out int length)
    {
        var rest = Query;
        while (!rest.IsEmpty)
        {
            int end = rest.IndexOf((byte)'&');
            var pair = end < 0 ? rest : rest[..end];
            rest = end < 0 ? default : rest[(end + 1)..];
            int equals = pair.IndexOf((byte)'=');
            var key = equals < 0 ? pair : pair[..equals];
            if (key.SequenceEqual(name))
            {
                length = PercentEncoding.Decode(equals < 0 ? default : pair[(equals + 1)..], decoded);
                return true;
            }
        }

        length = 0;
        return false;
    }
}

/// <summary>Decodes what stands in a query (RFC 3986, 2.1; a plus sign is a blank, as forms write it).</summary>
public static class PercentEncoding
{
    /// <summary>Decodes into a buffer and returns how many bytes; -1 when it does not fit or a percent sign is not followed by two digits.</summary>
    public static int Decode(ReadOnlySpan<byte> encoded, Span<byte> decoded)
    {
        int length = 0;
        for (int i = 0; i < encoded.Length; i++)
        {
            if (length == decoded.Length)
            {
                return -1;
            }

            byte value = encoded[i] == (byte)'+' ? (byte)' ' : encoded[i];
            if (encoded[i] == (byte)'%')
            {
                if (i + 2 >= encoded.Length || !char.IsAsciiHexDigit((char)encoded[i + 1]) || !char.IsAsciiHexDigit((char)encoded[i + 2]))
                {
                    return -1;
                }

                value = (byte)((HexValue(encoded[i + 1]) << 4) | HexValue(encoded[i + 2]));
                i += 2;
            }

            decoded[length++] = value;
        }

        return length;
    }

    private static int HexValue(byte digit) => digit <= (byte)'9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
}
