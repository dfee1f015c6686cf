namespace Appliance.Journal;

/// <summary>A part of a journal that holds no whole entry.</summary>
/// <param name="From">Its first byte.</param>
/// <param name="To">The byte behind its last.</param>
public readonly record struct DamagedPart(long From, long To);

/// <summary>
/// Reads the entries of a journal from its beginning. Damaged bytes are skipped: what is whole behind them is found by its checksum. Text
/// that a client said cannot pass for an entry, because it holds no zero byte.
/// </summary>
public sealed class JournalReader
{
    private const int BufferBytes = 4 * JournalFormat.EntryBytesMax;

    private readonly JournalFile _file;
    private readonly byte[] _bytes = new byte[BufferBytes];
    private int _start;
    private int _end;
    private long _position;

    /// <summary>A reader of a file that nobody appends to meanwhile.</summary>
    public JournalReader(JournalFile file)
    {
        _file = file;
        _position = JournalFormat.HeaderBytes;
    }

    /// <summary>Position behind the last whole entry that was read.</summary>
    public long WholeUntil { get; private set; } = JournalFormat.HeaderBytes;

    /// <summary>The damaged parts so far; one at the very end is added when the end is reached.</summary>
    public List<DamagedPart> Damaged { get; } = [];

    /// <summary>Reads the next whole entry; false at the end.</summary>
    /// <exception cref="IOException">The disk cannot read it.</exception>
    public bool TryRead(out JournalEntry entry)
    {
        while (Fill())
        {
            if (JournalFormat.TryReadEntry(_bytes.AsSpan(_start.._end), out entry, out int length))
            {
                if (_position > WholeUntil)
                {
                    Damaged.Add(new DamagedPart(WholeUntil, _position));
                }

                _start += length;
                _position += length;
                WholeUntil = _position;
                return true;
            }

            _start++;
            _position++;
        }

        if (_position > WholeUntil)
        {
            Damaged.Add(new DamagedPart(WholeUntil, _position));
        }

        entry = default;
        return false;
    }

    /// <summary>Fills the buffer with at least one largest entry, or with the rest of the file; false at its end.</summary>
    private bool Fill()
    {
        if (_end - _start < JournalFormat.EntryBytesMax && _position + (_end - _start) < _file.Length)
        {
            _bytes.AsSpan(_start.._end).CopyTo(_bytes);
            (_start, _end) = (0, _end - _start);
            int count;
            do
            {
                long left = _file.Length - _position - _end;
                count = _file.Read(_bytes.AsSpan(_end, (int)Math.Min(_bytes.Length - _end, left)), _position + _end);
                _end += count;
            }
            while (count > 0 && _end < _bytes.Length && _position + _end < _file.Length);
        }

        return _end > _start;
    }
}
