using System.Globalization;
using System.Text;

namespace Appliance.SystemTests.Harness;

/// <summary>A response of HTTP/1.1, with all its header fields.</summary>
/// <param name="Status">Status code.</param>
/// <param name="Head">Status line and header fields as they came, with CRLF, without the empty line.</param>
/// <param name="Body">Body; empty if there is none.</param>
public sealed record HttpResponse(int Status, string Head, byte[] Body)
{
    /// <summary>Body as text.</summary>
    public string Text => Encoding.UTF8.GetString(Body);

    /// <summary>Value of a header field; null if it is not there.</summary>
    public string? Header(string name) => Headers
        .Where(field => field.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
        .Select(field => field.Value)
        .FirstOrDefault();

    /// <summary>Header fields in their order.</summary>
    public IEnumerable<(string Name, string Value)> Headers => Head
        .Split("\r\n")
        .Skip(1)
        .Select(line => line.Split(':', 2))
        .Select(parts => parts.Length == 2
            ? (parts[0], parts[1].Trim())
            : throw new InvalidDataException($"Header line without a colon: '{parts[0]}'"));

    /// <summary>Reads a head, with its empty line, into a response without body.</summary>
    /// <exception cref="InvalidDataException">It is not a head of HTTP/1.1.</exception>
    public static HttpResponse ParseHead(ReadOnlySpan<byte> head)
    {
        var text = Encoding.ASCII.GetString(head);
        var valid = text.StartsWith("HTTP/1.1 ", StringComparison.Ordinal)
            && text.EndsWith("\r\n\r\n", StringComparison.Ordinal)
            && text.Length > 13
            && text[12] == ' ';
        return valid
            ? new HttpResponse(int.Parse(text.AsSpan(9, 3), NumberStyles.None, CultureInfo.InvariantCulture), text[..^4], [])
            : throw new InvalidDataException($"Not a head of HTTP/1.1: '{text}'");
    }
}
