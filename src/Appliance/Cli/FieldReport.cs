using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Appliance.Php;

namespace Appliance.Cli;

/// <summary>A fact about something: its name, and a text, number, bool or value of PHP; null where it is not known.</summary>
internal sealed record Field(string Name, object? Value);

/// <summary>Facts about one thing, or several things of a kind: for people, or as JSON under the same names.</summary>
internal static class FieldReport
{
    /// <summary>Prints a line for each fact, or one JSON object.</summary>
    public static void Print(Field[] fields, bool json)
    {
        if (json)
        {
            PrintJson(writer => WriteObject(writer, fields));
            return;
        }

        int width = fields.Max(field => field.Name.Length) + 2;
        foreach (var (name, value) in fields)
        {
            StandardOutput.Out.WriteLine($"{$"{name}:".PadRight(width)}{Text(value)}");
        }
    }

    /// <summary>Prints a table with a line for each thing, or a JSON array; all things have the same facts.</summary>
    public static void PrintTable(IReadOnlyList<Field[]> rows, bool json)
    {
        if (json)
        {
            PrintJson(writer =>
            {
                writer.WriteStartArray();
                foreach (var row in rows)
                {
                    WriteObject(writer, row);
                }

                writer.WriteEndArray();
            });
            return;
        }

        string[][] cells =
        [
            .. rows.Take(1).Select(row => row.Select(field => field.Name).ToArray()),
            .. rows.Select(row => row.Select(field => Text(field.Value)).ToArray()),
        ];
        for (int column = 0; column < (rows.Count > 0 ? rows[0].Length : 0); column++)
        {
            int width = cells.Max(line => line[column].Length);
            Array.ForEach(cells, line => line[column] = line[column].PadRight(width));
        }

        foreach (string[] line in cells)
        {
            StandardOutput.Out.WriteLine(string.Join("  ", line).TrimEnd());
        }
    }

    private static string Text(object? value) =>
        value is null ? "-" : value is bool yes ? (yes ? "yes" : "no") : Convert.ToString(value, CultureInfo.InvariantCulture)!;

    private static void PrintJson(Action<Utf8JsonWriter> write)
    {
        var output = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(output, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            write(writer);
        }

        StandardOutput.Out.WriteLine(Encoding.UTF8.GetString(output.WrittenSpan));
    }

    private static void WriteObject(Utf8JsonWriter writer, Field[] fields)
    {
        writer.WriteStartObject();
        foreach (var (name, value) in fields)
        {
            writer.WritePropertyName(name);
            switch (value)
            {
                case null:
                    writer.WriteNullValue();
                    break;
                case bool one:
                    writer.WriteBooleanValue(one);
                    break;
                case PhpValue php:
                    PhpJson.Write(writer, php);
                    break;
                case string text:
                    writer.WriteStringValue(text);
                    break;
                default:
                    writer.WriteNumberValue(Convert.ToInt64(value, CultureInfo.InvariantCulture));
                    break;
            }
        }

        writer.WriteEndObject();
    }
}
