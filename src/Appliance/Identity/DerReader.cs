namespace Appliance.Identity;

/// <summary>As much of DER (X.690) as public keys need: definite lengths, tags of one byte. What is not so is refused.</summary>
internal ref struct DerReader(ReadOnlySpan<byte> bytes)
{
    /// <summary>Tags.</summary>
    public const byte Integer = 0x02, BitString = 0x03, ObjectIdentifier = 0x06, Sequence = 0x30;

    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>Whether all has been read.</summary>
    public readonly bool IsAtEnd => _rest.IsEmpty;

    /// <summary>Goes past an element of a tag, and gives its content.</summary>
    public bool TryRead(byte tag, out ReadOnlySpan<byte> content)
    {
        content = default;
        if (_rest.Length < 2 || _rest[0] != tag)
        {
            return false;
        }

        int length = _rest[1];
        int head = 2;
        if (length >= 0x80)
        {
            int digits = length & 0x7F;
            if (digits is 0 or > 2 || _rest.Length < 2 + digits)
            {
                return false;
            }

            length = digits == 1 ? _rest[2] : (_rest[2] << 8) | _rest[3];
            head += digits;
            if (length < (digits == 1 ? 0x80 : 0x100))
            {
                return false;
            }
        }

        if (_rest.Length - head < length)
        {
            return false;
        }

        content = _rest.Slice(head, length);
        _rest = _rest[(head + length)..];
        return true;
    }

    /// <summary>Goes past a number that is not negative, and gives its digits without leading zeros.</summary>
    public bool TryReadNumber(out ReadOnlySpan<byte> digits)
    {
        bool isNumber = TryRead(Integer, out digits) && !digits.IsEmpty && digits[0] < 0x80;
        digits = digits.TrimStart((byte)0);
        return isNumber;
    }

    /// <summary>Goes past a bit string of whole bytes.</summary>
    public bool TryReadBytes(out ReadOnlySpan<byte> bytes)
    {
        bool isString = TryRead(BitString, out bytes) && !bytes.IsEmpty && bytes[0] == 0;
        bytes = isString ? bytes[1..] : default;
        return isString;
    }
}
