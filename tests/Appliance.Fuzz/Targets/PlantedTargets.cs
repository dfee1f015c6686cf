using Appliance.Fuzz.Driver;
using Appliance.Fuzz.Planted;

namespace Appliance.Fuzz.Targets;

/// <summary>Targets that do have a fault, one of each kind: for the tests of the driver.</summary>
internal static class PlantedTargets
{
    public const string Throws = "planted-throws";
    public const string Spins = "planted-spins";
    public const string Descends = "planted-descends";
    public const string Allocates = "planted-allocates";
    public const string ReadsOutside = "planted-reads";

    public static IReadOnlyList<FuzzTarget> Rows { get; } =
    [
        Row(Throws, () => throw new InvalidOperationException("planted")),
        Row(Spins, PlantedFaults.Spin),
        Row(Descends, () => PlantedFaults.Descend(1)),
        Row(Allocates, () => _ = new byte[100 << 20]),
        Row(ReadsOutside, ReadOutside),
    ];

    private static FuzzTarget Row(string name, Action fault) => new(name, "has a fault", () => new Target(fault)) { BytesMax = 100 };

    private static void ReadOutside()
    {
        using var memory = new GuardedMemory(100);
        _ = Volatile.Read(ref memory.Span(200)[150]);
    }

    private sealed class Target(Action fault) : IFuzzTarget
    {
        public void Run(ReadOnlySpan<byte> input) => PlantedFaults.Read(input, fault);

        public void Dispose()
        {
        }
    }
}
