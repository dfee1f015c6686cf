using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Appliance.Protocols;

/// <summary>The halves of sixteen bytes, and tables of sixteen that they are looked up in: what bytes are, found without a branch.</summary>
internal static class HalfBytes
{
    /// <summary>
    /// Whether one instruction looks up here: on any ARM64, and on x86-64 with SSSE3, which processors before 2006 (Intel) or 2011 (AMD) lack.
    /// </summary>
    public static bool IsSupported => Ssse3.IsSupported || AdvSimd.Arm64.IsSupported;

    /// <summary>The upper half of each byte, 0 to 15.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> High(Vector128<byte> bytes) => (bytes.AsUInt16() >>> 4).AsByte() & Vector128.Create((byte)0x0F);

    /// <summary>The lower half of each byte, 0 to 15.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Low(Vector128<byte> bytes) => bytes & Vector128.Create((byte)0x0F);

    /// <summary>What a table of sixteen has for each half. Only where <see cref="IsSupported"/>, which a caller asks once for a whole text.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Find(Vector128<byte> table, Vector128<byte> halves) =>
        Sse2.IsSupported ? Ssse3.Shuffle(table, halves) : AdvSimd.Arm64.VectorTableLookup(table, halves);
}
