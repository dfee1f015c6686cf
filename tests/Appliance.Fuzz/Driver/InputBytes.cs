using System.Buffers.Binary;

namespace Appliance.Fuzz.Driver;

/// <summary>An input whose first bytes choose how the rest is taken; behind its end all is zero.</summary>
internal ref struct InputBytes(ReadOnlySpan<byte> bytes)
{
    /// <summary>What was not taken yet.</summary>
    public ReadOnlySpan<byte> Rest { get; private set; } = bytes;

    /// <summary>Takes a byte.</summary>
    public byte Byte() => (byte)Number(1);

    /// <summary>Takes two bytes.</summary>
    public int UInt16() => (int)Number(2);

    /// <summary>Takes eight bytes.</summary>
    public long Int64() => Number(8);

    /// <summary>Takes so many bytes, or those that are left.</summary>
    public ReadOnlySpan<byte> Take(int count)
    {
        var taken = Rest[..Math.Min(count, Rest.Length)];
        Rest = Rest[taken.Length..];
        return taken;
    }

    private long Number(int size)
    {
        Span<byte> number = stackalloc byte[sizeof(long)];
        number.Clear();
        Take(size).CopyTo(number);
        return BinaryPrimitives.ReadInt64LittleEndian(number);
    }
}
