using System.Buffers;
using System.Buffers.Text;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Appliance.Protocols.Json;

namespace Appliance.Chat;

/// <summary>A message as it was encoded.</summary>
/// <param name="Length">Its bytes.</param>
/// <param name="IdOffset">Where in it the digits of the id begin: zeros, until the id is known.</param>
public readonly record struct EncodedMessage(int Length, int IdOffset);

/// <summary>
/// Writes the server's messages, as JSON in UTF-8. A message for a room's log ends in
/// <c>,"id":"0000000000000000","time":1700000000000}</c>; the offset of the id is returned with it, because the number of digits of a
/// time depends on the host's clock.
/// </summary>
public static class ChatEncoder
{
    /// <summary>Digits of an id.</summary>
    public const int IdDigits = 16;

    /// <summary>More than all parts of a message that are not name, message or text of ours.</summary>
    public const int FixedBytesMax = 192;

    /// <summary>The answer to a heartbeat.</summary>
    public static ReadOnlySpan<byte> Pong => "{\"type\":\"pong\"}"u8;

    /// <summary>A message of a person.</summary>
    /// <param name="destination">Takes it.</param>
    /// <param name="input">The message and its sender.</param>
    /// <param name="unixMs">Milliseconds since 1970.</param>
    /// <param name="fromServer">Whether an operator says it, by the server: then that is marked, which no client can do.</param>
    public static EncodedMessage WriteUserMessage(Span<byte> destination, in ChatInput input, long unixMs, bool fromServer = false)
    {
        var rest = destination;
        Write(ref rest, "{\"type\":\"usermsg\",\"name\":\""u8);
        WriteEscaped(ref rest, input.Name);
        Write(ref rest, "\",\"message\":\""u8);
        WriteEscaped(ref rest, input.Message);
        Write(ref rest, "\",\"color\":\""u8);
        Write(ref rest, input.Color);
        Write(ref rest, "\""u8);
        if (!input.User.IsEmpty)
        {
            Write(ref rest, ",\"user\":\""u8);
            WriteEscaped(ref rest, input.User);
            Write(ref rest, "\""u8);
        }

        if (fromServer)
        {
            Write(ref rest, ",\"from\":\"server\""u8);
        }

        return WriteIdAndTime(destination, rest, unixMs);
    }

    /// <summary>An announcement of the server.</summary>
    public static EncodedMessage WriteSystemMessage(Span<byte> destination, ReadOnlySpan<byte> text, long unixMs)
    {
        var rest = destination;
        Write(ref rest, "{\"type\":\"system\",\"message\":\""u8);
        WriteEscaped(ref rest, text);
        Write(ref rest, "\""u8);
        return WriteIdAndTime(destination, rest, unixMs);
    }

    /// <summary>Tells a room that the message of an id was deleted.</summary>
    public static EncodedMessage WriteDelete(Span<byte> destination, long id, long unixMs)
    {
        var rest = destination;
        Write(ref rest, "{\"type\":\"delete\",\"deleted\":\""u8);
        _ = Utf8Formatter.TryFormat(id, rest, out int digits, new StandardFormat('D', IdDigits));
        rest = rest[digits..];
        Write(ref rest, "\""u8);
        return WriteIdAndTime(destination, rest, unixMs);
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

    /// <summary>Tells one client that a token of its is taken, and when that ends, in seconds since 1970; 0 for never. Returns its length.</summary>
    public static int WriteToken(Span<byte> destination, ReadOnlySpan<byte> user, long expiresSeconds)
    {
        var rest = destination;
        Write(ref rest, "{\"type\":\"token\",\"user\":\""u8);
        WriteEscaped(ref rest, user);
        Write(ref rest, "\""u8);
        if (expiresSeconds > 0)
        {
            Write(ref rest, ",\"expires\":"u8);
            _ = Utf8Formatter.TryFormat(expiresSeconds, rest, out int digits);
            rest = rest[digits..];
        }

        Write(ref rest, "}"u8);
        return destination.Length - rest.Length;
    }

    /// <summary>Tells a client that what it asked for as a moderator is done, and how many clients that has closed. Returns its length.</summary>
    public static int WriteModerated(Span<byte> destination, ReadOnlySpan<byte> action, int clients)
    {
        var rest = destination;
        Write(ref rest, "{\"type\":\"moderated\",\"action\":\""u8);
        Write(ref rest, action);
        Write(ref rest, "\",\"clients\":"u8);
        _ = Utf8Formatter.TryFormat(clients, rest, out int digits);
        rest = rest[digits..];
        Write(ref rest, "}"u8);
        return destination.Length - rest.Length;
    }

    /// <summary>
    /// Tells one client that messages are missing here. What follows has ids above <paramref name="id"/>, whatever ids the client knows: it may
    /// have some from before the room's memory was lost, and from a clock that was ahead. Returns its length.
    /// </summary>
    public static int WriteGap(Span<byte> destination, ReadOnlySpan<byte> text, long id)
    {
        var rest = destination;
        Write(ref rest, "{\"type\":\"gap\",\"message\":\""u8);
        WriteEscaped(ref rest, text);
        Write(ref rest, "\",\"id\":\""u8);
        _ = Utf8Formatter.TryFormat(id, rest, out int digits, new StandardFormat('D', IdDigits));
        rest = rest[digits..];
        Write(ref rest, "\"}"u8);
        return destination.Length - rest.Length;
    }

    /// <summary>Ends a message, of which <paramref name="rest"/> is what is left of the memory.</summary>
    private static EncodedMessage WriteIdAndTime(Span<byte> destination, Span<byte> rest, long unixMs)
    {
        Write(ref rest, ",\"id\":\""u8);
        int idOffset = destination.Length - rest.Length;
        Write(ref rest, "0000000000000000\",\"time\":"u8);
        _ = Utf8Formatter.TryFormat(unixMs, rest, out int digits);
        rest = rest[digits..];
        Write(ref rest, "}"u8);
        return new EncodedMessage(destination.Length - rest.Length, idOffset);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Write(ref Span<byte> rest, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(rest);
        rest = rest[bytes.Length..];
    }

    private static void WriteEscaped(ref Span<byte> rest, ReadOnlySpan<byte> text)
    {
        var to = rest;
        int written = 0;
        for (int at = 0; at < text.Length;)
        {
            int plain = CopyPlain(text[at..], to[written..]);
            at += plain;
            written += plain;

            // Behind an escape the next one is near.
            for (plain = 0; at < text.Length && plain < JsonEscapes.ShortRunBytes; at++)
            {
                byte value = text[at];
                byte escape = JsonEscapes.Written[value];
                if (escape == 0)
                {
                    to[written++] = value;
                    plain++;
                    continue;
                }

                plain = 0;
                to[written] = (byte)'\\';
                to[written + 1] = escape;
                written += 2;
                if (escape == JsonEscapes.Unicode)
                {
                    to[written] = to[written + 1] = (byte)'0';
                    to[written + 2] = HexDigit(value >> 4);
                    to[written + 3] = HexDigit(value & 0xF);
                    written += 4;
                }
            }
        }

        rest = rest[written..];
    }

    /// <summary>Copies sixteen bytes at a time until one of them must be escaped, and returns how many bytes before that one; of a shorter text none.</summary>
    private static int CopyPlain(ReadOnlySpan<byte> text, Span<byte> to)
    {
        int at = 0;

        // The last block overlaps the one before it.
        int last = text.Length - Vector128<byte>.Count;
        for (; at <= last; at = at < last ? Math.Min(at + Vector128<byte>.Count, last) : text.Length)
        {
            var block = Vector128.Create(text.Slice(at, Vector128<byte>.Count));
            block.CopyTo(to[at..]);
            uint escaped = (JsonEscapes.Special(block) | Vector128.Equals(block, Vector128.Create((byte)0x7F))).ExtractMostSignificantBits();
            if (escaped != 0)
            {
                return at + BitOperations.TrailingZeroCount(escaped);
            }
        }

        return at;
    }

    private static byte HexDigit(int value) => (byte)(value < 10 ? '0' + value : 'a' + value - 10);
}
