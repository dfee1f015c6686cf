using System.Text;
using Appliance.Chat;
using BenchmarkDotNet.Attributes;

namespace Appliance.Bench.PublishPath;

/// <summary>What one chat message costs between the network and the room's log: it is parsed, and encoded once for all.</summary>
[MemoryDiagnoser(displayGenColumns: false)]
public class ChatMessageBenchmark
{
    /// <summary>What is measured, for people.</summary>
    public const string What = "parse and encode";

    private const string Worst = "nothing but escapes";
    private const long UnixMs = 1_795_343_688_555;

    private static readonly ChatLimits Limits = new(15, 100);
    private static readonly Dictionary<string, string> Texts = new(StringComparer.Ordinal)
    {
        ["short ASCII"] = """{"message":"hello","name":"ann","color":"#007AFF"}""",
        ["100 characters of ASCII"] = $$"""{"message":"{{new string('x', 100)}}","name":"a name of 15 c.","color":"#007AFF"}""",
        ["escapes"] = """{"message":"she said \"no\",\nand C:\\temp was \u00e4\u00f6\u00fc \ud83d\ude00","name":"a\"b\\c","color":"#007AFF"}""",
        [Worst] = $$"""{"message":"{{string.Concat(Enumerable.Repeat("\\\"", 100))}}","name":"{{string.Concat(Enumerable.Repeat("\\n.", 7))}}","color":"#007AFF"}""",
        ["emoji"] = """{"message":"good morning ☀️ 😀😀😀 happy birthday 🎂🎉 👩‍👩‍👧","name":"zoë 🦊","color":"#f0f"}""",
    };

    private readonly byte[] _scratch = new byte[4096];
    private readonly byte[] _encoded = new byte[4096];
    private byte[] _json = [];

    /// <summary>The messages by name.</summary>
    public static IEnumerable<string> Messages => Texts.Keys;

    /// <summary>Those that people write; the others are the worst that can be sent.</summary>
    public static IEnumerable<string> Usual => Texts.Keys.Where(name => name != Worst);

    /// <summary>Which message.</summary>
    [ParamsSource(nameof(Messages))]
    public string Message { get; set; } = "";

    /// <summary>Makes the message, and makes sure that it is one.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        _json = Encoding.UTF8.GetBytes(Texts[Message]);
        if (ChatInput.Read(_json, _scratch, Limits, out _) != ChatRefusal.None)
        {
            throw new InvalidOperationException($"'{Message}' is refused.");
        }
    }

    /// <summary>As a room does it with what a client has sent.</summary>
    [Benchmark(Description = What)]
    public int ParseAndEncode()
    {
        _ = ChatInput.Read(_json, _scratch, Limits, out var input);
        return ChatEncoder.WriteUserMessage(_encoded, input, UnixMs);
    }
}
