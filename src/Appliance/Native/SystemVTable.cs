using System.Globalization;

namespace Appliance.Native;

/// <summary>The three kinds of System V objects.</summary>
public enum SystemVKind
{
    /// <summary>Message queue.</summary>
    Queue,

    /// <summary>Shared memory segment.</summary>
    Memory,

    /// <summary>Set of semaphores.</summary>
    Semaphores,
}

/// <summary>One System V object, as the kernel lists it for everybody.</summary>
/// <param name="Kind">Kind.</param>
/// <param name="Key">Key; 0 for a private one.</param>
/// <param name="Id">Identifier within its kind.</param>
/// <param name="Mode">Permissions.</param>
/// <param name="User">Owner.</param>
/// <param name="Size">Bytes of a segment, bytes in a queue, semaphores in a set.</param>
/// <param name="Messages">Messages in a queue.</param>
/// <param name="Attached">Attachments of a segment.</param>
/// <param name="CreatorPid">Process that made a segment; 0 where the kernel does not say.</param>
/// <param name="LastPids">Processes that used it last, 0 for never.</param>
public sealed record SystemVObject(
    SystemVKind Kind, int Key, int Id, uint Mode, uint User, long Size, long Messages, long Attached, int CreatorPid, IReadOnlyList<int> LastPids);

/// <summary>The kernel's tables in /proc/sysvipc (proc(5)), which also list objects that this user may not access.</summary>
public static class SystemVTable
{
    private const string Directory = "/proc/sysvipc";

    /// <summary>All objects of this IPC namespace.</summary>
    /// <exception cref="IOException">/proc is not mounted, or this kernel has no such objects.</exception>
    public static IReadOnlyList<SystemVObject> Read() =>
    [
        .. ReadRows("msg").Select(row => new SystemVObject(
            SystemVKind.Queue, (int)row["key"], (int)row["msqid"], (uint)row["perms"], (uint)row["uid"], row["cbytes"], row["qnum"], 0, 0,
            [(int)row["lspid"], (int)row["lrpid"]])),
        .. ReadRows("shm").Select(row => new SystemVObject(
            SystemVKind.Memory, (int)row["key"], (int)row["shmid"], (uint)row["perms"], (uint)row["uid"], row["size"], 0, row["nattch"], (int)row["cpid"],
            [(int)row["lpid"]])),
        .. ReadRows("sem").Select(row => new SystemVObject(
            SystemVKind.Semaphores, (int)row["key"], (int)row["semid"], (uint)row["perms"], (uint)row["uid"], row["nsems"], 0, 0, 0, [])),
    ];

    /// <summary>The object of a key; null when there is none, or when /proc does not tell.</summary>
    public static SystemVObject? Find(SystemVKind kind, int key) =>
        Syscall.IsReadable(Directory) ? Read().FirstOrDefault(one => one.Kind == kind && one.Key == key) : null;

    /// <summary>Rows by the names of their columns; permissions are octal, everything else is decimal.</summary>
    private static IEnumerable<Dictionary<string, long>> ReadRows(string table)
    {
        string[] lines = ReadTable(Path.Combine(Directory, table));
        string[] names = Split(lines[0]);
        foreach (string line in lines.Skip(1))
        {
            string[] cells = Split(line);
            Dictionary<string, long> row = new(StringComparer.Ordinal);
            for (int i = 0; i < names.Length; i++)
            {
                row[names[i]] = names[i] == "perms" ? Convert.ToInt64(cells[i], 8) : unchecked((long)ParseUnsigned(cells[i]));
            }

            yield return row;
        }
    }

    private static string[] ReadTable(string path)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new IOException(
                $"'{path}', in which the kernel lists System V objects, cannot be read: mount /proc, or use a kernel with CONFIG_SYSVIPC",
                failure);
        }
    }

    private static ulong ParseUnsigned(string text) => text[0] == '-'
        ? unchecked((ulong)long.Parse(text, CultureInfo.InvariantCulture))
        : ulong.Parse(text, CultureInfo.InvariantCulture);

    private static string[] Split(string line) => line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
