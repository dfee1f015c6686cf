using System.Buffers;
using System.Text;

namespace Appliance.Chat;

/// <summary>
/// Just enough of RFC 8259 to take a chat message out of UTF-8 that is known to be valid: walks over any value strictly, never
/// throws, allocates nothing.
/// </summary>
internal ref struct JsonReader(ReadOnlySpan<byte> json)
{
    /// <summary>How deep values nobody asked for may be nested.</summary>
    private const int DepthMax = 32;

    private static readonly SearchValues<byte> StringEnds = SearchValues.Create(
        [.. Enumerable.Range(0, 0x20).Select(control => (byte)control), (byte)'"', (byte)'\\']);

    private readonly ReadOnlySpan<byte> _json = json;
    private int _at;

    /// <summary>True at the end of the bytes, white space aside.</summary>
    public bool IsAtEnd
    {
        get
        {
            SkipWhiteSpace();
            return _at == _json.Length;
        }
    }

    /// <summary>Whether the next thing begins with this byte.</summary>
    public bool NextIs(char expected)
    {
        SkipWhiteSpace();
        return _at < _json.Length && _json[_at] == expected;
    }

    /// <summary>Goes past one byte of punctuation if it is the next thing.</summary>
    public bool TryTake(char expected)
    {
        bool taken = NextIs(expected);
        _at += taken ? 1 : 0;
        return taken;
    }

    /// <summary>
    /// Goes past a string and gives what stands between its quotes, still escaped; <paramref name="escaped"/> tells whether
    /// anything in it is.
    /// </summary>
    public bool TryReadString(out ReadOnlySpan<byte> raw, out bool escaped)
    {
        raw = default;
        escaped = false;
        if (!TryTake('"'))
        {
            return false;
        }

        int start = _at;
        while (true)
        {
            int end = _json[_at..].IndexOfAny(StringEnds);
            _at += Math.Max(end, 0);
            if (end < 0 || _json[_at] < 0x20)
            {
                return false;
            }

            if (_json[_at] == '"')
            {
                raw = _json[start.._at];
                _at++;
                return true;
            }

            escaped = true;
            if (!SkipEscape())
            {
                return false;
            }
        }
    }

    /// <summary>Goes past any value.</summary>
    public bool TrySkipValue(int depth = 0)
    {
        SkipWhiteSpace();
        if (_at == _json.Length || depth > DepthMax)
        {
            return false;
        }

        return _json[_at] switch
        {
            (byte)'"' => TryReadString(out _, out _),
            (byte)'{' => TrySkipMembers('{', '}', depth),
            (byte)'[' => TrySkipMembers('[', ']', depth),
            (byte)'t' => TrySkipWord("true"u8),
            (byte)'f' => TrySkipWord("false"u8),
            (byte)'n' => TrySkipWord("null"u8),
            _ => TrySkipNumber(),
        };
    }

    /// <summary>Writes what an escaped string means; false when it names half of a surrogate pair.</summary>
    /// <param name="raw">What <see cref="TryReadString"/> gave.</param>
    /// <param name="text">Room for as many bytes as <paramref name="raw"/> has.</param>
    /// <param name="length">Bytes written.</param>
    public static bool TryUnescape(ReadOnlySpan<byte> raw, Span<byte> text, out int length)
    {
        length = 0;
        for (int i = 0; i < raw.Length;)
        {
            if (raw[i] != '\\')
            {
                int next = raw[i..].IndexOf((byte)'\\');
                var plain = next < 0 ? raw[i..] : raw.Slice(i, next);
                plain.CopyTo(text[length..]);
                length += plain.Length;
                i += plain.Length;
                continue;
            }

            byte kind = raw[i + 1];
            i += 2;
            if (kind != 'u')
            {
                text[length++] = kind switch
                {
                    (byte)'b' => (byte)'\b',
                    (byte)'f' => (byte)'\f',
                    (byte)'n' => (byte)'\n',
                    (byte)'r' => (byte)'\r',
                    (byte)'t' => (byte)'\t',
                    _ => kind,
                };
                continue;
            }

            if (!TryReadRune(raw, ref i, out var rune))
            {
                return false;
            }

            length += rune.EncodeToUtf8(text[length..]);
        }

        return true;
    }

    private static bool TryReadRune(ReadOnlySpan<byte> raw, ref int i, out Rune rune)
    {
        char first = (char)Hex(raw.Slice(i, 4));
        i += 4;
        if (!char.IsHighSurrogate(first))
        {
            return Rune.TryCreate(first, out rune);
        }

        bool pair = raw.Length - i >= 6 && raw[i] == '\\' && raw[i + 1] == 'u';
        char second = pair ? (char)Hex(raw.Slice(i + 2, 4)) : '\0';
        i += pair ? 6 : 0;
        return Rune.TryCreate(first, second, out rune);
    }

    private static int Hex(ReadOnlySpan<byte> digits)
    {
        int value = 0;
        foreach (byte digit in digits)
        {
            value = (value << 4) | (digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
        }

        return value;
    }

    private bool SkipEscape()
    {
        if (_at + 1 >= _json.Length)
        {
            return false;
        }

        byte kind = _json[_at + 1];
        _at += 2;
        if (kind != 'u')
        {
            return "\"\\/bfnrt"u8.Contains(kind);
        }

        for (int i = 0; i < 4; i++, _at++)
        {
            if (_at >= _json.Length || !char.IsAsciiHexDigit((char)_json[_at]))
            {
                return false;
            }
        }

        return true;
    }

    private bool TrySkipMembers(char open, char close, int depth)
    {
        _ = TryTake(open);
        if (TryTake(close))
        {
            return true;
        }

        do
        {
            bool named = open == '[' || (TryReadString(out _, out _) && TryTake(':'));
            if (!named || !TrySkipValue(depth + 1))
            {
                return false;
            }
        }
        while (TryTake(','));
        return TryTake(close);
    }

    private bool TrySkipWord(ReadOnlySpan<byte> word)
    {
        bool found = _json[_at..].StartsWith(word);
        _at += found ? word.Length : 0;
        return found;
    }

    /// <summary>-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?</summary>
    private bool TrySkipNumber()
    {
        _ = TrySkipByte("-"u8);
        if (!TrySkipByte("0"u8) && SkipDigits() == 0)
        {
            return false;
        }

        if (TrySkipByte("."u8) && SkipDigits() == 0)
        {
            return false;
        }

        if (!TrySkipByte("eE"u8))
        {
            return true;
        }

        _ = TrySkipByte("+-"u8);
        return SkipDigits() > 0;
    }

    private bool TrySkipByte(ReadOnlySpan<byte> choices)
    {
        bool found = _at < _json.Length && choices.Contains(_json[_at]);
        _at += found ? 1 : 0;
        return found;
    }

    private int SkipDigits()
    {
        int start = _at;
        while (_at < _json.Length && char.IsAsciiDigit((char)_json[_at]))
        {
            _at++;
        }

        return _at - start;
    }

    private void SkipWhiteSpace()
    {
        while (_at < _json.Length && _json[_at] is (byte)' ' or (byte)'\t' or (byte)'\n' or (byte)'\r')
        {
            _at++;
        }
    }
}
