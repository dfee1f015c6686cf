using System.Globalization;
using System.Text.RegularExpressions;

namespace Appliance.SystemTests.Harness;

/// <summary>The host's System V IPC objects, as <c>/proc/sysvipc</c> lists them.</summary>
public static class SystemVObjects
{
    /// <summary>Lines of all objects whose key is an <c>ftok</c> of <paramref name="directory"/>, with whatever project id.</summary>
    public static async Task<IReadOnlyList<string>> OfDirectoryAsync(string directory)
    {
        // ftok, see its manual: project id in bits 24-31, low 8 bits of the device in 16-23, low 16 bits of the inode in 0-15.
        var stat = await CommandResult.RunAsync("stat", "--format=%d %i", "--", directory);
        Assert.True(stat.ExitCode == 0, stat.Error);
        var numbers = stat.Output.Split(' ', StringSplitOptions.TrimEntries);
        var device = ulong.Parse(numbers[0], CultureInfo.InvariantCulture);
        var inode = ulong.Parse(numbers[1], CultureInfo.InvariantCulture);
        var fileKey = ((uint)(device & 0xFF) << 16) | (uint)(inode & 0xFFFF);
        return Read((key, _) => key != 0 && (key & 0x00FF_FFFF) == fileKey);
    }

    /// <summary>Lines of all shared memory segments that one of the processes created, private ones as well.</summary>
    public static IReadOnlyList<string> CreatedBy(IReadOnlyCollection<int> processes) =>
        Read((_, creator) => creator is { } pid && processes.Contains(pid));

    private static List<string> Read(Func<uint, int?, bool> wanted)
    {
        var lines = new List<string>();
        foreach (var kind in new[] { "shm", "msg", "sem" })
        {
            foreach (var line in File.ReadLines($"/proc/sysvipc/{kind}").Skip(1))
            {
                var columns = Regex.Split(line.Trim(), " +", RegexOptions.None, TimeSpan.FromSeconds(1));
                var key = unchecked((uint)int.Parse(columns[0], CultureInfo.InvariantCulture));
                int? creator = kind == "shm" ? int.Parse(columns[4], CultureInfo.InvariantCulture) : null;
                if (wanted(key, creator))
                {
                    lines.Add($"{kind}: key 0x{key:x8}, {line.Trim()}");
                }
            }
        }

        return lines;
    }
}
