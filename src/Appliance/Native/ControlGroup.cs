using System.Globalization;

namespace Appliance.Native;

/// <summary>Limits of the control groups that this process is in; cgroups(7).</summary>
public static class ControlGroup
{
    private const string Root = "/sys/fs/cgroup";

    /// <summary>What a container without /proc may still see: the files at the top.</summary>
    private const string UnifiedTop = "0::/";

    /// <summary>
    /// The least limit of a group and those above it, and the directory of the group that has it; null when none is limited, or nothing can be
    /// read. In a container the path may be the host's, and the files are at the top.
    /// </summary>
    /// <param name="controller">As <c>memory</c> or <c>pids</c>.</param>
    /// <param name="file">Where the limit is.</param>
    /// <param name="formerFile">Where it is in groups of the first version.</param>
    public static (long Limit, string Directory)? LeastLimit(string controller, string file, string formerFile)
    {
        string[] groups = Lines("/proc/self/cgroup");
        (long Limit, string Directory)? least = null;
        foreach (string line in groups.Length > 0 ? groups : [UnifiedTop, $"1:{controller}:/"])
        {
            // 0::/path, or 4:memory:/path where groups are of the first version.
            string[] parts = line.Split(':', 3);
            bool isUnified = parts is ["0", "", _];
            if (!isUnified && !(parts.Length == 3 && parts[1].Split(',').Contains(controller, StringComparer.Ordinal)))
            {
                continue;
            }

            string top = isUnified ? Root : $"{Root}/{controller}";
            for (string path = parts[2].TrimEnd('/'); ; path = path[..path.LastIndexOf('/')])
            {
                if (Number($"{top}{path}/{(isUnified ? file : formerFile)}") is { } limit && (least is null || limit < least.Value.Limit))
                {
                    least = (limit, top + path);
                }

                if (path.Length == 0)
                {
                    break;
                }
            }
        }

        return least;
    }

    /// <summary>How often the kernel has killed a process of this process's own group for lack of memory; null when it does not tell.</summary>
    public static long? MemoryKills()
    {
        foreach (string line in Lines("/proc/self/cgroup"))
        {
            string[] parts = line.Split(':', 3);
            string? file = parts switch
            {
                ["0", "", var path] => $"{Root}{path}/memory.events",
                [_, "memory", var path] => $"{Root}/memory{path}/memory.oom_control",
                _ => null,
            };
            if (file is not null && Field(file, "oom_kill ") is { } kills)
            {
                return kills;
            }
        }

        return null;
    }

    /// <summary>The number behind a name that a line of a file begins with; null when there is none.</summary>
    public static long? Field(string path, string name)
    {
        string? line = Array.Find(Lines(path), line => line.StartsWith(name, StringComparison.Ordinal));
        return line is not null && long.TryParse(line.AsSpan(name.Length), NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number : null;
    }

    /// <summary>The number in a file of a group; null for <c>max</c>, and for whatever else is no number.</summary>
    public static long? Number(string path) =>
        Lines(path) is [var text, ..] && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number : null;

    private static string[] Lines(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllLines(path) : [];
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
