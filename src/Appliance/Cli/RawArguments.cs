using System.Text;
using Appliance.Native;

namespace Appliance.Cli;

/// <summary>
/// Words of the command line as the bytes they were given as. The runtime makes text of them, in which all that is not UTF-8 is the same:
/// names of files, for example, need be no text.
/// </summary>
internal static class RawArguments
{
    /// <summary>What stands in the text for bytes that are none.</summary>
    private const char Replacement = '\uFFFD';

    /// <summary>The bytes of some arguments of this process, which are in the order they were given in.</summary>
    public static byte[][] BytesOf(IReadOnlyList<string> words)
    {
        byte[][] bytes = [.. words.Select(Encoding.UTF8.GetBytes)];
        if (!words.Any(word => word.Contains(Replacement, StringComparison.Ordinal)))
        {
            return bytes;
        }

        var given = Given();
        int place = given.Count - 1;
        for (int i = words.Count - 1; i >= 0; i--)
        {
            int found = place;
            while (found >= 0 && Encoding.UTF8.GetString(given[found]) != words[i])
            {
                found--;
            }

            (bytes[i], place) = found < 0 ? (bytes[i], place) : (given[found], found - 1);
        }

        return bytes;
    }

    /// <summary>All arguments of this process: each ends with a zero byte. proc(5).</summary>
    private static List<byte[]> Given()
    {
        List<byte[]> arguments = [];
        const string Source = "/proc/self/cmdline";
        ReadOnlySpan<byte> rest = Syscall.IsReadable(Source)
            ? File.ReadAllBytes(Source)
            : throw new IOException($"{Source} cannot be read: only /proc has the bytes of the command line, which are passed on unchanged; mount it");
        for (int end; (end = rest.IndexOf((byte)0)) >= 0; rest = rest[(end + 1)..])
        {
            arguments.Add(rest[..end].ToArray());
        }

        return arguments;
    }
}
