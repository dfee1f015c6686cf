using System.Buffers;
using System.Buffers.Text;
using System.Diagnostics;
using Appliance.Protocols.WebSocket;

namespace Appliance.Bench.Load;

/// <summary>
/// The chat message that a publisher sends, the same for every server. Its text has fixed places:
/// <c>PPPP SSSSSSSSSS TTTTTTTTTTTTTTTT</c>, the publisher, its sequence number from 1 on, and when it was sent, in microseconds.
/// </summary>
/// <param name="Publisher">Number of the publisher, from 0.</param>
/// <param name="Sequence">Number of the message, from 1.</param>
/// <param name="SentUs">When it was sent, as <see cref="NowUs"/>.</param>
public readonly record struct BenchMessage(int Publisher, long Sequence, long SentUs)
{
    /// <summary>Length of a client's whole frame.</summary>
    public static readonly int FrameBytes = HeaderBytes + Json.Length;

    private const int HeaderBytes = 6;
    private const int PublisherDigits = 4;
    private const int SequenceDigits = 10;
    private const int TimeDigits = 16;
    private const int SequenceOffset = PublisherDigits + 1;
    private const int TimeOffset = SequenceOffset + SequenceDigits + 1;
    private const int TextBytes = TimeOffset + TimeDigits;

    private static ReadOnlySpan<byte> Tag => "\"message\":\""u8;

    private static ReadOnlySpan<byte> Json =>
        "{\"message\":\"0000 0000000000 0000000000000000\",\"name\":\"bench\",\"color\":\"#007AFF\"}"u8;

    /// <summary>Microseconds of a clock that only grows.</summary>
    public static long NowUs => Stopwatch.GetTimestamp() / (Stopwatch.Frequency / 1_000_000);

    /// <summary>Writes the message as a client's frame, masked with a key.</summary>
    public void WriteFrame(Span<byte> frame, uint key)
    {
        frame[0] = 0x81;
        frame[1] = (byte)(0x80 | Json.Length);
        _ = BitConverter.TryWriteBytes(frame[2..], key);
        var payload = frame.Slice(HeaderBytes, Json.Length);
        Json.CopyTo(payload);
        var text = payload[(1 + Tag.Length)..];
        _ = Utf8Formatter.TryFormat(Publisher, text, out _, new StandardFormat('D', PublisherDigits));
        _ = Utf8Formatter.TryFormat(Sequence, text[SequenceOffset..], out _, new StandardFormat('D', SequenceDigits));
        _ = Utf8Formatter.TryFormat(SentUs, text[TimeOffset..], out _, new StandardFormat('D', TimeDigits));
        _ = Masking.Apply(payload, key);
    }

    /// <summary>Reads the message out of what a server sent, whatever that has put around it; false when it is not there.</summary>
    public static bool TryRead(ReadOnlySpan<byte> payload, out BenchMessage message)
    {
        message = default;
        int tag = payload.IndexOf(Tag);
        if (tag < 0 || payload.Length < tag + Tag.Length + TextBytes)
        {
            return false;
        }

        var text = payload.Slice(tag + Tag.Length, TextBytes);
        bool read = Utf8Parser.TryParse(text[..PublisherDigits], out int publisher, out _)
            & Utf8Parser.TryParse(text.Slice(SequenceOffset, SequenceDigits), out long sequence, out _)
            & Utf8Parser.TryParse(text[TimeOffset..], out long sentUs, out _);
        message = new BenchMessage(publisher, sequence, sentUs);
        return read;
    }
}
