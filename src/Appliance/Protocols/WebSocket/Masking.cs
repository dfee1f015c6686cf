using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Appliance.Protocols.WebSocket;

/// <summary>The masking of client frames (RFC 6455, 5.3): byte i is XORed with byte i mod 4 of the key.</summary>
public static class Masking
{
    /// <summary>Unmasks bytes in place and returns the key turned so that the next bytes of the frame can go on with it.</summary>
    /// <param name="bytes">A piece of a payload.</param>
    /// <param name="key">The key, its first byte lowest.</param>
    public static uint Apply(Span<byte> bytes, uint key)
    {
        ref byte start = ref MemoryMarshal.GetReference(bytes);
        nuint i = 0;
        var length = (nuint)bytes.Length;
        if (Vector256.IsHardwareAccelerated && length >= (nuint)Vector256<byte>.Count)
        {
            var keys = Vector256.Create(key).AsByte();
            for (; i + (nuint)Vector256<byte>.Count <= length; i += (nuint)Vector256<byte>.Count)
            {
                (Vector256.LoadUnsafe(ref start, i) ^ keys).StoreUnsafe(ref start, i);
            }
        }

        if (length - i >= (nuint)Vector128<byte>.Count)
        {
            var keys = Vector128.Create(key).AsByte();
            for (; i + (nuint)Vector128<byte>.Count <= length; i += (nuint)Vector128<byte>.Count)
            {
                (Vector128.LoadUnsafe(ref start, i) ^ keys).StoreUnsafe(ref start, i);
            }
        }

        // Whole vectors leave the key as it is: their lengths are multiples of four.
        for (; i < length; i++)
        {
            bytes[(int)i] ^= (byte)key;
            key = BitOperations.RotateRight(key, 8);
        }

        return key;
    }
}
