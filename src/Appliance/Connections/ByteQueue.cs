using System.Buffers;

namespace Appliance.Connections;

/// <summary>
/// Bytes that come at one end and go at the other, in a rented buffer that is given back as soon as it is empty: an outbox for what
/// is not in a room's log, or the unfinished head of a request.
/// </summary>
public sealed class ByteQueue
{
    private const int FirstBufferBytes = 512;

    private byte[] _buffer = [];
    private int _start;
    private int _end;

    /// <summary>How many bytes wait.</summary>
    public int Count => _end - _start;

    /// <summary>What waits.</summary>
    public Span<byte> Bytes => _buffer.AsSpan(_start, Count);

    /// <summary>Adds bytes.</summary>
    public void Append(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Reserve(bytes.Length));

    /// <summary>Adds so many bytes, for the caller to fill.</summary>
    public Span<byte> Reserve(int count)
    {
        if (_end + count > _buffer.Length)
        {
            MakeRoom(count);
        }

        _end += count;
        return _buffer.AsSpan(_end - count, count);
    }

    /// <summary>Takes bytes from the front away.</summary>
    public void Consume(int count)
    {
        _start += count;
        if (_start == _end)
        {
            Clear();
        }
    }

    /// <summary>Takes all away.</summary>
    public void Clear()
    {
        if (_buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
        }

        _buffer = [];
        _start = _end = 0;
    }

    private void MakeRoom(int count)
    {
        int needed = Count + count;
        if (needed <= _buffer.Length && _start >= _buffer.Length / 2)
        {
            Bytes.CopyTo(_buffer);
            (_start, _end) = (0, Count);
            return;
        }

        byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(FirstBufferBytes, Math.Max(needed, 2 * Count)));
        int kept = Count;
        Bytes.CopyTo(larger);
        Clear();
        _buffer = larger;
        _end = kept;
    }
}
