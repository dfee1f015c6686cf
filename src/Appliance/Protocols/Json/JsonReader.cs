using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

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
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool NextIs(char expected)
    {
        // Most texts have no white space between things.
        if (_at < _json.Length && _json[_at] <= ' ')
        {
            SkipWhiteSpace();
        }

        return _at < _json.Length && _json[_at] == expected;
    }

    /// <summary>Goes past one byte of punctuation if it is the next thing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryTake(char expected)
    {
        if (!NextIs(expected))
        {
            return false;
        }

        _at++;
        return true;
    }

    /// <summary>Goes past a string and gives what it means.</summary>
    /// <param name="text">Lies in the text, or in the scratch memory if anything was escaped.</param>
    /// <param name="keep">Whether that is to stay there.</param>
    public bool TryReadString(out ReadOnlySpan<byte> text, bool keep = true)
    {
        text = default;
        if (!NextIs('"'))
        {
            return false;
        }

        var from = _json;
        int start = _at + 1;
        int end = EndOfPlain(from, start);
        if (end == from.Length || from[end] != '"')
        {
            return end < from.Length && from[end] == '\\' && TryReadEscaped(start, end, keep, out text);
        }

        text = from[start..end];
        _at = end + 1;
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

    /// <summary>Goes past any value and gives its text.</summary>
    public bool TryReadValue(out ReadOnlySpan<byte> text)
    {
        SkipWhiteSpace();
        int start = _at;
        bool found = TrySkipValue();
        text = found ? _json[start.._at] : default;
        return found;
    }

    /// <summary>Where from an offset on the first byte stands that a string cannot hold as it is; the length of the text for nowhere.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int EndOfPlain(ReadOnlySpan<byte> text, int at)
    {
        int last = text.Length - Vector128<byte>.Count;
        for (; at <= last; at += Vector128<byte>.Count)
        {
            uint special = JsonEscapes.Special(Vector128.Create(text.Slice(at, Vector128<byte>.Count))).ExtractMostSignificantBits();
            if (special != 0)
            {
                return at + BitOperations.TrailingZeroCount(special);
            }
        }

        if (last >= 0)
        {
            // The last block overlaps what has been looked at.
            uint special = JsonEscapes.Special(Vector128.Create(text[last..])).ExtractMostSignificantBits() >> (at - last);
            return special != 0 ? at + BitOperations.TrailingZeroCount(special) : text.Length;
        }

        while (at < text.Length && text[at] is >= 0x20 and not (byte)'"' and not (byte)'\\')
        {
            at++;
        }

        return at;
    }

    /// <summary>Goes past a string that begins at one offset and whose first escape stands at another.</summary>
    private bool TryReadEscaped(int start, int at, bool keep, out ReadOnlySpan<byte> text)
    {
        text = default;
        var from = _json;
        var to = _scratch;
        int length = at - start;
        from[start..at].CopyTo(to);
        while (at < from.Length && from[at] != '"')
        {
            int read;
            int written;
            if (from[at..].StartsWith("\\u"u8))
            {
                read = ReadRune(at + 2, keep, out uint rune) - at;
                written = WriteRune(rune, to[length..]);
            }
            else
            {
                (read, written) = CopyShort(from[at..], to[length..]);
            }

            if (read <= 0)
            {
                return false;
            }

            at += read;
            length += written;
        }

        if (at == from.Length)
        {
            return false;
        }

        text = to[..length];
        _scratch = keep ? to[length..] : to;
        _at = at + 1;
        return true;
    }

    /// <summary>Copies plain bytes, and what escapes of one letter mean; returns how many bytes it has read, and written.</summary>
    private static (int Read, int Written) CopyShort(ReadOnlySpan<byte> text, Span<byte> to)
    {
        int at = 0;
        int written = 0;
        int plain = 0;
        while (at < text.Length)
        {
            byte value = text[at];
            if (value == '\\')
            {
                byte meant = at + 1 < text.Length ? JsonEscapes.Meanings[text[at + 1]] : (byte)0;
                if (meant is 0 or JsonEscapes.Unicode)
                {
                    break;
                }

                to[written++] = meant;
                at += 2;
                plain = 0;
                continue;
            }

            if (value is < 0x20 or (byte)'"')
            {
                break;
            }

            to[written++] = value;
            at++;
            if (++plain == JsonEscapes.ShortRunBytes)
            {
                int end = EndOfPlain(text, at);
                text[at..end].CopyTo(to[written..]);
                (at, written, plain) = (end, written + end - at, 0);
            }
        }

        return (at, written);
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

        var digits = _json.Slice(at, 4);
        uint first = JsonEscapes.Digits[digits[0]];
        uint second = JsonEscapes.Digits[digits[1]];
        uint third = JsonEscapes.Digits[digits[2]];
        uint fourth = JsonEscapes.Digits[digits[3]];
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
