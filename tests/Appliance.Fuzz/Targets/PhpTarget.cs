using System.Text.Json;
using Appliance.Fuzz.Driver;
using Appliance.Php;
using static Appliance.Fuzz.Driver.FuzzException;

namespace Appliance.Fuzz.Targets;

/// <summary>Values of PHP: what is read can be written, shown in every way, and read again.</summary>
internal sealed class PhpTarget : IFuzzTarget
{
    private const int ShownMax = 80;

    public static readonly string[] FormatWords =
    [
        "N;", "b:1;", "b:0;", "i:0;", "i:-9223372036854775808;", "d:0.5;", "d:INF;", "d:-INF;", "d:NAN;", "d:1.0E+25;", "d:-0;",
        "s:0:\"\";", "s:5:\"hello\";", "S:1:\"\\41\";",
        "a:0:{}", "a:1:{i:0;s:1:\"a\";}", "a:2:{i:0;i:1;s:1:\"k\";N;}", "O:3:\"Foo\":1:{s:1:\"a\";i:1;}", "O:8:\"stdClass\":0:{}",
        "s:4:\"\0*\0a\";", "C:3:\"Foo\":2:{ab}", "E:11:\"Suit:Hearts\";",
        "r:1;", "R:1;", "\xC3\xA4", "\xFF", "{", "}", "\"", ":", ";", "-", "+", ".", "E",
    ];

    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 2000 };

    public static FuzzTarget Row { get; } = new(
        "php",
        "PHP's values: read, written and read again the same; shown as text and as JSON",
        () => new PhpTarget())
    {
        Words = FormatWords,
    };

    public void Run(ReadOnlySpan<byte> input)
    {
        bool read = PhpSerialization.TryRead(input.ToArray(), out var value, out string reason);
        Require(read == (reason.Length == 0), "what is refused has a reason, and nothing else");
        if (!read)
        {
            return;
        }

        byte[] written = PhpSerialization.Write(value!);
        Require(PhpSerialization.TryRead(written, out var again, out string why), $"what is written can be read: {why}");
        Require(PhpSerialization.Write(again!).AsSpan().SequenceEqual(written), "and is the same");
        using var json = JsonDocument.Parse(PhpJson.Show(value!), Options);
        _ = PhpText.TypeOf(value!);
        string text = PhpText.Show(value!);
        string beginning = PhpText.ShowBeginning(value!, ShownMax);
        Require(!text.Any(char.IsControl), "text has no control characters");
        Require(beginning.Length <= ShownMax + 3, "a beginning is short");
        Require(
            text.StartsWith(beginning.EndsWith("...", StringComparison.Ordinal) ? beginning[..^3] : beginning, StringComparison.Ordinal),
            "a beginning is one");
    }

    public void Dispose()
    {
    }
}
