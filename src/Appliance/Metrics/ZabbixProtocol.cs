using System.Buffers.Binary;
using System.Text;

namespace Appliance.Metrics;

/// <summary>What looking for a question of the Zabbix protocol found.</summary>
public enum ZabbixReadStatus
{
    /// <summary>A whole key.</summary>
    Complete,

    /// <summary>The beginning of one; more bytes must come.</summary>
    Incomplete,

    /// <summary>Too long, or a header that means something else.</summary>
    Malformed,

    /// <summary>Not this protocol.</summary>
    Other,
}

/// <summary>
/// The protocol of a passive Zabbix agent. A question is a key and a line break, or the same behind a header: <c>ZBXD</c>, a byte of
/// flags (1), the length of the data in four bytes, four reserved ones, little-endian. An answer always has the header.
/// </summary>
public static class ZabbixProtocol
{
    /// <summary>Longest key with its line break; the longest of ours has 40 bytes.</summary>
    public const int KeyBytesMax = 2048;

    private const int HeaderBytes = 13;
    private const int FlagsOffset = 4;
    private const int LengthOffset = 5;
    private const byte Flags = 1;

    private static ReadOnlySpan<byte> Magic => "ZBXD"u8;

    /// <summary>Looks for a key at the start of some bytes; a plain one begins with a small letter, which no method of HTTP does.</summary>
    public static ZabbixReadStatus Read(ReadOnlySpan<byte> bytes, out string key)
    {
        key = "";
        if (bytes.Length > 0 && char.IsAsciiLetterLower((char)bytes[0]))
        {
            int end = bytes.IndexOf((byte)'\n');
            key = end >= 0 ? KeyOf(bytes[..end]) : "";
            return end < 0 && bytes.Length < KeyBytesMax ? ZabbixReadStatus.Incomplete
                : end is >= 0 and < KeyBytesMax ? ZabbixReadStatus.Complete
                : ZabbixReadStatus.Malformed;
        }

        if (!Magic[..Math.Min(bytes.Length, Magic.Length)].SequenceEqual(bytes[..Math.Min(bytes.Length, Magic.Length)]))
        {
            return ZabbixReadStatus.Other;
        }

        if (bytes.Length > FlagsOffset && bytes[FlagsOffset] != Flags)
        {
            return ZabbixReadStatus.Malformed;
        }

        if (bytes.Length < HeaderBytes)
        {
            return ZabbixReadStatus.Incomplete;
        }

        uint length = BinaryPrimitives.ReadUInt32LittleEndian(bytes[LengthOffset..]);
        if (length > KeyBytesMax)
        {
            return ZabbixReadStatus.Malformed;
        }

        bool isWhole = bytes.Length - HeaderBytes >= length;
        key = isWhole ? KeyOf(bytes.Slice(HeaderBytes, (int)length)) : "";
        return isWhole ? ZabbixReadStatus.Complete : ZabbixReadStatus.Incomplete;
    }

    /// <summary>The answer for an item, or <c>ZBX_NOTSUPPORTED</c>, a NUL and the reason.</summary>
    public static byte[] Answer(bool isSupported, string value)
    {
        byte[] data = Encoding.UTF8.GetBytes(isSupported ? value : $"ZBX_NOTSUPPORTED\0{value}");
        byte[] answer = new byte[HeaderBytes + data.Length];
        Magic.CopyTo(answer);
        answer[FlagsOffset] = Flags;
        BinaryPrimitives.WriteUInt32LittleEndian(answer.AsSpan(LengthOffset), (uint)data.Length);
        data.CopyTo(answer, HeaderBytes);
        return answer;
    }

    private static string KeyOf(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes).Trim();
}
