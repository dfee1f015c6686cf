using System.Text;
using Appliance.SystemTests.Harness;
using static Appliance.SystemTests.Conformance.ConformanceCase;

namespace Appliance.SystemTests.Conformance;

/// <summary>Cases 9 and 10, all but the round trips: large messages, in one frame, in many, in small pieces.</summary>
internal static class LimitCases
{
    private const int KiB = 1024;
    private const int MiB = 1024 * 1024;

    private static readonly int[] MessageBytes = [64 * KiB, 256 * KiB, MiB, 4 * MiB, 8 * MiB, 16 * MiB];

    private static readonly int[] FragmentBytes = [64, 256, KiB, 4 * KiB, 16 * KiB, 64 * KiB, 256 * KiB, MiB, 4 * MiB];

    private static readonly int[] ChopBytes = [64, 128, 256, 512, 1024, 2048];

    /// <summary>Numbers and makers: all the messages together would fill over 100 MB.</summary>
    public static IEnumerable<(string Number, Func<ConformanceCase> Make)> All =>
        [.. Group(Opcode.Text, 1), .. Group(Opcode.Binary, 2), Echo("10.1.1", Opcode.Text, 65536, 1300)];

    private static IEnumerable<(string Number, Func<ConformanceCase> Make)> Group(Opcode opcode, int number)
    {
        for (var i = 0; i < MessageBytes.Length; i++)
        {
            var bytes = MessageBytes[i];
            yield return Echo($"9.{number}.{i + 1}", opcode, bytes, bytes);
        }

        for (var i = 0; i < FragmentBytes.Length; i++)
        {
            yield return Echo($"9.{number + 2}.{i + 1}", opcode, 4 * MiB, FragmentBytes[i]);
        }

        for (var i = 0; i < ChopBytes.Length; i++)
        {
            var chopBytes = ChopBytes[i];
            var (name, make) = Echo($"9.{number + 4}.{i + 1}", opcode, MiB, MiB);
            yield return (name, () => make().ByBytes(chopBytes));
        }
    }

    private static (string Number, Func<ConformanceCase> Make) Echo(string number, Opcode opcode, int messageBytes, int fragmentBytes)
    {
        return (number, Make);

        ConformanceCase Make()
        {
            var message = opcode == Opcode.Text ? Text(messageBytes) : Noise(messageBytes);
            return Passes(number, [.. ClientFrame.Fragments(opcode, message, fragmentBytes)], new Answer(opcode, message));
        }
    }

    /// <summary>Text whose code points of 1 to 4 bytes fall across every kind of boundary.</summary>
    private static byte[] Text(int bytes)
    {
        var text = new byte[bytes];
        var pattern = Encoding.UTF8.GetBytes("aé€😀xyzzy");
        for (var filled = 0; filled + pattern.Length <= bytes; filled += pattern.Length)
        {
            pattern.CopyTo(text, filled);
        }

        text.AsSpan(bytes - (bytes % pattern.Length)).Fill((byte)'*');
        return text;
    }

    private static byte[] Noise(int bytes)
    {
        var noise = new byte[bytes];
        new Random(bytes).NextBytes(noise);
        return noise;
    }
}
