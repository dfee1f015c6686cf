using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Appliance.Cli;

/// <summary>A flat JSON object in one line, as the server answers: texts and numbers by their names. Other values are passed over.</summary>
internal sealed class JsonLine
{
    private readonly Dictionary<string, string> _members = new(StringComparer.Ordinal);

    private JsonLine()
    {
    }

    /// <summary>Reads a line.</summary>
    /// <exception cref="JsonException">It is no JSON, or no object.</exception>
    /// <exception cref="InvalidOperationException">A text names half of a surrogate pair.</exception>
    public static JsonLine Read(string line)
    {
        var read = new JsonLine();
        var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(line));
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            throw new JsonException("not an object");
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            _ = reader.Read();
            if (reader.TokenType is JsonTokenType.String or JsonTokenType.Number)
            {
                read._members[name] = reader.TokenType == JsonTokenType.String ? reader.GetString()! : Encoding.UTF8.GetString(reader.ValueSpan);
            }

            reader.Skip();
        }

        // Anything behind the object is an error.
        _ = reader.Read();
        return read;
    }

    /// <summary>Whether a text or number has that name.</summary>
    public bool Has(string name) => _members.ContainsKey(name);

    /// <summary>The text of that name.</summary>
    /// <exception cref="KeyNotFoundException">There is none.</exception>
    public string Text(string name) => _members[name];

    /// <summary>The number of that name.</summary>
    /// <exception cref="KeyNotFoundException">There is none.</exception>
    /// <exception cref="FormatException">It is no whole number.</exception>
    public long Number(string name) => long.Parse(Text(name), CultureInfo.InvariantCulture);
}
