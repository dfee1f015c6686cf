using Appliance.Fuzz.Driver;
using Appliance.Php;
using static Appliance.Fuzz.Driver.FuzzException;

namespace Appliance.Fuzz.Targets;

/// <summary>
/// Shared variables in memory that somebody else has filled: the first bytes say how large a value is put and under which key, the rest
/// is the segment, with fences around it.
/// </summary>
internal sealed unsafe class VariablesTarget : IFuzzTarget
{
    private const int SegmentBytesMax = 4096;
    private const int LargerBytes = 1024;

    private readonly GuardedMemory[] _memories =
        [.. Enumerable.Range(0, (SegmentBytesMax / 8) + 1).Select(numbers => new GuardedMemory(numbers * 8))];

    private readonly GuardedMemory _larger = new(SegmentBytesMax + LargerBytes);

    public static FuzzTarget Row { get; } = new(
        "variables",
        "PHP's variables in any memory: nothing outside is touched, what is put is found",
        () => new VariablesTarget())
    {
        BytesMax = SegmentBytesMax,
        Words =
        [
            "PHP_SM\0\0", "\x28\0\0\0\0\0\0\0", "\x18\0\0\0\0\0\0\0", "\0\0\0\0\0\0\0\0", "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
            "\x01\0\0\0\0\0\0\0",
        ],
    };

    public void Run(ReadOnlySpan<byte> input)
    {
        var bytes = new InputBytes(input);
        int valueBytes = bytes.UInt16() % 700;
        long key = (sbyte)bytes.Byte();
        byte choice = bytes.Byte();
        var segment = bytes.Rest[..(bytes.Rest.Length & ~7)];
        byte* start = _memories[segment.Length / 8].Start;
        segment.CopyTo(new Span<byte>(start, segment.Length));
        var chain = new VariableChain(start, segment.Length);
        RequireInside(chain, segment.Length);
        if (chain.Damage is not null && segment.Length >= VariableChain.HeadBytes && (choice & 1) != 0)
        {
            chain.Initialize();
            Require(chain.Damage is null && chain.Variables.Count == 0, "a new chain is empty");
        }

        if (chain.Damage is null)
        {
            Use(chain, start, segment.Length, key, valueBytes, choice);
        }
    }

    public void Dispose()
    {
        Array.ForEach(_memories, memory => memory.Dispose());
        _larger.Dispose();
    }

    private void Use(VariableChain chain, byte* start, int bytes, long key, int valueBytes, byte choice)
    {
        byte[] value = [.. Enumerable.Range(0, valueBytes).Select(i => (byte)(i + choice))];
        var others = ValuesOf(chain, but: key);
        long missing = chain.Put(key, value);
        var again = new VariableChain(start, bytes);
        Require(again.Damage is null, "a chain stays whole");
        Require(missing > 0 || again.ValueOf(again.Find(key)!).AsSpan().SequenceEqual(value), "what is put is found");
        Require(ValuesOf(again, but: key).SequenceEqual(others, StringComparer.Ordinal), "others stay as they are");
        if ((choice & 2) != 0)
        {
            _larger.Span(SegmentBytesMax + LargerBytes).Clear();
            again.CopyTo(_larger.Start, bytes + LargerBytes);
            var copy = new VariableChain(_larger.Start, bytes + LargerBytes);
            Require(
                copy.Damage is null
                    && copy.FreeBytes == again.FreeBytes + LargerBytes + (bytes - again.FreeBytes - again.UsedBytes - HeadOf(start)),
                "a copy has more room");
            Require(ValuesOf(copy, but: key).SequenceEqual(others, StringComparer.Ordinal), "a copy has the same variables");
        }

        bool was = again.Find(key) is not null;
        Require(again.Remove(key) == was && again.Find(key) is null && again.Damage is null, "what is removed is gone");
        Require(ValuesOf(again, but: key).SequenceEqual(others, StringComparer.Ordinal), "others stay when one goes");
    }

    /// <summary>Bytes before the first chunk.</summary>
    private static long HeadOf(byte* start) => ((long*)start)[1];

    private static List<string> ValuesOf(VariableChain chain, long but) =>
        [.. chain.Variables.Where(one => one.Key != but)
            .Select(one => $"{one.Key}={Convert.ToHexString(chain.ValueOf(one))}").Order(StringComparer.Ordinal)];

    private static void RequireInside(VariableChain chain, int bytes)
    {
        long end = VariableChain.HeadBytes;
        foreach (var variable in chain.Variables)
        {
            Require(variable.Offset >= end && variable.Offset + variable.ChunkBytes <= bytes, "variables lie one behind the other");
            Require(chain.ValueOf(variable).Length == variable.Length, "a value has its length");
            end = variable.Offset + variable.ChunkBytes;
        }
    }
}
