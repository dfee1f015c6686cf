using System.Buffers;
using System.Globalization;
using System.Text;
using Appliance.Native;

namespace Appliance.Operators;

/// <summary>
/// How a command of the shell shows who has given it: it writes its text into a file of the state directory, and names that file in its
/// message. The owner of a file cannot be forged, and the file says nothing but that one command, so whoever reads the message from the
/// queue can do no more with it. The queue alone tells of its last sender only, and that while the process lives and the server may see it.
/// </summary>
public static class ControlProof
{
    private const string Prefix = "command-";
    private const int NameLengthMax = 40;
    private const UnixFileMode OwnerWrites = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
    private static readonly SearchValues<char> NameCharacters = SearchValues.Create("0123456789abcdef-");

    /// <summary>Writes the file of a command and returns its name; null when this user may not.</summary>
    /// <param name="stateDirectory">The server's.</param>
    /// <param name="text">The command, as the server will read it.</param>
    public static string? TryWrite(string stateDirectory, string text)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId}-{Random.Shared.Next():x}");
        string path = PathOf(stateDirectory, name);
        try
        {
            using var file = new FileStream(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write });

            // The server must be able to read it, whoever has made it with whatever umask.
            File.SetUnixFileMode(file.SafeFileHandle, OwnerWrites);
            file.Write(Encoding.UTF8.GetBytes(text));
            return name;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Removes a file that the server has not.</summary>
    public static void Remove(string stateDirectory, string name) => _ = Syscall.Unlink(PathOf(stateDirectory, name));

    /// <summary>Takes the file of a command: who has written it, or null when there is none of that name and text that only its owner could write.</summary>
    public static ControlSender? Take(string stateDirectory, string name, string text)
    {
        if (name.Length > NameLengthMax || name.AsSpan().ContainsAnyExcept(NameCharacters))
        {
            return null;
        }

        string path = PathOf(stateDirectory, name);
        var opened = Syscall.Open(path, Syscall.O_RDONLY | Syscall.O_NOFOLLOW | Syscall.O_NONBLOCK, 0);
        if (!opened.Ok)
        {
            return null;
        }

        byte[] bytes = new byte[ControlCommand.BytesMax + 1];
        bool isKnown = Syscall.StatusOf(opened.Value, out var status).Ok && status is { IsRegular: true, MoreThanOwnerMayWrite: false };
        var read = isKnown ? Syscall.ReadAt(opened.Value, bytes, 0) : default;
        _ = Syscall.Close(opened.Value);
        if (!isKnown || !read.Ok || Encoding.UTF8.GetString(bytes, 0, read.Value) != text)
        {
            return null;
        }

        // Once: what was asked for is not done a second time by whoever has seen it.
        bool isTaken = Syscall.Unlink(path).Ok;
        _ = int.TryParse(name.Split('-')[0], NumberStyles.None, CultureInfo.InvariantCulture, out int pid);
        return isTaken ? new ControlSender(pid, status.Owner, Ownership.OfProcess.Covers(status.Owner)) : null;
    }

    private static string PathOf(string stateDirectory, string name) => Path.Combine(stateDirectory, $"{Prefix}{name}");
}
