using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SharpFuzz.Common;

namespace Appliance.Fuzz.Driver;

/// <summary>
/// Which branches a run takes. Instrumented code counts each step from one branch to the next in a table of 64 KiB; how often
/// matters in eight classes (1, 2, 3, 4 to 7, up to 15, 31, 127, more), as AFL has them. A step and a class are a feature.
/// </summary>
internal sealed unsafe class Coverage
{
    /// <summary>How many features there can be.</summary>
    public const int FeaturesMax = Counters * Classes;

    private const int Counters = 1 << 16;
    private const int Classes = 8;

    private static readonly byte* Table = (byte*)NativeMemory.AllocZeroed(Counters);
    private static readonly byte[] ClassBits = [.. Enumerable.Range(0, 256).Select(ClassBitOf)];

    private readonly byte[] _seen = new byte[Counters];

    /// <summary>Features seen so far.</summary>
    public int Count { get; private set; }

    /// <summary>Before any instrumented code runs: it writes wherever this points.</summary>
    [ModuleInitializer]
    internal static void Attach() => Trace.SharedMem = Table;

    /// <summary>A run begins.</summary>
    public static void Begin()
    {
        new Span<byte>(Table, Counters).Clear();
        Trace.PrevLocation = 0;
    }

    /// <summary>A run has ended: whether it had a feature that none before had.</summary>
    public bool Note()
    {
        int before = Count;
        for (int word = 0; word < Counters; word += sizeof(ulong))
        {
            if (*(ulong*)(Table + word) == 0)
            {
                continue;
            }

            for (int i = word; i < word + sizeof(ulong); i++)
            {
                byte bit = ClassBits[Table[i]];
                Count += (bit & ~_seen[i]) != 0 ? 1 : 0;
                _seen[i] |= bit;
            }
        }

        return Count > before;
    }

    /// <summary>The features of the run that has ended.</summary>
    public static int[] Features()
    {
        List<int> features = [];
        for (int i = 0; i < Counters; i++)
        {
            if (Table[i] != 0)
            {
                features.Add((i * Classes) + BitOperations.TrailingZeroCount(ClassBits[Table[i]]));
            }
        }

        return [.. features];
    }

    private static byte ClassBitOf(int count) => count switch
    {
        0 => 0,
        1 => 1,
        2 => 2,
        3 => 4,
        < 8 => 8,
        < 16 => 16,
        < 32 => 32,
        < 128 => 64,
        _ => 128,
    };
}
