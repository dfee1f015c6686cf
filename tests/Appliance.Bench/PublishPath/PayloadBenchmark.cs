using System.Text;
using Appliance.WebSocket;
using BenchmarkDotNet.Attributes;

namespace Appliance.Bench.PublishPath;

/// <summary>What a KiB of a client's payload costs before anybody looks at what it says.</summary>
[MemoryDiagnoser(displayGenColumns: false)]
public class PayloadBenchmark
{
    private const int Bytes = 1024;
    private const uint Key = 0x9E3779B9;

    private static readonly Dictionary<string, string> Texts = new(StringComparer.Ordinal)
    {
        ["1 KiB of ASCII"] = "a chat message, ",
        ["1 KiB of emoji"] = "😀",
        ["1 KiB of Cyrillic"] = "я",
    };

    private byte[] _payload = [];
    private byte[] _masked = [];

    /// <summary>The payloads by name.</summary>
    public static IEnumerable<string> Payloads => Texts.Keys;

    /// <summary>Which payload.</summary>
    [ParamsSource(nameof(Payloads))]
    public string Payload { get; set; } = "";

    /// <summary>Fills a KiB.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        byte[] text = Encoding.UTF8.GetBytes(Texts[Payload]);
        _payload = [.. Enumerable.Range(0, Bytes).Select(i => text[i % text.Length])];
        _masked = [.. _payload];
        if (!Validate())
        {
            throw new InvalidOperationException($"'{Payload}' is not valid.");
        }
    }

    /// <summary>As the reader of messages checks text.</summary>
    [Benchmark(Description = "check UTF-8")]
    public bool Validate()
    {
        var validator = default(Utf8Validator);
        return validator.Append(_payload) && validator.IsComplete;
    }

    /// <summary>In place, as the reader of messages does it.</summary>
    [Benchmark(Description = "unmask")]
    public uint Unmask() => Masking.Apply(_masked, Key);
}
