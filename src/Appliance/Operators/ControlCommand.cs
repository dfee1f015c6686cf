using System.Globalization;
using System.Text;
using System.Text.Unicode;
using Appliance.Loop;
using Appliance.Php;
using Appliance.Protocols;

namespace Appliance.Operators;

/// <summary>
/// A message of the queue, read: <c>WORD ARGUMENTS</c>, or <c>ask TYPE WORD ARGUMENTS</c> to get an answer of that message type;
/// between them may stand <c>proof NAME</c>; or a JSON chat message. As text, or as PHP's serialize() writes a string.
/// </summary>
public sealed record ControlCommand
{
    /// <summary>The longest command: what goes to a worker in one piece.</summary>
    public const int BytesMax = 24 << 10;

    /// <summary>What stands for the word of a JSON object.</summary>
    public const string JsonWord = "{";

    private const string Ask = "ask";
    private const string ProofWord = "proof";

    /// <summary>The first word, in small letters.</summary>
    public required string Word { get; init; }

    /// <summary>What stands behind it.</summary>
    public required string Arguments { get; init; }

    /// <summary>Both, without the question around them.</summary>
    public required string Text { get; init; }

    /// <summary>Message type of the answer; 0 when nobody asked for one.</summary>
    public long Asker { get; init; }

    /// <summary>The client of a worker that asked, and its worker's reference to it; null for others.</summary>
    public (WorkerNumber Worker, string Reference)? Client { get; init; }

    /// <summary>Name of the file by which the sender shows who it is; empty for none: <see cref="ControlProof"/>.</summary>
    public string Proof { get; init; } = "";

    /// <summary>Whether it came in PHP's format, and the answer goes out in it.</summary>
    public bool IsPhp { get; init; }

    /// <summary>Reads a message; null when it can be none, with the reason.</summary>
    public static ControlCommand? Read(ReadOnlyMemory<byte> message, out string reason)
    {
        reason = "";
        bool isPhp = PhpSerialization.TryRead(message, out var value, out _) && value is PhpString;
        var bytes = isPhp ? ((PhpString)value!).Bytes : message;
        if (bytes.Length > BytesMax)
        {
            reason = string.Create(CultureInfo.InvariantCulture, $"{bytes.Length} bytes are more than the {BytesMax} of the longest command");
            return null;
        }

        if (!Utf8.IsValid(bytes.Span))
        {
            reason = "not UTF-8";
            return null;
        }

        string text = Encoding.UTF8.GetString(bytes.Span).Trim(' ', '\t', '\r', '\n', '\0');
        long asker = 0;
        string proof = "";
        var (word, rest) = CommandText.Split(text);
        if (word == Ask)
        {
            var (type, question) = CommandText.Split(rest);
            if (!long.TryParse(type, NumberStyles.None, CultureInfo.InvariantCulture, out asker) || asker <= ControlQueue.CommandType)
            {
                reason = "behind 'ask' stands the message type of the answer, 2 or more";
                return null;
            }

            text = question;
            (word, rest) = CommandText.Split(text);
            if (word == ProofWord)
            {
                (proof, text) = CommandText.Split(rest);
                (word, rest) = CommandText.Split(text);
            }
        }

        return text.StartsWith('{')
            ? new ControlCommand { Word = JsonWord, Arguments = text, Text = text, Asker = asker, Proof = proof, IsPhp = isPhp }
            : new ControlCommand { Word = word, Arguments = rest, Text = text, Asker = asker, Proof = proof, IsPhp = isPhp };
    }
}
