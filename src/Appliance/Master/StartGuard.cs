using Appliance.Native;

namespace Appliance.Master;

/// <summary>
/// Keeps starts apart for the moment in which one looks for a former server's lock and makes the file anew. A file of mode 0600, which
/// nobody else can open and so cannot lock; it is there only meanwhile.
/// </summary>
internal sealed class StartGuard : IDisposable
{
    private const string Suffix = ".starts";
    private const int OwnerOnly = 0x180; // 0600
    private const int AllBytes = 0;
    private const int PollMs = 5;
    private const int WaitMsMax = 10_000;

    private readonly string _path;
    private readonly int _file;

    private StartGuard(string path, int file)
    {
        _path = path;
        _file = file;
    }

    /// <summary>Waits until no other start holds the guard of a file.</summary>
    /// <exception cref="IOException">The directory cannot be written, or somebody holds it for ten seconds.</exception>
    public static StartGuard Take(string option, string directory, string name, Ownership owners)
    {
        string path = Path.Combine(directory, name + Suffix);
        StartGuard? taken = null;
        return Polling.Until(() => (taken = TryTake(option, directory, name, path, owners)) is not null, WaitMsMax, PollMs)
            ? taken!
            : throw new IOException($"{option} {directory}: another appliance is starting there and does not finish; end it");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _ = Syscall.Unlink(_path);
        _ = Syscall.Close(_file);
    }

    /// <summary>Takes the guard; null when somebody else starts at this moment, or has just done so and removed it.</summary>
    private static StartGuard? TryTake(string option, string directory, string name, string path, Ownership owners)
    {
        var opened = Syscall.Open(path, Syscall.O_RDWR | Syscall.O_CREAT | Syscall.O_NOFOLLOW | Syscall.O_NONBLOCK, OwnerOnly);
        if (!opened.Ok)
        {
            throw PathFailure.Of($"{option} {directory}", Path.Combine(directory, name), "made", opened.Error);
        }

        if (OwnedPath.WhyForeign(opened.Value, path, owners) is { } why)
        {
            _ = Syscall.Close(opened.Value);
            throw new IOException($"{option} {directory}: {why}");
        }

        if (Syscall.TryLock(opened.Value, AllBytes).Ok && Syscall.IsAt(opened.Value, path))
        {
            return new StartGuard(path, opened.Value);
        }

        _ = Syscall.Close(opened.Value);
        return null;
    }
}
