using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using System.Text.Unicode;

namespace Appliance.Protocols.WebSocket;

/// <summary>
/// Checks whole UTF-8 sixteen bytes at a time, whatever script it is in; the runtime's own check does that for ASCII alone. Each pair of
/// neighbouring bytes is looked up by three of its half bytes in tables of what is wrong with it, and what all three agree on is wrong
/// (Keiser and Lemire, "Validating UTF-8 in less than one instruction per byte", 2020).
/// </summary>
internal static class Utf8Blocks
{
    /// <summary>A lead byte without the byte that it needs.</summary>
    private const byte TooShort = 1 << 0;

    /// <summary>A continuation behind ASCII.</summary>
    private const byte TooLong = 1 << 1;

    /// <summary>E0 80 to E0 9F: a character of three bytes that needs two.</summary>
    private const byte Overlong3 = 1 << 2;

    /// <summary>F4 90 and up: above U+10FFFF.</summary>
    private const byte TooLarge = 1 << 3;

    /// <summary>ED A0 to ED BF.</summary>
    private const byte Surrogate = 1 << 4;

    /// <summary>C0 and C1: a character of two bytes that needs one.</summary>
    private const byte Overlong2 = 1 << 5;

    /// <summary>F0 80 to F0 8F, a character of four bytes that needs three; or F5 80 and up, above U+10FFFF.</summary>
    private const byte Overlong4 = 1 << 6;

    /// <summary>Two continuations: wrong unless the second is a third or fourth byte, which is looked at apart.</summary>
    private const byte Continuations = 1 << 7;

    /// <summary>What the lower half of the first byte says nothing about.</summary>
    private const byte Any = TooShort | TooLong | Continuations;

    private const byte Lead3 = 0xE0;
    private const byte Lead4 = 0xF0;

    private static Vector128<byte> ByFirstHigh
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector128.Create(
            TooLong, TooLong, TooLong, TooLong, TooLong, TooLong, TooLong, TooLong,
            Continuations, Continuations, Continuations, Continuations,
            TooShort | Overlong2, TooShort, TooShort | Overlong3 | Surrogate, TooShort | TooLarge | Overlong4);
    }

    private static Vector128<byte> ByFirstLow
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector128.Create(
            Any | Overlong2 | Overlong3 | Overlong4, Any | Overlong2, Any, Any, Any | TooLarge,
            Any | TooLarge | Overlong4, Any | TooLarge | Overlong4, Any | TooLarge | Overlong4, Any | TooLarge | Overlong4,
            Any | TooLarge | Overlong4, Any | TooLarge | Overlong4, Any | TooLarge | Overlong4, Any | TooLarge | Overlong4,
            Any | TooLarge | Overlong4 | Surrogate, Any | TooLarge | Overlong4, Any | TooLarge | Overlong4);
    }

    private static Vector128<byte> BySecondHigh
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector128.Create(
            TooShort, TooShort, TooShort, TooShort, TooShort, TooShort, TooShort, TooShort,
            TooLong | Continuations | Overlong2 | Overlong3 | Overlong4, TooLong | Continuations | Overlong2 | Overlong3 | TooLarge,
            TooLong | Continuations | Overlong2 | Surrogate | TooLarge, TooLong | Continuations | Overlong2 | Surrogate | TooLarge,
            TooShort, TooShort, TooShort, TooShort);
    }

    /// <summary>Whether a text that ends with a whole character, or with something impossible, is valid.</summary>
    public static bool IsValid(ReadOnlySpan<byte> text)
    {
        int first = text.IndexOfAnyExceptInRange((byte)0, (byte)0x7F);
        if (first < 0)
        {
            return true;
        }

        var rest = text[first..];
        return HalfBytes.IsSupported && rest.Length >= Vector128<byte>.Count ? IsValidInBlocks(rest) : Utf8.IsValid(rest);
    }

    private static bool IsValidInBlocks(ReadOnlySpan<byte> text)
    {
        ref byte start = ref MemoryMarshal.GetReference(text);
        var wrong = Vector128<byte>.Zero;
        var before = Vector128<byte>.Zero;
        int i = 0;
        for (; i <= text.Length - Vector128<byte>.Count; i += Vector128<byte>.Count)
        {
            var block = Vector128.LoadUnsafe(ref start, (nuint)i);
            wrong |= Check(before, block);
            before = block;
        }

        // What is left counts as followed by zeros, which is right for a whole character and wrong for a part of one.
        Span<byte> end = stackalloc byte[Vector128<byte>.Count];
        end.Clear();
        text[i..].CopyTo(end);
        wrong |= Check(before, Vector128.Create<byte>(end));
        return wrong == Vector128<byte>.Zero;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Check(Vector128<byte> before, Vector128<byte> block)
    {
        var one = From(15, before, block);
        var wrong = HalfBytes.Find(ByFirstHigh, HalfBytes.High(one)) & HalfBytes.Find(ByFirstLow, HalfBytes.Low(one))
            & HalfBytes.Find(BySecondHigh, HalfBytes.High(block));

        // Behind the lead of three or four bytes two continuations are what must be: what is left of such a lead has the highest bit.
        var continued = Above(From(14, before, block), Vector128.Create((byte)(Lead3 - Continuations)))
            | Above(From(13, before, block), Vector128.Create((byte)(Lead4 - Continuations)));
        return wrong ^ (continued & Vector128.Create(Continuations));
    }

    /// <summary>By how much bytes are above a value.</summary>
    private static Vector128<byte> Above(Vector128<byte> bytes, Vector128<byte> value) =>
        Sse2.IsSupported ? Sse2.SubtractSaturate(bytes, value) : AdvSimd.SubtractSaturate(bytes, value);

    /// <summary>The sixteen bytes from an offset on of two blocks: 15 gives for each byte the one before it, 13 the third one before it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> From([ConstantExpected(Max = (byte)15)] byte offset, Vector128<byte> before, Vector128<byte> block) =>
        Sse2.IsSupported ? Ssse3.AlignRight(block, before, offset) : AdvSimd.ExtractVector128(before, block, offset);
}
