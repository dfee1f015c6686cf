using System.Text;

namespace Appliance.Protocols.Http;

/// <summary>One header line: name as it came, value without the blanks around it.</summary>
public readonly ref struct HttpHeader(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
{
    /// <summary>The name, in the case it came in.</summary>
    public ReadOnlySpan<byte> Name { get; } = name;

    /// <summary>The value.</summary>
    public ReadOnlySpan<byte> Value { get; } = value;

    /// <summary>Whether this is the header of a name, whatever the case.</summary>
    public bool Is(ReadOnlySpan<byte> name) => Ascii.EqualsIgnoreCase(Name, name);

    /// <summary>Whether the comma-separated value holds a token, whatever the case (RFC 9110, 5.6.1).</summary>
    public bool Lists(ReadOnlySpan<byte> token)
    {
        foreach (var range in Value.Split((byte)','))
        {
            if (Ascii.EqualsIgnoreCase(Value[range].Trim(" \t"u8), token))
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>Walks over the header lines of a request.</summary>
public ref struct HttpHeaders(ReadOnlySpan<byte> lines)
{
    private ReadOnlySpan<byte> _rest = lines;

    /// <summary>The header at hand.</summary>
    public HttpHeader Current { get; private set; }

    /// <summary>For foreach.</summary>
    public readonly HttpHeaders GetEnumerator() => this;

    /// <summary>Goes on to the next header; the lines were checked, so each has a colon and a CRLF.</summary>
    public bool MoveNext()
    {
        if (_rest.IsEmpty)
        {
            return false;
        }

        int end = _rest.IndexOf("\r\n"u8);
        int colon = _rest.IndexOf((byte)':');
        Current = new HttpHeader(_rest[..colon], _rest[(colon + 1)..end].Trim(" \t"u8));
        _rest = _rest[(end + 2)..];
        return true;
    }
}
