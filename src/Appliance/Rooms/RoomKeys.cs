using System.Text;
using Appliance.Native;
using Appliance.SystemV;

namespace Appliance.Rooms;

/// <summary>
/// The keys of a state directory's room logs: random numbers in a file of mode 0600, a line each, so that nobody else can make a segment
/// under one before the server does. The file says where to look, not what to trust: a segment that is found is looked at itself. A key
/// outlives neither its segment nor a reboot, so a torn file loses nothing that was not lost with the memory.
/// </summary>
internal static unsafe class RoomKeys
{
    /// <summary>The file in the state directory.</summary>
    public const string FileName = "rooms.key";

    /// <summary>More lines than ever stand there: the room log, its successor while it is copied, those of other versions.</summary>
    private const int KeysMax = 16;

    private const int LineBytes = 11; // 0x1a2b3c4d and a line feed
    private const int OwnerOnly = 0x180; // 0600

    /// <summary>The keys; none when there is no such file, or this user may not read it.</summary>
    public static List<int> Read(string stateDirectory)
    {
        var opened = Syscall.Open(PathIn(stateDirectory), Syscall.O_RDONLY | Syscall.O_NOFOLLOW | Syscall.O_NONBLOCK, 0);
        if (!opened.Ok)
        {
            return [];
        }

        byte* bytes = stackalloc byte[KeysMax * LineBytes];
        bool isFile = Syscall.StatusOf(opened.Value, out var status).Ok && status.IsRegular;
        var read = isFile ? Syscall.Read(opened.Value, bytes, KeysMax * LineBytes) : default;
        _ = Syscall.Close(opened.Value);
        string text = read.Ok ? Encoding.ASCII.GetString(bytes, read.Value) : "";
        var keys = new List<int>();
        foreach (string line in text.Split('\n'))
        {
            if (SystemVKey.TryParse(line) is { } key)
            {
                keys.Add(key.Value);
            }
        }

        return keys;
    }

    /// <summary>Writes them in the place of those that stood there.</summary>
    /// <exception cref="IOException">That fails.</exception>
    public static void Write(string stateDirectory, IReadOnlyList<int> keys)
    {
        string path = PathIn(stateDirectory);
        string text = "";
        for (int i = 0; i < Math.Min(keys.Count, KeysMax); i++)
        {
            text += $"{new SystemVKey(keys[i])}\n";
        }

        int file = Open(stateDirectory, Ownership.OfProcess);
        try
        {
            // Over what stands there and in one call: whoever reads meanwhile finds whole lines.
            var written = Syscall.WriteAt(file, Encoding.ASCII.GetBytes(text), 0);
            written = written.Ok ? Syscall.Truncate(file, text.Length) : written;
            _ = written.Ok ? 0 : throw PathFailure.Of($"--state-dir {stateDirectory}", path, "written", written.Error);
        }
        finally
        {
            _ = Syscall.Close(file);
        }
    }

    /// <summary>Opens the file for writing, or makes it; one that is not ours, or no plain file, makes way for a new one.</summary>
    /// <exception cref="IOException">That fails.</exception>
    public static int Open(string stateDirectory, Ownership owners)
    {
        string path = PathIn(stateDirectory);
        var opened = Syscall.Open(path, Syscall.O_RDWR | Syscall.O_CREAT | Syscall.O_NOFOLLOW | Syscall.O_NONBLOCK, OwnerOnly);
        bool isOurs = opened.Ok && Syscall.StatusOf(opened.Value, out var status).Ok && status is { IsRegular: true, Links: 1 } && owners.Covers(status.Owner);
        if (!isOurs)
        {
            _ = opened.Ok ? Syscall.Close(opened.Value) : default;
            _ = Syscall.Unlink(path);
            opened = Syscall.Open(path, Syscall.O_RDWR | Syscall.O_CREAT | Syscall.O_EXCL | Syscall.O_NOFOLLOW, OwnerOnly);
        }

        int file = opened.Ok ? opened.Value : throw PathFailure.Of($"--state-dir {stateDirectory}", path, "made", opened.Error);
        _ = Syscall.ChangeMode(file, OwnerOnly);
        return file;
    }

    /// <summary>Removes the file.</summary>
    public static void Remove(string stateDirectory) => _ = Syscall.Unlink(PathIn(stateDirectory));

    /// <summary>A key that nobody could foresee and under which there is no segment.</summary>
    public static int Draw()
    {
        int key = 0;
        while (key == 0 || Syscall.ShmGet(key, 0, 0).Error != Errno.ENOENT)
        {
            Syscall.FillRandom(new Span<byte>(&key, sizeof(int)));
        }

        return key;
    }

    private static string PathIn(string stateDirectory) => Path.Combine(stateDirectory, FileName);
}
