using System.Buffers;

namespace Appliance.Protocols.Json;

/// <summary>
/// Just enough of RFC 8259 to take a chat message out of UTF-8 that is known to be valid: walks over any value strictly, never
/// throws, allocates nothing.
/// </summary>
/// <param name="json">The text.</param>
/// <param name="scratch">Room for what escaped strings mean: at least as long as the text.</param>
internal ref struct JsonReader(ReadOnlySpan<byte> json, Span<byte> scratch)
{
    /// <summary>How deep values nobody asked for may be nested.</summary>
    private const int DepthMax = 32;

    private const uint HighSurrogates = 0xD800;
    private const uint LowSurrogates = 0xDC00;
    private const uint LastSurrogate = 0xDFFF;

    private static readonly SearchValues<byte> StringEnds = SearchValues.Create(
        [.. JsonEscapes.Controls, (byte)'"', (byte)'\\']);

    private readonly ReadOnlySpan<byte> _json = json;
    private Span<byte> _scratch = scratch;
    private int _at;

    /// <summary>Whether every string that was kept is text: none names half of a surrogate pair.</summary>
    public bool IsText { get; private set; } = true;

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
        // Most texts have no white space between things.
        if (_at < _json.Length && _json[_at] == expected)
        {
            return true;
        }

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

    /// <summary>Goes past a string and gives what it means.</summary>
    /// <param name="text">Lies in the text, or in the scratch memory if anything was escaped.</param>
    /// <param name="keep">Whether that is to stay there.</param>
    public bool TryReadString(out ReadOnlySpan<byte> text, bool keep = true)
    {
        text = default;
        if (!TryTake('"'))
        {
            return false;
        }

        int end = _json[_at..].IndexOfAny(StringEnds);
        if (end < 0 || _json[_at + end] != '"')
        {
            return end >= 0 && _json[_at + end] == '\\' && TryReadEscaped(end, keep, out text);
        }

        text = _json.Slice(_at, end);
        _at += end + 1;
        return true;
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
            (byte)'"' => TryReadString(out _, keep: false),
            (byte)'{' => TrySkipMembers('{', '}', depth),
            (byte)'[' => TrySkipMembers('[', ']', depth),
            (byte)'t' => TrySkipWord("true"u8),
            (byte)'f' => TrySkipWord("false"u8),
            (byte)'n' => TrySkipWord("null"u8),
            _ => TrySkipNumber(),
        };
    }

    /// <summary>Goes past the rest of a string whose first escape stands behind so many plain bytes.</summary>
    private bool TryReadEscaped(int plainBytes, bool keep, out ReadOnlySpan<byte> text)
    {
        text = default;
        var from = _json;
        var to = _scratch;
        int at = _at + plainBytes;
        int length = plainBytes;
        from[_at..at].CopyTo(to);
        for (int plain = 0; at < from.Length;)
        {
            byte value = from[at++];
            if (value == '"')
            {
                text = to[..length];
                _scratch = keep ? to[length..] : to;
                _at = at;
                return true;
            }

            if (value == '\\')
            {
                byte meant = at < from.Length ? JsonEscapes.Meanings[from[at++]] : (byte)0;
                if (meant == JsonEscapes.Unicode)
                {
                    at = ReadRune(at, keep, out uint rune);
                    length += WriteRune(rune, to[length..]);
                }
                else
                {
                    to[length++] = meant;
                }

                if (meant == 0 || at < 0)
                {
                    return false;
                }

                plain = 0;
                continue;
            }

            if (value < 0x20)
            {
                return false;
            }

            to[length++] = value;
            if (++plain == JsonEscapes.ShortRunBytes)
            {
                int run = from[at..].IndexOfAny(StringEnds);
                if (run < 0)
                {
                    return false;
                }

                from.Slice(at, run).CopyTo(to[length..]);
                (at, length, plain) = (at + run, length + run, 0);
            }
        }

        return false;
    }

    /// <summary>
    /// Reads the digits behind <c>\u</c>, and of a surrogate pair the other half; half a pair counts as U+FFFD. Returns where it ends, or
    /// -1 when there are no digits.
    /// </summary>
    private int ReadRune(int at, bool keep, out uint rune)
    {
        if (!TryReadUnit(at, out rune))
        {
            return -1;
        }

        at += 4;
        if (rune is < HighSurrogates or > LastSurrogate)
        {
            return at;
        }

        bool pair = rune < LowSurrogates && _json[at..].StartsWith("\\u"u8);
        if (pair && TryReadUnit(at + 2, out uint second) && second is >= LowSurrogates and <= LastSurrogate)
        {
            rune = 0x10000 + ((rune - HighSurrogates) << 10) + (second - LowSurrogates);
            return at + 6;
        }

        IsText &= !keep;
        rune = 0xFFFD;
        return at;
    }

    /// <summary>Reads four hexadecimal digits.</summary>
    private readonly bool TryReadUnit(int at, out uint unit)
    {
        unit = 0;
        if (_json.Length - at < 4)
        {
            return false;
        }

        uint first = JsonEscapes.Digits[_json[at]];
        uint second = JsonEscapes.Digits[_json[at + 1]];
        uint third = JsonEscapes.Digits[_json[at + 2]];
        uint fourth = JsonEscapes.Digits[_json[at + 3]];
        unit = (first << 12) | (second << 8) | (third << 4) | fourth;
        return (first | second | third | fourth) < JsonEscapes.NoDigit;
    }

    /// <summary>The bytes of a character (RFC 3629, 3); returns how many.</summary>
    private static int WriteRune(uint rune, Span<byte> text)
    {
        switch (rune)
        {
            case < 0x80:
                text[0] = (byte)rune;
                return 1;
            case < 0x800:
                text[1] = Continuation(rune);
                text[0] = (byte)(0xC0 | (rune >> 6));
                return 2;
            case < 0x10000:
                text[2] = Continuation(rune);
                text[1] = Continuation(rune >> 6);
                text[0] = (byte)(0xE0 | (rune >> 12));
                return 3;
            default:
                text[3] = Continuation(rune);
                text[2] = Continuation(rune >> 6);
                text[1] = Continuation(rune >> 12);
                text[0] = (byte)(0xF0 | (rune >> 18));
                return 4;
        }
    }

    private static byte Continuation(uint rune) => (byte)(0x80 | (rune & 0x3F));

    private bool TrySkipMembers(char open, char close, int depth)
    {
        _ = TryTake(open);
        if (TryTake(close))
        {
            return true;
        }

        do
        {
            bool named = open == '[' || (TryReadString(out _, keep: false) && TryTake(':'));
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
