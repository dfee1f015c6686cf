using System.Text;

namespace Appliance.Fuzz.Driver;

/// <summary>Takes inputs; whatever they are, it returns. An exception is a finding.</summary>
internal interface IFuzzTarget : IDisposable
{
    /// <summary>Takes one input. Nothing of it stays: the next one finds all as this one did.</summary>
    void Run(ReadOnlySpan<byte> input);
}

/// <summary>A parser that is fuzzed: a row of <see cref="Targets.TargetTable"/>.</summary>
/// <param name="Name">Its name on the command line, and that of the folder of its corpus.</param>
/// <param name="Promise">What holds for every input, in one line.</param>
/// <param name="Make">Makes it, in the process that runs it.</param>
internal sealed record FuzzTarget(string Name, string Promise, Func<IFuzzTarget> Make)
{
    /// <summary>Longest input.</summary>
    public int BytesMax { get; init; } = 4096;

    /// <summary>What one input may allocate in all, in bytes.</summary>
    public long AllocatedBytesMax { get; init; } = 64 << 20;

    /// <summary>Words of the format, for the mutator: a text stands for its UTF-8.</summary>
    public string[] Words { get; init; } = [];

    /// <summary>The words as bytes.</summary>
    public IReadOnlyList<byte[]> WordBytes => [.. Words.Select(word => Encoding.Latin1.GetBytes(word))];
}
