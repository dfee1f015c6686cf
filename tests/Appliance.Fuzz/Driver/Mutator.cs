using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Appliance.Fuzz.Driver;

/// <summary>
/// Makes inputs of others: bytes and numbers change, pieces go, come twice or from elsewhere, words of the format are put in.
/// </summary>
/// <param name="random">All chance there is: one seed, one sequence.</param>
/// <param name="words">Words of the format.</param>
/// <param name="bytesMax">Longest input.</param>
internal sealed class Mutator(Random random, IReadOnlyList<byte[]> words, int bytesMax)
{
    private const int StepsPowerMax = 5;

    /// <summary>Numbers at which things change: limits of types, lengths of WebSocket frames, sizes of pages.</summary>
    private static readonly long[] Numbers =
    [
        0, 1, 2, 3, 4, 7, 8, 10, 15, 16, 31, 32, 63, 64, 65, 99, 100, 101, 125, 126, 127, 128, 129, 255, 256, 511, 512, 1000,
        1023, 1024, 2047, 2048, 4095, 4096, 8192, 9999, 32767, 32768, 65535, 65536, 1_000_000, int.MaxValue, 1L << 31, uint.MaxValue, 1L << 32, 1L << 53,
        999_999_999_999_999, 9_999_999_999_999_999, long.MaxValue, long.MinValue, -1, -2, -8, -128, -32768, int.MinValue,
    ];

    private readonly byte[] _buffer = new byte[bytesMax];
    private int _length;

    /// <summary>A new input, from one and parts of another.</summary>
    public byte[] Mutate(ReadOnlySpan<byte> from, ReadOnlySpan<byte> other)
    {
        _length = Math.Min(from.Length, bytesMax);
        from[.._length].CopyTo(_buffer);
        for (int steps = 1 << random.Next(StepsPowerMax); steps > 0; steps--)
        {
            Step(other);
        }

        return _buffer[.._length];
    }

    private void Step(ReadOnlySpan<byte> other)
    {
        int at = random.Next(_length + 1);
        int count = Math.Min(_length - at, RandomLength());
        switch (random.Next(14))
        {
            case 0 or 1 when at < _length:
                _buffer[at] ^= (byte)(1 << random.Next(8));
                break;
            case 2 when at < _length:
                _buffer[at] = (byte)random.Next(256);
                break;
            case 3 when at < _length:
                _buffer[at] += (byte)random.Next(-16, 17);
                break;
            case 4 or 5:
                WriteNumber(at);
                break;
            case 6:
                Remove(at, count);
                break;
            case 7:
                byte[] copy = _buffer.AsSpan(at, count).ToArray();
                Insert(random.Next(_length + 1), copy);
                break;
            case 8:
                Insert(at, [.. Enumerable.Repeat((byte)random.Next(256), RandomLength())]);
                break;
            case 9 when other.Length > 0:
                int from = random.Next(other.Length);
                Insert(at, other.Slice(from, Math.Min(other.Length - from, RandomLength())));
                break;
            case 10 when other.Length > 0:
                // The beginning of one, the end of another.
                _length = at;
                Insert(at, other[random.Next(other.Length)..]);
                break;
            case 11 when count > 0:
                Overwrite(random.Next(_length), _buffer.AsSpan(at, count).ToArray());
                break;
            case 12:
                ReplaceDecimal(at);
                break;
            default:
                PutWord(at);
                break;
        }
    }

    /// <summary>Mostly short.</summary>
    private int RandomLength() => random.Next(1, 2 << random.Next(1, 11));

    private void WriteNumber(int at)
    {
        int size = 1 << random.Next(4);
        if (at + size > _length)
        {
            return;
        }

        Span<byte> bytes = stackalloc byte[sizeof(long)];
        var place = _buffer.AsSpan(at, size);
        bool isBig = random.Next(2) == 0;
        long number = Numbers[random.Next(Numbers.Length)];
        if (random.Next(2) == 0)
        {
            bytes.Clear();
            place.CopyTo(isBig ? bytes[(sizeof(long) - size)..] : bytes);
            number = isBig ? BinaryPrimitives.ReadInt64BigEndian(bytes) : BinaryPrimitives.ReadInt64LittleEndian(bytes);
            number += random.Next(-32, 33);
        }

        if (isBig)
        {
            BinaryPrimitives.WriteInt64BigEndian(bytes, number);
            bytes[(sizeof(long) - size)..].CopyTo(place);
        }
        else
        {
            BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
            bytes[..size].CopyTo(place);
        }
    }

    /// <summary>The decimal number at a place, or the next one behind it, becomes another.</summary>
    private void ReplaceDecimal(int at)
    {
        while (at < _length && !char.IsAsciiDigit((char)_buffer[at]))
        {
            at++;
        }

        int end = at;
        while (end < _length && end - at < 20 && char.IsAsciiDigit((char)_buffer[end]))
        {
            end++;
        }

        if (end > at)
        {
            string digits = Encoding.ASCII.GetString(_buffer, at, end - at);
            _ = long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long former);
            long number = random.Next(2) == 0 ? unchecked(former + random.Next(-3, 4)) : Numbers[random.Next(Numbers.Length)];
            Remove(at, end - at);
            Insert(at, Encoding.ASCII.GetBytes(number.ToString(CultureInfo.InvariantCulture)));
        }
    }

    private void PutWord(int at)
    {
        if (words.Count == 0)
        {
            return;
        }

        byte[] word = words[random.Next(words.Count)];
        if (random.Next(2) == 0)
        {
            Insert(at, word);
        }
        else
        {
            Overwrite(at, word);
        }
    }

    private void Remove(int at, int count)
    {
        _buffer.AsSpan((at + count).._length).CopyTo(_buffer.AsSpan(at));
        _length -= count;
    }

    private void Insert(int at, ReadOnlySpan<byte> bytes)
    {
        int count = Math.Min(bytes.Length, bytesMax - _length);
        _buffer.AsSpan(at.._length).CopyTo(_buffer.AsSpan(at + count));
        bytes[..count].CopyTo(_buffer.AsSpan(at));
        _length += count;
    }

    private void Overwrite(int at, ReadOnlySpan<byte> bytes)
    {
        int count = Math.Min(bytes.Length, _length - at);
        bytes[..count].CopyTo(_buffer.AsSpan(at));
    }
}
