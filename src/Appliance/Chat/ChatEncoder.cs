using System.Buffers;
using System.Buffers.Text;

namespace Appliance.Chat;

/// <summary>
/// Writes what the server says, as JSON in UTF-8. What goes into a room's log ends in
/// <c>,"id":"0000000000000000","time":1700000000000}</c>, so that the id has a fixed place counted from the end and can be put in
/// when it is known.
/// </summary>
public static class ChatEncoder
{
    /// <summary>Digits of an id.</summary>
    public const int IdDigits = 16;

    /// <summary>Where the id begins, counted from the end of a message.</summary>
    public const int IdFromEnd = IdDigits + 9 + TimeDigits + 1;

    /// <summary>More than all parts of a message that are not name, message or text of ours.</summary>
    public const int FixedBytesMax = 192;

    /// <summary>Milliseconds since 1970 have 13 digits until the year 2286.</summary>
    private const int TimeDigits = 13;

    private static readonly SearchValues<byte> Escaped = SearchValues.Create(
        [.. Enumerable.Range(0, 0x20).Select(control => (byte)control), (byte)'"', (byte)'\\', 0x7F]);

    /// <summary>A message of a person. Returns its length.</summary>
    public static int WriteUserMessage(Span<byte> destination, in ChatInput input, long unixMs)
    {
        var rest = destination;
        Write(ref rest, "{\"type\":\"usermsg\",\"name\":\""u8);
        WriteEscaped(ref rest, input.Name);
        Write(ref rest, "\",\"message\":\""u8);
        WriteEscaped(ref rest, input.Message);
        Write(ref rest, "\",\"color\":\""u8);
        Write(ref rest, input.Color);
        Write(ref rest, "\""u8);
        WriteIdAndTime(ref rest, unixMs);
        return destination.Length - rest.Length;
    }

    /// <summary>An announcement of the server. Returns its length.</summary>
    public static int WriteSystemMessage(Span<byte> destination, ReadOnlySpan<byte> text, long unixMs)
    {
        var rest = destination;
        Write(ref rest, "{\"type\":\"system\",\"message\":\""u8);
        WriteEscaped(ref rest, text);
        Write(ref rest, "\""u8);
        WriteIdAndTime(ref rest, unixMs);
        return destination.Length - rest.Length;
    }

    /// <summary>Tells one client why its message was not passed on. Returns its length.</summary>
    public static int WriteError(Span<byte> destination, ReadOnlySpan<byte> code, ReadOnlySpan<byte> text)
    {
        var rest = destination;
        Write(ref rest, "{\"type\":\"error\",\"code\":\""u8);
        Write(ref rest, code);
        Write(ref rest, "\",\"message\":\""u8);
        WriteEscaped(ref rest, text);
        Write(ref rest, "\"}"u8);
        return destination.Length - rest.Length;
    }

    /// <summary>Tells one client that messages are missing here. Returns its length.</summary>
    public static int WriteGap(Span<byte> destination, ReadOnlySpan<byte> text)
    {
        var rest = destination;
        Write(ref rest, "{\"type\":\"gap\",\"message\":\""u8);
        WriteEscaped(ref rest, text);
        Write(ref rest, "\"}"u8);
        return destination.Length - rest.Length;
    }

    private static void WriteIdAndTime(ref Span<byte> rest, long unixMs)
    {
        Write(ref rest, ",\"id\":\"0000000000000000\",\"time\":"u8);
        _ = Utf8Formatter.TryFormat(unixMs, rest, out int digits);
        rest = rest[digits..];
        Write(ref rest, "}"u8);
    }

    private static void Write(ref Span<byte> rest, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(rest);
        rest = rest[bytes.Length..];
    }

    private static void WriteEscaped(ref Span<byte> rest, ReadOnlySpan<byte> text)
    {
        int next;
        while ((next = text.IndexOfAny(Escaped)) >= 0)
        {
            Write(ref rest, text[..next]);
            text = text[next..];

            // Behind an escape the next one is near.
            int at = 0;
            int written = 0;
            for (int plain = 0; at < text.Length && plain < JsonEscapes.ShortRunBytes; at++)
            {
                byte value = text[at];
                byte escape = JsonEscapes.Written[value];
                if (escape == 0)
                {
                    rest[written++] = value;
                    plain++;
                    continue;
                }

                plain = 0;
                rest[written] = (byte)'\\';
                rest[written + 1] = escape;
                written += 2;
                if (escape == JsonEscapes.Unicode)
                {
                    rest[written] = rest[written + 1] = (byte)'0';
                    rest[written + 2] = HexDigit(value >> 4);
                    rest[written + 3] = HexDigit(value & 0xF);
                    written += 4;
                }
            }

            rest = rest[written..];
            text = text[at..];
        }

        Write(ref rest, text);
    }

    private static byte HexDigit(int value) => (byte)(value < 10 ? '0' + value : 'a' + value - 10);
}
