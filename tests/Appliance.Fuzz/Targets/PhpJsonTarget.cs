using System.Text.Json;
using Appliance.Fuzz.Driver;
using Appliance.Php;
using static Appliance.Fuzz.Driver.FuzzException;

namespace Appliance.Fuzz.Targets;

/// <summary>JSON that becomes a value of PHP: no exception, and the value comes back as the same JSON value.</summary>
internal sealed class PhpJsonTarget : IFuzzTarget
{
    public static FuzzTarget Row { get; } = new(
        "php-json",
        "JSON as a value of PHP: read or refused in words; shown and read again the same",
        () => new PhpJsonTarget())
    {
        Words =
        [
            "{\"a\":1}", "[1,2]", "{\"$base64\":\"/w==\"}", "{\"$float\":\"NAN\"}", "{\"$float\":\"-INF\"}", "{\"$class\":\"Foo\"}",
            "\"7\":", "\"-1\":", "\"\":", "1e400", "-0.0", "1.0",
            "9223372036854775808", "null", "true", "\\ud800", "\\u0000", "\xC3\xA4", "[[[[[[[[", "]]]]]]]]", ",", "\"",
        ],
    };

    public void Run(ReadOnlySpan<byte> input)
    {
        var value = PhpJson.Read(input.ToArray(), out string reason);
        Require((value is null) == (reason.Length > 0), "what is refused has a reason, and nothing else");
        if (value is null)
        {
            return;
        }

        byte[] written = PhpSerialization.Write(value);
        Require(PhpSerialization.TryRead(written, out var again, out string why), $"PHP's format holds it: {why}");
        string shown = PhpJson.Show(again!);
        using var json = JsonDocument.Parse(shown, new JsonDocumentOptions { MaxDepth = 2000 });
        var back = PhpJson.Read(System.Text.Encoding.UTF8.GetBytes(shown), out why);
        Require(back is not null && PhpSerialization.Write(back).AsSpan().SequenceEqual(written), $"it comes back from JSON: {why}");
    }

    public void Dispose()
    {
    }
}
