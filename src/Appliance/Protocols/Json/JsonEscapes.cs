using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Appliance.Protocols.Json;

/// <summary>
/// What escapes of JSON mean (RFC 8259, 7), and how they are written: tables of a byte each. They stand by themselves because so the
/// compiler lays them out, and nothing asks at each access whether they are there.
/// </summary>
internal static class JsonEscapes
{
    /// <summary>Stands for <c>\uXXXX</c>; the letter itself, which no other escape means.</summary>
    public const byte Unicode = (byte)'u';

    /// <summary>What a byte is worth that is no digit: more than any digit, however often it is shifted.</summary>
    public const byte NoDigit = 0xF0;

    /// <summary>Behind an escape the next one is near: so many bytes are looked at one by one before a vectorised search is worth its start.</summary>
    public const int ShortRunBytes = 16;

    /// <summary>What a letter behind a backslash means: a byte, <see cref="Unicode"/> for <c>\uXXXX</c>, 0 for nothing.</summary>
    public static readonly byte[] Meanings = MakeTable("\"\\/bfnrtu"u8, "\"\\/\b\f\n\r\tu"u8, other: 0);

    /// <summary>What a hexadecimal digit is worth; <see cref="NoDigit"/> for any other byte.</summary>
    public static readonly byte[] Digits = MakeTable(
        "0123456789abcdefABCDEF"u8, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 10, 11, 12, 13, 14, 15], NoDigit);

    /// <summary>What stands behind the backslash for a byte that must be escaped; 0 for one that need not be.</summary>
    public static readonly byte[] Written = MakeWritten();

    /// <summary>Which of sixteen bytes a string cannot hold as they are: control characters, quotation marks and backslashes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Special(Vector128<byte> block) =>
        Vector128.LessThan(block, Vector128.Create((byte)' '))
        | Vector128.Equals(block, Vector128.Create((byte)'"')) | Vector128.Equals(block, Vector128.Create((byte)'\\'));

    private static byte[] MakeTable(ReadOnlySpan<byte> keys, ReadOnlySpan<byte> values, byte other)
    {
        byte[] table = new byte[256];
        for (int i = 0; i < table.Length; i++)
        {
            table[i] = other;
        }

        for (int i = 0; i < keys.Length; i++)
        {
            table[keys[i]] = values[i];
        }

        return table;
    }

    private static byte[] MakeWritten()
    {
        byte[] written = MakeTable("\"\\\n\r\t\x7F"u8, "\"\\nrtu"u8, other: 0);
        for (int control = 0; control < 0x20; control++)
        {
            written[control] = written[control] == 0 ? Unicode : written[control];
        }

        return written;
    }
}
