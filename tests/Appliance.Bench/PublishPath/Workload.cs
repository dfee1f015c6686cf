using System.Text;
using Appliance.Chat;
using Appliance.Protocols.WebSocket;

namespace Appliance.Bench.PublishPath;

/// <summary>A step on a message's way through a worker.</summary>
/// <param name="Name">Which step with what, for people.</param>
/// <param name="IsPromised">Whether there is a bar for it.</param>
/// <param name="Once">Takes it once.</param>
public sealed record Workload(string Name, bool IsPromised, Func<int> Once)
{
    private const int PayloadBytes = 1024;
    private const int BufferBytes = 4096;
    private const uint Key = 0x9E3779B9;
    private const long UnixMs = 1_795_343_688_555;

    private static readonly ChatLimits Limits = new(15, 100);

    /// <summary>All of them.</summary>
    public static IReadOnlyList<Workload> All { get; } =
    [
        Chat("short ASCII", """{"message":"hello","name":"ann","color":"#007AFF"}"""),
        Chat("100 characters of ASCII", $$"""{"message":"{{new string('x', 100)}}","name":"a name of 15 c.","color":"#007AFF"}"""),
        Chat("escapes", """{"message":"she said \"no\",\nand C:\\temp was \u00e4\u00f6\u00fc \ud83d\ude00","name":"a\"b\\c","color":"#007AFF"}"""),
        Chat("emoji", """{"message":"good morning ☀️ 😀😀😀 happy birthday 🎂🎉 👩‍👩‍👧","name":"zoë 🦊","color":"#f0f"}"""),
        Chat("nothing but escapes", $$"""{"message":"{{Repeat("\\\"", 100)}}","name":"{{Repeat("\\\".", 7)}}","color":"#007AFF"}""")
            with { IsPromised = false },
        Check("ASCII", "a chat message, "),
        Check("Cyrillic", "я"),
        Check("emoji", "😀"),
        Unmask(),
    ];

    /// <summary>Parses a chat message and encodes it, as a room does it with what a client has sent.</summary>
    private static Workload Chat(string which, string text)
    {
        byte[] json = Encoding.UTF8.GetBytes(text);
        byte[] scratch = new byte[BufferBytes];
        byte[] encoded = new byte[BufferBytes];
        return new Workload($"parse and encode, {which}", IsPromised: true, () =>
            ChatInput.Read(json, scratch, Limits, out var input) == ChatRefusal.None
                ? ChatEncoder.WriteUserMessage(encoded, input, UnixMs).Length
                : throw new InvalidOperationException($"'{which}' is refused."));
    }

    /// <summary>Checks UTF-8, as the reader of messages does it.</summary>
    private static Workload Check(string which, string text)
    {
        byte[] payload = Fill(text);
        return new Workload($"check 1 KiB of UTF-8, {which}", IsPromised: false, () =>
        {
            var validator = default(Utf8Validator);
            return validator.Append(payload) && validator.IsComplete ? payload.Length : throw new InvalidOperationException($"'{which}' is not valid.");
        });
    }

    /// <summary>Unmasks in place, as the reader of messages does it.</summary>
    private static Workload Unmask()
    {
        byte[] payload = Fill("a chat message, ");
        return new Workload("unmask 1 KiB", IsPromised: false, () => (int)Masking.Apply(payload, Key));
    }

    private static byte[] Fill(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        return [.. Enumerable.Range(0, PayloadBytes).Select(i => bytes[i % bytes.Length])];
    }

    private static string Repeat(string text, int times) => string.Concat(Enumerable.Repeat(text, times));
}
