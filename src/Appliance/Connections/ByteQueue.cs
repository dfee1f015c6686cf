using System.Runtime.InteropServices;
using Appliance.Native;

namespace Appliance.Connections;

/// <summary>
/// Bytes that come at one end and go at the other, in a buffer that is freed as soon as it is empty: an outbox for what is not in a
/// room's log, or the unfinished head of a request. The buffer lies outside the managed heap: the kernel may read from it at any time,
/// and a crowd that connects at once leaves no garbage.
/// </summary>
public sealed unsafe class ByteQueue
{
    private const int FirstBufferBytes = 512;

    private byte* _buffer;
    private int _capacity;
    private int _start;
    private int _end;

    /// <summary>Whether its memory is wiped before it is freed: keys may be in it.</summary>
    public bool IsSecret { get; init; }

    /// <summary>How many bytes wait.</summary>
    public int Count => _end - _start;

    /// <summary>What waits.</summary>
    public Span<byte> Bytes => new(_buffer + _start, Count);

    /// <summary>Where that lies until something is added or taken away.</summary>
    public byte* Address => _buffer + _start;

    /// <summary>Adds bytes.</summary>
    public void Append(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Reserve(bytes.Length));

    /// <summary>Adds so many bytes, for the caller to fill.</summary>
    public Span<byte> Reserve(int count)
    {
        if (_end + count > _capacity)
        {
            MakeRoom(count);
        }

        _end += count;
        return new Span<byte>(_buffer + _end - count, count);
    }

    /// <summary>Adds so many bytes before all others, for the caller to fill.</summary>
    public Span<byte> ReserveFront(int count)
    {
        int kept = Count;
        _ = Reserve(count);
        var bytes = Bytes;
        bytes[..kept].CopyTo(bytes[count..]);
        return bytes[..count];
    }

    /// <summary>Takes bytes from the front away.</summary>
    public void Consume(int count)
    {
        Invariant.Hold((uint)count <= (uint)Count, "bytes taken against bytes queued", "{0} of {1}", count, Count);
        _start += count;
        if (_start == _end)
        {
            Clear();
        }
    }

    /// <summary>Takes all away.</summary>
    public void Clear()
    {
        Free();
        _buffer = null;
        _capacity = _start = _end = 0;
    }

    private void Free()
    {
        if (IsSecret && _buffer is not null)
        {
            NativeMemory.Clear(_buffer, (nuint)_capacity);
        }

        NativeMemory.Free(_buffer);
    }

    private void MakeRoom(int count)
    {
        int kept = Count;
        int needed = kept + count;
        if (needed <= _capacity && _start >= _capacity / 2)
        {
            Bytes.CopyTo(new Span<byte>(_buffer, kept));
        }
        else
        {
            int capacity = Math.Max(FirstBufferBytes, Math.Max(needed, 2 * kept));
            byte* larger = (byte*)NativeMemory.Alloc((nuint)capacity);
            Bytes.CopyTo(new Span<byte>(larger, kept));
            Free();
            _buffer = larger;
            _capacity = capacity;
        }

        (_start, _end) = (0, kept);
    }
}
