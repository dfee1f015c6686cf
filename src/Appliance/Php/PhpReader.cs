using System.Buffers;
using System.Buffers.Text;

namespace Appliance.Php;

/// <summary>Reads one value of PHP's serialize() format; whatever the bytes are, it ends and never throws.</summary>
internal sealed class PhpReader(ReadOnlyMemory<byte> input)
{
    private const string Types = "NbidsSaOCErR";

    /// <summary>Longer than any number that PHP writes, at whatever precision it is told to.</summary>
    private const int NumberBytesMax = 128;

    private static readonly SearchValues<byte> FloatLetters = SearchValues.Create("0123456789+-.eE"u8);

    private int _position;
    private int _values;

    /// <summary>Why the value could not be read, and where.</summary>
    public string Reason { get; private set; } = "";

    private ReadOnlySpan<byte> Rest => input.Span[_position..];

    /// <summary>Reads the value that the input consists of; null when it is none.</summary>
    public PhpValue? ReadAll() =>
        ReadValue(1) is not { } value ? null : Rest.IsEmpty ? value : Fail<PhpValue>("something follows the value");

    private PhpValue? ReadValue(int depth)
    {
        if (depth > PhpSerialization.DepthMax)
        {
            return Fail<PhpValue>(FormattableString.Invariant($"nested deeper than {PhpSerialization.DepthMax} levels"));
        }

        if (++_values > PhpSerialization.ValuesMax)
        {
            return Fail<PhpValue>(FormattableString.Invariant($"more than {PhpSerialization.ValuesMax} values"));
        }

        char type = Rest.IsEmpty ? '\0' : (char)Rest[0];
        if (!Types.Contains(type, StringComparison.Ordinal))
        {
            return Fail<PhpValue>("no value begins here");
        }

        _position++;
        if (!Take(type == 'N' ? ';' : ':'))
        {
            return null;
        }

        return type switch
        {
            'N' => PhpNull.Instance,
            'b' => ReadBool(),
            'i' => ReadInt(';') is { } number ? new PhpInt(number) : null,
            'd' => ReadFloat(),
            's' => ReadString(';'),
            'S' => ReadEscaped(),
            'a' => ReadEntries(depth) is { } entries ? new PhpArray(entries) : null,
            'O' => ReadString(':') is { } name && ReadEntries(depth) is { } properties ? new PhpObject(name, properties) : null,
            'C' => ReadString(':') is { } name && ReadData() is { } data ? new PhpCustomObject(name, data) : null,
            'E' => ReadString(';') is { } name ? new PhpEnum(name) : null,
            _ => ReadReference(isVariable: type == 'R'),
        };
    }

    private PhpBool? ReadBool()
    {
        if (Rest.IsEmpty || Rest[0] is not ((byte)'0' or (byte)'1'))
        {
            return Fail<PhpBool>("a bool is 0 or 1");
        }

        bool value = Rest[0] == '1';
        _position++;
        return !Take(';') ? null : value ? PhpBool.True : PhpBool.False;
    }

    private long? ReadInt(char end)
    {
        var digits = Number(end);
        if (digits.IsEmpty || !Utf8Parser.TryParse(digits, out long value, out int used) || used != digits.Length)
        {
            _ = Fail<PhpValue>("not a number of 64 bits");
            return null;
        }

        _position += digits.Length + 1;
        return value;
    }

    /// <summary>A length or a count, which PHP takes without a sign alone.</summary>
    private long? ReadCount()
    {
        bool hasSign = Rest is [(byte)'+' or (byte)'-', ..];
        var count = ReadInt(':');
        if (hasSign && count >= 0)
        {
            _ = Fail<PhpValue>("a count has no sign");
            return null;
        }

        return count;
    }

    private PhpFloat? ReadFloat()
    {
        var digits = Number(';');
        double value = digits switch
        {
            [(byte)'I', (byte)'N', (byte)'F'] => double.PositiveInfinity,
            [(byte)'-', (byte)'I', (byte)'N', (byte)'F'] => double.NegativeInfinity,
            [(byte)'N', (byte)'A', (byte)'N'] => double.NaN,
            _ => 0,
        };
        bool isWord = !double.IsFinite(value);
        if (!isWord && (digits.IndexOfAnyExcept(FloatLetters) >= 0 || !Utf8Parser.TryParse(digits, out value, out int used) || used != digits.Length))
        {
            return Fail<PhpFloat>("not a float");
        }

        _position += digits.Length + 1;
        return new PhpFloat(value);
    }

    /// <summary>The bytes up to the end of a number; none when there is no end.</summary>
    private ReadOnlySpan<byte> Number(char end)
    {
        var rest = Rest[..Math.Min(Rest.Length, NumberBytesMax)];
        return rest[..Math.Max(0, rest.IndexOf((byte)end))];
    }

    /// <summary>Reads a length, and that many bytes between an opening and a closing one.</summary>
    private ReadOnlyMemory<byte>? ReadBytes(char opening, char closing)
    {
        if (ReadCount() is not { } length || !Take(opening))
        {
            return null;
        }

        if (length < 0 || length > Rest.Length)
        {
            _ = Fail<PhpValue>(FormattableString.Invariant($"{length} bytes are said to follow, {Rest.Length} do"));
            return null;
        }

        var bytes = input.Slice(_position, (int)length);
        _position += (int)length;
        if (!Take(closing))
        {
            // A conditional expression would make empty memory of the null.
            return null;
        }

        return bytes;
    }

    private PhpString? ReadString(char end) => ReadBytes('"', '"') is { } bytes && Take(end) ? new PhpString(bytes) : null;

    private ReadOnlyMemory<byte>? ReadData() => ReadBytes('{', '}');

    /// <summary><c>S:1:"\41";</c>: as PHP 6 was to write strings. The length counts what the escapes stand for.</summary>
    private PhpString? ReadEscaped()
    {
        if (ReadCount() is not { } length || !Take('"'))
        {
            return null;
        }

        if (length < 0 || length > Rest.Length)
        {
            return Fail<PhpString>(FormattableString.Invariant($"{length} characters are said to follow, {Rest.Length} bytes do"));
        }

        byte[] bytes = new byte[length];
        for (int i = 0; i < bytes.Length; i++)
        {
            if (Rest.IsEmpty)
            {
                return Fail<PhpString>("the string has no end");
            }

            bytes[i] = Rest[0];
            _position++;
            if (bytes[i] == '\\')
            {
                if (Rest.Length < 2 || !Utf8Parser.TryParse(Rest[..2], out bytes[i], out int used, 'x') || used != 2)
                {
                    return Fail<PhpString>("two hexadecimal digits follow a backslash");
                }

                _position += 2;
            }
        }

        return Take('"') && Take(';') ? new PhpString(bytes) : null;
    }

    private List<PhpEntry>? ReadEntries(int depth)
    {
        if (ReadCount() is not { } count || !Take('{'))
        {
            return null;
        }

        if (count < 0 || count > Rest.Length)
        {
            return Fail<List<PhpEntry>>(FormattableString.Invariant($"{count} elements are said to follow, in {Rest.Length} bytes"));
        }

        List<PhpEntry> entries = [];
        for (long i = 0; i < count; i++)
        {
            if (ReadKey() is not { } key || ReadValue(depth + 1) is not { } value)
            {
                return null;
            }

            entries.Add(new PhpEntry(key, value));
        }

        return Take('}') ? entries : null;
    }

    private PhpValue? ReadKey()
    {
        if (Rest.Length < 2 || Rest[1] != ':' || Rest[0] is not ((byte)'i' or (byte)'s' or (byte)'S'))
        {
            return Fail<PhpValue>("a key is an int or a string");
        }

        byte type = Rest[0];
        _position += 2;
        return type == 'i' ? (ReadInt(';') is { } number ? new PhpInt(number) : null) : type == 's' ? ReadString(';') : ReadEscaped();
    }

    private PhpReference? ReadReference(bool isVariable)
    {
        if (ReadInt(';') is not { } to)
        {
            return null;
        }

        return to >= 1 && to < _values ? new PhpReference(to, isVariable) : Fail<PhpReference>("it refers to a value that has not come yet");
    }

    private bool Take(char expected)
    {
        if (Rest.IsEmpty || Rest[0] != expected)
        {
            _ = Fail<PhpValue>(Rest.IsEmpty ? $"it ends where '{expected}' must be" : $"'{expected}' must be here");
            return false;
        }

        _position++;
        return true;
    }

    /// <summary>Notes the first fault.</summary>
    private T? Fail<T>(string why)
        where T : class
    {
        Reason = Reason.Length > 0 ? Reason : FormattableString.Invariant($"byte {_position}: {why}");
        return null;
    }
}
