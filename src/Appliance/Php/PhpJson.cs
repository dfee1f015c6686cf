using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Appliance.Protocols;

namespace Appliance.Php;

/// <summary>
/// Values of PHP as JSON and back. A list is an array, every other array an object. What JSON has no words for is an object with a
/// name that begins with a dollar sign: <c>{"$base64":"/w=="}</c> for a string that is not UTF-8, <c>{"$float":"NAN"}</c>,
/// <c>{"$class":"Foo","a":1}</c>, <c>{"$class":"Foo","$data":"ab"}</c>, <c>{"$enum":"Suit::Hearts"}</c>, <c>{"$reference":1}</c>.
/// </summary>
public static class PhpJson
{
    private static readonly JsonWriterOptions Options =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, MaxDepth = PhpSerialization.DepthMax + 8 };

    private static readonly JsonReaderOptions ReadOptions = new() { MaxDepth = PhpSerialization.DepthMax };

    /// <summary>The value as JSON, in one line.</summary>
    public static string Show(PhpValue value)
    {
        var output = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(output, Options))
        {
            Write(writer, value);
        }

        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    /// <summary>Writes the value where a JSON value may stand.</summary>
    public static void Write(Utf8JsonWriter writer, PhpValue value)
    {
        switch (value)
        {
            case PhpNull:
                writer.WriteNullValue();
                break;
            case PhpBool one:
                writer.WriteBooleanValue(one.Value);
                break;
            case PhpInt number:
                writer.WriteNumberValue(number.Value);
                break;
            case PhpFloat { Value: var number } when double.IsFinite(number):
                writer.WriteRawValue(FloatNumber(number));
                break;
            case PhpString text:
                WriteBytes(writer, text.Bytes.Span);
                break;
            case PhpArray array when array.IsList:
                writer.WriteStartArray();
                foreach (var entry in array.Entries)
                {
                    Write(writer, entry.Value);
                }

                writer.WriteEndArray();
                break;
            case PhpArray array:
                writer.WriteStartObject();
                WriteMembers(writer, array.Entries, KeyText);
                writer.WriteEndObject();
                break;
            default:
                WriteStranger(writer, value);
                break;
        }
    }

    /// <summary>The value that a JSON text means; null when it is no JSON, with the reason.</summary>
    public static PhpValue? Read(ReadOnlySpan<byte> json, out string reason)
    {
        reason = "";
        try
        {
            var reader = new Utf8JsonReader(json, ReadOptions);
            _ = reader.Read();
            var value = Read(ref reader);

            // Anything behind the value is an error.
            _ = reader.Read();
            return value;
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException)
        {
            reason = failure is JsonException { LineNumber: { } line, BytePositionInLine: { } at }
                ? FormattableString.Invariant($"what stands in line {line + 1} behind {at} bytes cannot stand there")
                : "a number or a text in it is none";
            return null;
        }
    }

    /// <summary>The value whose first token the reader stands on; afterwards it stands on the last one.</summary>
    private static PhpValue Read(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.True => PhpBool.True,
        JsonTokenType.False => PhpBool.False,
        JsonTokenType.String => PhpString.Of(reader.GetString()!),
        JsonTokenType.Number => reader.TryGetInt64(out long number) ? new PhpInt(number) : new PhpFloat(reader.GetDouble()),
        JsonTokenType.StartArray => ReadArray(ref reader),
        JsonTokenType.StartObject => ReadObject(ref reader),
        JsonTokenType.Null => PhpNull.Instance,
        JsonTokenType.None or JsonTokenType.EndArray or JsonTokenType.EndObject or JsonTokenType.PropertyName or JsonTokenType.Comment
            => throw new UnreachableException(),
        _ => throw new UnreachableException(),
    };

    private static PhpArray ReadArray(ref Utf8JsonReader reader)
    {
        List<PhpEntry> entries = [];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            entries.Add(new PhpEntry(new PhpInt(entries.Count), Read(ref reader)));
        }

        return new PhpArray(entries);
    }

    private static PhpValue ReadObject(ref Utf8JsonReader reader)
    {
        List<PhpEntry> entries = [];
        Dictionary<PhpValue, int> places = [];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            var key = KeyOf(reader.GetString()!);
            _ = reader.Read();
            var entry = new PhpEntry(key, Read(ref reader));
            if (places.TryAdd(entry.Key, entries.Count))
            {
                entries.Add(entry);
            }
            else
            {
                // The last of several members of one name counts, as in PHP's json_decode.
                entries[places[entry.Key]] = entry;
            }
        }

        var special = entries is [{ Key: PhpString name, Value: PhpString word }]
            ? SpecialOf(PrintableText.TryDecode(name.Bytes.Span), PrintableText.TryDecode(word.Bytes.Span)!)
            : null;
        return special ?? new PhpArray(entries);
    }

    /// <summary>What <see cref="WriteStranger"/> and <see cref="WriteBytes"/> have written; null for anything else.</summary>
    private static PhpValue? SpecialOf(string? name, string word) => name switch
    {
        "$base64" when Convert.TryFromBase64String(word, new byte[word.Length], out _) => new PhpString(Convert.FromBase64String(word)),
        "$float" when FloatOf(word) is { } number => new PhpFloat(number),
        _ => null,
    };

    /// <summary>PHP makes an int of a key that looks like one.</summary>
    private static PhpValue KeyOf(string name) =>
        long.TryParse(name, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number)
            && number.ToString(CultureInfo.InvariantCulture) == name
            ? new PhpInt(number)
            : PhpString.Of(name);

    private static double? FloatOf(string? word) => word switch
    {
        "INF" => double.PositiveInfinity,
        "-INF" => double.NegativeInfinity,
        "NAN" => double.NaN,
        _ => null,
    };

    private static string KeyText(PhpValue key) => key switch
    {
        PhpInt number => number.Value.ToString(CultureInfo.InvariantCulture),
        PhpString text => PrintableText.TryDecode(text.Bytes.Span) ?? PrintableText.Escape(text.Bytes.Span),
        _ => throw new UnreachableException(),
    };

    /// <summary>A float that JSON readers take for one again: with a point.</summary>
    private static string FloatNumber(double value)
    {
        string text = PhpSerialization.FloatText(value);
        return text.Contains('.', StringComparison.Ordinal) ? text : text + ".0";
    }

    /// <summary>What JSON has nothing like.</summary>
    private static void WriteStranger(Utf8JsonWriter writer, PhpValue value)
    {
        writer.WriteStartObject();
        switch (value)
        {
            case PhpObject thing:
                writer.WriteString("$class", PrintableText.Escape(thing.ClassName.Bytes.Span));
                WriteMembers(writer, thing.Properties, PhpText.PropertyName);
                break;
            case PhpCustomObject thing:
                writer.WriteString("$class", PrintableText.Escape(thing.ClassName.Bytes.Span));
                writer.WritePropertyName("$data");
                WriteBytes(writer, thing.Data.Span);
                break;
            case PhpEnum name:
                writer.WriteString("$enum", PhpText.EnumName(name));
                break;
            case PhpReference reference:
                writer.WriteNumber("$reference", reference.To);
                break;
            case PhpFloat number:
                writer.WriteString("$float", PhpSerialization.FloatText(number.Value));
                break;
            default:
                throw new UnreachableException();
        }

        writer.WriteEndObject();
    }

    private static void WriteMembers(Utf8JsonWriter writer, IReadOnlyList<PhpEntry> entries, Func<PhpValue, string> name)
    {
        foreach (var (key, value) in entries)
        {
            writer.WritePropertyName(name(key));
            Write(writer, value);
        }
    }

    private static void WriteBytes(Utf8JsonWriter writer, ReadOnlySpan<byte> bytes)
    {
        if (PrintableText.TryDecode(bytes) is { } text)
        {
            writer.WriteStringValue(text);
            return;
        }

        writer.WriteStartObject();
        writer.WriteBase64String("$base64", bytes);
        writer.WriteEndObject();
    }
}
