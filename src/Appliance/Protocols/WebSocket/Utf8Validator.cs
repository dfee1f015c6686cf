namespace Appliance.Protocols.WebSocket;

/// <summary>
/// Checks UTF-8 that comes in pieces, and fails at the first byte that no valid text can hold there (RFC 3629, 4: no overlong
/// forms, no surrogates, nothing above U+10FFFF). Whole stretches are checked in blocks.
/// </summary>
public struct Utf8Validator
{
    private byte _missing;
    private byte _lowest;
    private byte _highest;

    /// <summary>True when no character is incomplete.</summary>
    public readonly bool IsComplete => _missing == 0;

    /// <summary>Goes on where another validator was saved.</summary>
    public static Utf8Validator Restore(ReadOnlySpan<byte> state) => new() { _missing = state[0], _lowest = state[1], _highest = state[2] };

    /// <summary>Writes its state: how many bytes are missing, and between what the next one must lie; 3 bytes.</summary>
    public readonly void Save(Span<byte> state)
    {
        state[0] = _missing;
        state[1] = _lowest;
        state[2] = _highest;
    }

    /// <summary>Checks the next piece; false when the text has become invalid.</summary>
    public bool Append(ReadOnlySpan<byte> piece)
    {
        int i = 0;
        while (_missing > 0 && i < piece.Length)
        {
            if (!Step(piece[i++]))
            {
                return false;
            }
        }

        piece = piece[i..];
        int whole = piece.Length - LengthOfIncompleteEnd(piece);
        if (!Utf8Blocks.IsValid(piece[..whole]))
        {
            return false;
        }

        foreach (byte value in piece[whole..])
        {
            if (!Step(value))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>How many bytes at the end begin a character that needs more than there are.</summary>
    private static int LengthOfIncompleteEnd(ReadOnlySpan<byte> piece)
    {
        for (int back = 1; back <= Math.Min(3, piece.Length); back++)
        {
            byte value = piece[^back];
            if (value >= 0xC0)
            {
                int needed = value >= 0xF0 ? 4 : value >= 0xE0 ? 3 : 2;
                return needed > back ? back : 0;
            }

            if (value < 0x80)
            {
                return 0;
            }
        }

        return 0;
    }

    private bool Step(byte value)
    {
        if (_missing > 0)
        {
            bool valid = value >= _lowest && value <= _highest;
            (_lowest, _highest) = ((byte)0x80, (byte)0xBF);
            _missing--;
            return valid;
        }

        // The second byte's range depends on the first: that is where overlong forms and surrogates are told.
        (_missing, _lowest, _highest) = value switch
        {
            < 0x80 => ((byte)0, (byte)0, (byte)0),
            >= 0xC2 and <= 0xDF => ((byte)1, (byte)0x80, (byte)0xBF),
            0xE0 => ((byte)2, (byte)0xA0, (byte)0xBF),
            0xED => ((byte)2, (byte)0x80, (byte)0x9F),
            >= 0xE1 and <= 0xEF => ((byte)2, (byte)0x80, (byte)0xBF),
            0xF0 => ((byte)3, (byte)0x90, (byte)0xBF),
            >= 0xF1 and <= 0xF3 => ((byte)3, (byte)0x80, (byte)0xBF),
            0xF4 => ((byte)3, (byte)0x80, (byte)0x8F),
            _ => ((byte)1, (byte)1, (byte)0),
        };
        return _lowest <= _highest;
    }
}
