namespace Appliance.Fuzz.Planted;

/// <summary>
/// A parser with a fault behind four letters, each in a branch of its own: who does not see branches needs four thousand million
/// inputs. What the fault does is the caller's choice.
/// </summary>
public static class PlantedFaults
{
    /// <summary>Reads an input; runs the fault when it begins with the four letters.</summary>
    public static void Read(ReadOnlySpan<byte> input, Action fault)
    {
        ArgumentNullException.ThrowIfNull(fault);
        if (input.Length < 4)
        {
            return;
        }

        if (input[0] == 'R' && input[1] == 0xC3)
        {
            if ((input[2] ^ 0x5A) == 0x17)
            {
                if (input[3] > 0xF0)
                {
                    fault();
                }
            }
        }
    }

    /// <summary>Calls itself until the stack ends, which ends the process.</summary>
    public static int Descend(int depth) => depth < 0 ? 0 : Descend(depth + 1) + 1;

    /// <summary>Never returns.</summary>
    public static void Spin()
    {
        for (uint i = 0; ; i++)
        {
            if (i == uint.MaxValue)
            {
                i = 0;
            }
        }
    }
}
