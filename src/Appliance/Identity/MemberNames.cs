namespace Appliance.Identity;

/// <summary>The names of the members of a JSON object so far: of two with one name readers would choose differently (RFC 7519, 4), so none is taken.</summary>
/// <param name="memory">Takes the names, each behind its length of one byte; objects with more than fit are refused.</param>
internal ref struct MemberNames(Span<byte> memory)
{
    /// <summary>Bytes of all names of an object, with a byte each.</summary>
    public const int BytesMax = 2048;

    private readonly Span<byte> _memory = memory;
    private int _length;

    /// <summary>Adds a name; false when it is there already, or there is no place for it.</summary>
    public bool TryAdd(ReadOnlySpan<byte> name)
    {
        if (name.Length > byte.MaxValue || _length + 1 + name.Length > _memory.Length)
        {
            return false;
        }

        for (int at = 0; at < _length; at += 1 + _memory[at])
        {
            if (_memory.Slice(at + 1, _memory[at]).SequenceEqual(name))
            {
                return false;
            }
        }

        _memory[_length] = (byte)name.Length;
        name.CopyTo(_memory[(_length + 1)..]);
        _length += 1 + name.Length;
        return true;
    }
}
