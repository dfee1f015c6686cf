using System.Buffers;
using System.Text;
using Appliance.Fuzz.Driver;
using Appliance.Protocols.WebSocket;
using static Appliance.Fuzz.Driver.FuzzException;

namespace Appliance.Fuzz.Targets;

/// <summary>UTF-8 that comes in pieces, beside the runtime's own check; the first byte says how long pieces are.</summary>
internal sealed class Utf8Target : IFuzzTarget
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static FuzzTarget Row { get; } = new(
        "utf8",
        "UTF-8 in pieces: the runtime's verdict, at the first byte that is wrong",
        () => new Utf8Target())
    {
        BytesMax = 512,
        Words =
        [
            "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xC0\x80", "\xE0\x80\x80",
            "\xEF\xBF\xBF", "aaaaaaaaaaaaaaaa",
        ],
    };

    public void Run(ReadOnlySpan<byte> input)
    {
        var bytes = new InputBytes(input);
        int piece = bytes.Byte() + 1;
        var text = bytes.Rest;
        bool isValid = IsValid(text);
        int wrongAt = FirstWrong(text);
        Require(
            isValid == (wrongAt == text.Length && Append(text, text.Length + 1) == (true, true)),
            "whole text is checked as the runtime does");
        var (accepted, complete) = Append(text, piece);
        Require(accepted == (wrongAt == text.Length), "pieces are checked as the whole is");
        Require(!accepted || complete == isValid, "what is missing at the end is known");
        for (int end = 1; end <= text.Length; end++)
        {
            if (Append(text[..end], 1).Accepted != end <= wrongAt)
            {
                throw new FuzzException("byte by byte, the first one that is wrong is refused");
            }
        }
    }

    public void Dispose()
    {
    }

    private static (bool Accepted, bool Complete) Append(ReadOnlySpan<byte> text, int piece)
    {
        var validator = default(Utf8Validator);
        Span<byte> state = stackalloc byte[3];
        for (int at = 0; at < text.Length; at += piece)
        {
            if (!validator.Append(text[at..Math.Min(text.Length, at + piece)]))
            {
                return (false, false);
            }

            validator.Save(state);
            validator = Utf8Validator.Restore(state);
        }

        return (true, validator.IsComplete);
    }

    private static bool IsValid(ReadOnlySpan<byte> text)
    {
        try
        {
            _ = Strict.GetCharCount(text);
            return true;
        }
        catch (DecoderFallbackException)
        {
            return false;
        }
    }

    /// <summary>How many bytes may begin a valid text.</summary>
    private static int FirstWrong(ReadOnlySpan<byte> text)
    {
        int at = 0;
        while (at < text.Length)
        {
            var status = Rune.DecodeFromUtf8(text[at..], out _, out int used);
            if (status == OperationStatus.NeedMoreData)
            {
                return text.Length;
            }

            if (status != OperationStatus.Done)
            {
                // Of a character that is wrong the runtime counts the bytes that could have begun one.
                return at + (CanBegin(text[at]) ? used : 0);
            }

            at += used;
        }

        return text.Length;
    }

    private static bool CanBegin(byte value) => value is >= 0xC2 and <= 0xF4;
}
