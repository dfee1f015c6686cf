namespace Appliance.Fuzz.Driver;

/// <summary>Makes an input shorter as long as it stays what it is.</summary>
internal static class Minimizer
{
    private const byte Plain = (byte)'0';

    /// <summary>Takes pieces out, the longest first, then makes bytes plain ones.</summary>
    /// <param name="input">The input.</param>
    /// <param name="isSame">Whether another one will do.</param>
    /// <param name="triesMax">How many are tried.</param>
    public static byte[] Minimize(byte[] input, Func<byte[], bool> isSame, int triesMax)
    {
        int tries = 0;
        for (int piece = Math.Max(1, input.Length / 2); tries < triesMax; piece /= 2)
        {
            for (int at = 0; at < input.Length && tries < triesMax;)
            {
                byte[] shorter = [.. input[..at], .. input[Math.Min(input.Length, at + piece)..]];
                tries++;
                if (isSame(shorter))
                {
                    input = shorter;
                }
                else
                {
                    at += piece;
                }
            }

            if (piece == 1)
            {
                break;
            }
        }

        for (int at = 0; at < input.Length && tries < triesMax; at++)
        {
            byte[] plainer = [.. input];
            plainer[at] = Plain;
            tries += input[at] == Plain ? 0 : 1;
            input = input[at] != Plain && isSame(plainer) ? plainer : input;
        }

        return input;
    }
}
