using Appliance.Moderation;
using Appliance.Native;
using Appliance.Rooms;

namespace Appliance.Operators;

/// <summary>
/// The rules in a file of the state directory, so that they outlive the host's memory: the lines of <see cref="ModerationRule"/>. It is written
/// beside and put in its place, on disk: a reader finds the former or the new one whole.
/// </summary>
public static class RuleFile
{
    /// <summary>Its name.</summary>
    public const string Name = "bans";

    private const string NewSuffix = ".new";
    private const int OwnerOnly = 0x180; // 0600

    /// <summary>Its text; empty when there is none.</summary>
    /// <exception cref="IOException">It cannot be read, or is somebody else's.</exception>
    public static byte[] Read(string stateDirectory)
    {
        string path = Path.Combine(stateDirectory, Name);
        string what = $"--state-dir {stateDirectory}";
        var opened = OwnedPath.Open(what, path, Syscall.O_RDONLY | Syscall.O_NONBLOCK, 0, Ownership.OfProcess);
        if (opened.Error == Errno.ENOENT)
        {
            return [];
        }

        byte[] bytes = new byte[ModerationTable.TextBytesMax];
        var read = opened.Ok ? Syscall.ReadAt(opened.Value, bytes, 0) : opened;
        _ = opened.Ok ? Syscall.Close(opened.Value) : default;
        return read.Ok ? bytes[..read.Value] : throw PathFailure.Of(what, path, "read", read.Error);
    }

    /// <summary>Writes it; waits for the disk.</summary>
    /// <exception cref="IOException">That fails, and the former one stays.</exception>
    public static void Write(string stateDirectory, byte[] text)
    {
        string path = Path.Combine(stateDirectory, Name);
        string beside = path + NewSuffix;
        string what = $"--state-dir {stateDirectory}";
        _ = Syscall.Unlink(beside);
        var opened = Syscall.Open(beside, Syscall.O_RDWR | Syscall.O_CREAT | Syscall.O_EXCL | Syscall.O_NOFOLLOW, OwnerOnly);
        int file = opened.Ok ? opened.Value : throw PathFailure.Of(what, beside, "made", opened.Error);
        var written = Syscall.WriteAt(file, text, 0);
        bool isWhole = written.Ok && written.Value == text.Length;
        written = isWhole ? Syscall.Sync(file) : written;
        _ = Syscall.Close(file);
        written = written.Ok && isWhole ? Syscall.Rename(beside, path) : written;
        if (!written.Ok || !isWhole)
        {
            _ = Syscall.Unlink(beside);
            throw PathFailure.Of(what, beside, "written", written.Ok ? Errno.ENOSPC : written.Error);
        }

        var directory = Syscall.Open(stateDirectory, Syscall.O_RDONLY, 0);
        _ = directory.Ok ? Syscall.Sync(directory.Value) : default;
        _ = directory.Ok ? Syscall.Close(directory.Value) : default;
    }
}
