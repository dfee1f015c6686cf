using System.Buffers;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace Appliance.Php;

/// <summary>
/// PHP's serialize() format, in which msg_send, msg_receive, shm_put_var and shm_get_var have their values by default; both ways to
/// the byte, as PHP 7.1 and later write it with serialize_precision = -1.
/// </summary>
public static class PhpSerialization
{
    /// <summary>How deep values may be nested: the reader calls itself, and the stack has an end. PHP itself stops at 4096.</summary>
    public const int DepthMax = 512;

    /// <summary>How many values one may consist of: each costs some 50 bytes of memory.</summary>
    public const int ValuesMax = 1_000_000;

    /// <summary>Numbers from ten to this power on have an exponent.</summary>
    private const int FixedExponentMax = 17;

    /// <summary>Numbers below ten to this power have an exponent.</summary>
    private const int FixedExponentMin = -4;

    /// <summary>Reads the value that the bytes consist of. Its strings are parts of them, not copies.</summary>
    /// <param name="bytes">All of it: nothing may follow.</param>
    /// <param name="value">The value.</param>
    /// <param name="reason">What is wrong, and at which byte; empty when nothing is.</param>
    public static bool TryRead(ReadOnlyMemory<byte> bytes, [NotNullWhen(true)] out PhpValue? value, out string reason)
    {
        var reader = new PhpReader(bytes);
        value = reader.ReadAll();
        reason = reader.Reason;
        return value is not null;
    }

    /// <summary>Writes a value as PHP's serialize() would.</summary>
    public static byte[] Write(PhpValue value)
    {
        var output = new ArrayBufferWriter<byte>();
        Append(output, value);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>A float in PHP's words, with the fewest digits that mean the same number: <c>0.1</c>, <c>1.0E+25</c>, <c>INF</c>.</summary>
    public static string FloatText(double value)
    {
        if (!double.IsFinite(value))
        {
            return double.IsNaN(value) ? "NAN" : value > 0 ? "INF" : "-INF";
        }

        var (digits, exponent) = ShortestDigits(Math.Abs(value));
        string sign = double.IsNegative(value) ? "-" : "";
        if (exponent is < FixedExponentMin or >= FixedExponentMax)
        {
            string fraction = digits.Length > 1 ? digits[1..] : "0";
            return string.Create(CultureInfo.InvariantCulture, $"{sign}{digits[0]}.{fraction}E{exponent:+0;-0}");
        }

        return sign + (exponent < 0 ? $"0.{new string('0', -exponent - 1)}{digits}"
            : digits.Length <= exponent + 1 ? digits.PadRight(exponent + 1, '0')
            : $"{digits[..(exponent + 1)]}.{digits[(exponent + 1)..]}");
    }

    /// <summary>The significant digits, without zeros at their end, and the power of ten of the first one.</summary>
    private static (string Digits, int Exponent) ShortestDigits(double value)
    {
        if (value == 0)
        {
            return ("0", 0);
        }

        // The runtime writes 123.45, 0.001 or 1.5E-07.
        string[] parts = value.ToString("R", CultureInfo.InvariantCulture).Split('E');
        int power = parts.Length > 1 ? int.Parse(parts[1], CultureInfo.InvariantCulture) : 0;
        int point = parts[0].IndexOf('.', StringComparison.Ordinal);
        string digits = parts[0].Replace(".", "", StringComparison.Ordinal);
        string significant = digits.TrimStart('0');
        int exponent = power + (point < 0 ? digits.Length : point) - (digits.Length - significant.Length) - 1;
        return (significant.TrimEnd('0'), exponent);
    }

    private static void Append(ArrayBufferWriter<byte> output, PhpValue value)
    {
        switch (value)
        {
            case PhpNull:
                Append(output, $"N;");
                break;
            case PhpBool one:
                Append(output, $"b:{(one.Value ? 1 : 0)};");
                break;
            case PhpInt number:
                Append(output, $"i:{number.Value};");
                break;
            case PhpFloat number:
                Append(output, $"d:{FloatText(number.Value)};");
                break;
            case PhpString text:
                Append(output, 's', text.Bytes.Span, '"', '"');
                Append(output, $";");
                break;
            case PhpArray array:
                Append(output, $"a:");
                Append(output, array.Entries);
                break;
            case PhpObject thing:
                Append(output, 'O', thing.ClassName.Bytes.Span, '"', '"');
                Append(output, $":");
                Append(output, thing.Properties);
                break;
            case PhpCustomObject thing:
                Append(output, 'C', thing.ClassName.Bytes.Span, '"', '"');
                Append(output, $":{thing.Data.Length}:{{");
                output.Write(thing.Data.Span);
                Append(output, $"}}");
                break;
            case PhpEnum name:
                Append(output, 'E', name.Name.Bytes.Span, '"', '"');
                Append(output, $";");
                break;
            case PhpReference reference:
                Append(output, $"{(reference.IsVariable ? 'R' : 'r')}:{reference.To};");
                break;
            default:
                throw new UnreachableException();
        }
    }

    private static void Append(ArrayBufferWriter<byte> output, IReadOnlyList<PhpEntry> entries)
    {
        Append(output, $"{entries.Count}:{{");
        foreach (var (key, value) in entries)
        {
            Append(output, key);
            Append(output, value);
        }

        Append(output, $"}}");
    }

    private static void Append(ArrayBufferWriter<byte> output, char type, ReadOnlySpan<byte> bytes, char opening, char closing)
    {
        Append(output, $"{type}:{bytes.Length}:{opening}");
        output.Write(bytes);
        Append(output, $"{closing}");
    }

    private static void Append(ArrayBufferWriter<byte> output, FormattableString text) =>
        _ = Encoding.ASCII.GetBytes(FormattableString.Invariant(text), output);
}
