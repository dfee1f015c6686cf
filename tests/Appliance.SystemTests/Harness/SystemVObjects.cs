using System.Globalization;
using System.Runtime.InteropServices;

namespace Appliance.SystemTests.Harness;

/// <summary>One System V IPC object, a line of <c>/proc/sysvipc</c>.</summary>
/// <param name="Kind">shm, msg or sem.</param>
/// <param name="Key">Key; 0 for a private object.</param>
/// <param name="Id">Identifier within its kind.</param>
/// <param name="Bytes">Size of a segment; 0 for the other kinds.</param>
/// <param name="Creator">Process that created a segment; 0 for the other kinds.</param>
/// <param name="ResidentBytes">Memory that a segment takes; 0 for the other kinds.</param>
public sealed record SystemVObject(string Kind, uint Key, int Id, long Bytes, int Creator, long ResidentBytes);

/// <summary>The host's System V IPC objects.</summary>
public static partial class SystemVObjects
{
    private const int LooksMax = 100;
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// All objects whose key is an <c>ftok</c> of <paramref name="directory"/>, with whatever project id, or stands in its file of keys; the
    /// locks and copies of commands as well, whose keys have all bits turned over.
    /// </summary>
    /// <param name="directory">The directory.</param>
    /// <param name="more">Keys that stood in the file of keys before.</param>
    public static async Task<IReadOnlyList<SystemVObject>> OfDirectoryAsync(string directory, IReadOnlyList<uint>? more = null)
    {
        uint[] drawn = [.. DrawnKeys(directory), .. more ?? []];
        // ftok, see its manual: project id in bits 24-31, low 8 bits of the device in 16-23, low 16 bits of the inode in 0-15.
        var stat = await CommandResult.RunAsync("stat", "--format=%d %i", "--", directory);
        Assert.True(stat.ExitCode == 0, stat.Error);
        var numbers = stat.Output.Split(' ', StringSplitOptions.TrimEntries);
        var device = ulong.Parse(numbers[0], CultureInfo.InvariantCulture);
        var inode = ulong.Parse(numbers[1], CultureInfo.InvariantCulture);
        var fileKey = ((uint)(device & 0xFF) << 16) | (uint)(inode & 0xFFFF);
        return [.. All().Where(one => one.Key != 0
            && ((one.Key & 0x00FF_FFFF) == fileKey || (one.Kind != "msg" && (~one.Key & 0x00FF_FFFF) == fileKey)
                || (one.Kind == "shm" && drawn.Contains(one.Key))))];
    }

    /// <summary>
    /// What is left of a directory's objects when nobody uses it any more. Keys have 16 bits of an inode, so an object of another test may look like
    /// one of this directory; that test removes it.
    /// </summary>
    public static async Task<IReadOnlyList<SystemVObject>> LeftOfAsync(string directory, IReadOnlyList<uint> keys, IReadOnlyCollection<int> processes)
    {
        for (var look = 0; ; look++)
        {
            var left = (await OfDirectoryAsync(directory, keys)).Union(CreatedBy(processes)).ToList();
            if (left.Count == 0 || look == LooksMax)
            {
                return left;
            }

            await Task.Delay(LookEvery);
        }
    }

    /// <summary>The keys of the room logs of a state directory, which a server has drawn.</summary>
    public static IReadOnlyList<uint> DrawnKeys(string directory)
    {
        var file = Path.Combine(directory, "rooms.key");
        return File.Exists(file) ? [.. File.ReadAllLines(file).Select(line => Convert.ToUInt32(line, 16))] : [];
    }

    /// <summary>Attaches a segment to this process until it ends.</summary>
    public static void Attach(SystemVObject segment) =>
        Assert.True(Libc.shmat(segment.Id, 0, 0) != -1, $"shmat({segment}): errno {Marshal.GetLastPInvokeError()}");

    /// <summary>Some bytes of a segment.</summary>
    public static byte[] Read(SystemVObject segment, int count)
    {
        byte[] read = [];
        Change(segment, bytes => read = [.. bytes], 0, count);
        return read;
    }

    /// <summary>All shared memory segments that one of the processes created, private ones as well.</summary>
    public static IReadOnlyList<SystemVObject> CreatedBy(IReadOnlyCollection<int> processes) =>
        [.. All().Where(one => one.Creator != 0 && processes.Contains(one.Creator))];

    /// <summary>Removes an object.</summary>
    public static async Task RemoveAsync(SystemVObject one)
    {
        var option = one.Kind switch { "shm" => "-m", "msg" => "-q", _ => "-s" };
        var removed = await CommandResult.RunAsync("ipcrm", option, one.Id.ToString(CultureInfo.InvariantCulture));
        Assert.True(removed.ExitCode == 0, removed.Error);
    }

    /// <summary>Makes what a command that was killed leaves: a lock that nobody holds any more.</summary>
    public static void MakeLock(int key) => Assert.True(Libc.semget(~key, 1, 0x3B6) >= 0); // IPC_CREAT | 0666

    /// <summary>Lets <paramref name="change"/> loose on the bytes of a segment.</summary>
    public static unsafe void Change(SystemVObject segment, Action<byte[]> change, int offset, int count)
    {
        var address = Libc.shmat(segment.Id, 0, 0);
        Assert.True(address != -1, $"shmat({segment}): errno {Marshal.GetLastPInvokeError()}");
        var bytes = new Span<byte>((void*)(address + offset), count);
        var copy = bytes.ToArray();
        change(copy);
        copy.CopyTo(bytes);
        Assert.Equal(0, Libc.shmdt(address));
    }

    public static IEnumerable<SystemVObject> All()
    {
        foreach (var kind in new[] { "shm", "msg", "sem" })
        {
            foreach (var line in File.ReadLines($"/proc/sysvipc/{kind}").Skip(1))
            {
                var columns = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)
                    .Select(text => long.Parse(text, CultureInfo.InvariantCulture))
                    .ToArray();
                yield return kind == "shm"
                    ? new SystemVObject(kind, unchecked((uint)columns[0]), (int)columns[1], columns[3], (int)columns[4], columns[14])
                    : new SystemVObject(kind, unchecked((uint)columns[0]), (int)columns[1], 0, 0, 0);
            }
        }
    }

    private static partial class Libc
    {
        [LibraryImport("libc", SetLastError = true)]
        internal static partial nint shmat(int id, nint address, int flags);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int shmdt(nint address);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int semget(int key, int count, int flags);
    }
}
