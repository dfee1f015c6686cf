namespace Appliance.Native;

/// <summary>
/// Paths that nobody else can turn to something else. A link is followed only when it is ours (<see cref="Ownership"/>), what lies in a
/// directory that anybody may write to must be ours, and a file that is written lies in a directory of ours and is ours. Once that holds,
/// nobody else can change it, so it does not matter that the looking is done before the opening.
/// </summary>
public static class OwnedPath
{
    private const int LinksMax = 40; // as the kernel, path_resolution(7)
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode Everything = (UnixFileMode)0x1FF; // less the umask

    /// <summary>What has been opened already, by this process: its own way is what matters.</summary>
    private const string OpenFiles = "/proc/";

    /// <summary>Opens a file to read it, through links of this user's alone, without waiting for the writer of a pipe.</summary>
    /// <param name="what">Option and value, or what else errors name.</param>
    /// <param name="path">An absolute path.</param>
    /// <exception cref="IOException">It cannot be read, or somebody else could exchange it.</exception>
    public static int OpenToRead(string what, string path)
    {
        var opened = Syscall.Open(Resolve(what, path, Ownership.OfProcess), Syscall.O_RDONLY | Syscall.O_NONBLOCK, 0);
        return opened.Ok ? opened.Value : throw PathFailure.Of(what, path, "read", opened.Error);
    }

    /// <summary>The path without links; parts that are not there stay as they are.</summary>
    /// <param name="what">Option and value, or what else errors name.</param>
    /// <param name="path">An absolute path.</param>
    /// <param name="owners">Whose links are followed.</param>
    /// <exception cref="IOException">Somebody else's link is on the way, or somebody else's file where anybody may make one.</exception>
    public static string Resolve(string what, string path, Ownership owners)
    {
        var left = new Stack<string>(Parts(path));
        string at = "";
        int links = 0;
        while (left.TryPop(out string? name))
        {
            if (name == "..")
            {
                at = at[..Math.Max(0, at.LastIndexOf('/'))];
                continue;
            }

            string next = $"{at}/{name}";
            if (!Syscall.StatusOf(next, out var status).Ok || IsOpenFile(next))
            {
                return string.Join('/', [next, .. left]);
            }

            CheckPart(what, at, next, status, owners);
            if (!status.IsLink)
            {
                at = next;
                continue;
            }

            string target = new FileInfo(next).LinkTarget ?? "";
            at = target.StartsWith('/') ? "" : at;
            foreach (string part in Parts(target))
            {
                left.Push(part);
            }

            if (++links > LinksMax)
            {
                throw new IOException($"{what}: '{path}' leads through more than {LinksMax} symbolic links");
            }
        }

        return at.Length == 0 ? "/" : at;
    }

    /// <summary>Whether a path that <see cref="Resolve"/> gave leads to what is open already: nothing can be put in its place.</summary>
    public static bool IsOpenFile(string resolved) => resolved.StartsWith(OpenFiles, StringComparison.Ordinal);

    /// <summary>Opens a file that others must not have made or be able to exchange; what opens it otherwise fails is the result.</summary>
    /// <param name="what">Option and value for errors.</param>
    /// <param name="path">An absolute path.</param>
    /// <param name="flags">Of open(2).</param>
    /// <param name="mode">Permissions of a new file.</param>
    /// <param name="owners">Whose it may be.</param>
    /// <exception cref="IOException">It is somebody else's, lies in somebody else's directory, or is a link that somebody else has made.</exception>
    public static SysResult Open(string what, string path, int flags, int mode, Ownership owners)
    {
        string resolved = Resolve(what, path, owners);
        if (IsOpenFile(resolved))
        {
            return Syscall.Open(resolved, flags, mode);
        }

        CheckParent(what, resolved, owners);
        var opened = Syscall.Open(resolved, flags | Syscall.O_NOFOLLOW, mode);
        if (opened.Ok && WhyForeign(opened.Value, resolved, owners) is { } why)
        {
            _ = Syscall.Close(opened.Value);
            throw new IOException($"{what}: {why}");
        }

        return opened;
    }

    /// <summary>Makes a directory where it is missing, and those above it; one below a directory of everybody's for its owner alone.</summary>
    /// <param name="option">The option, for errors.</param>
    /// <param name="path">An absolute path.</param>
    /// <param name="owners">Whose it may be.</param>
    /// <returns>An open descriptor of it when it was made, otherwise null.</returns>
    /// <exception cref="IOException">It cannot be made, or is somebody else's.</exception>
    public static int? MakeDirectory(string option, string path, Ownership owners)
    {
        string resolved = Resolve($"{option} {path}", path, owners);
        bool isMade = false;
        string at = "";
        foreach (string name in Parts(resolved).Reverse())
        {
            bool isExposed = IsExposed(at);
            at = $"{at}/{name}";
            if (Syscall.StatusOf(at, out _).Error == Errno.ENOENT)
            {
                Make(option, path, at, isExposed ? OwnerOnly : Everything);
                isMade = true;
            }
        }

        var opened = Syscall.Open(resolved, Syscall.O_RDONLY | Syscall.O_DIRECTORY | Syscall.O_NOFOLLOW, 0);
        if (!opened.Ok)
        {
            // One that may be entered and not read is in order; whoever can do neither is told when a file is opened in it.
            return opened.Error == Errno.EACCES ? null : throw PathFailure.Of($"{option} {path}", resolved, "used", opened.Error);
        }

        _ = Syscall.StatusOf(opened.Value, out var status).OrThrow($"statx '{resolved}'");
        if (isMade && status.Owner == Syscall.EffectiveUserId())
        {
            return opened.Value;
        }

        _ = Syscall.Close(opened.Value);
        return owners.Covers(status.Owner) ? null : throw new IOException(
            $"{option} {path}: the directory belongs to {Ownership.Name(status.Owner)}: start the server as that user "
            + "(or as root with --user), or name another directory");
    }

    /// <summary>What others may do in a directory of ours, where what they make is not used; null when only owner and group may write.</summary>
    public static string? WhyExposed(string directory) =>
        Syscall.StatusOf(directory, out var status).Ok && status is { IsLink: false, OthersMayWrite: true }
        ? $"{directory}: anybody may write to it and remove a server's files: chmod o-w {directory}"
        : null;

    /// <summary>Why an open file is not to be used: whose it is; null when it is ours.</summary>
    public static string? WhyForeign(int fd, string path, Ownership owners)
    {
        _ = Syscall.StatusOf(fd, out var status).OrThrow($"statx '{path}'");
        return !status.IsDevice && !owners.Covers(status.Owner) ? $"'{path}' belongs to {Ownership.Name(status.Owner)}: remove it, or name another file"
            : status is { IsRegular: true, Links: > 1 } && IsExposed(Above(path)) ? $"'{path}' has another name (a hard link): remove it, or name another file"
            : null;
    }

    private static void CheckPart(string what, string directory, string path, FileStatus status, Ownership owners)
    {
        bool isExposed = IsExposed(directory);
        if ((isExposed || status.IsLink) && !owners.Covers(status.Owner))
        {
            throw new IOException(
                $"{what}: '{path}' {(status.IsLink ? "is a symbolic link of" : "belongs to")} {Ownership.Name(status.Owner)}: remove it, or name another path");
        }

        if (isExposed && status is { IsDirectory: true, MoreThanOwnerMayWrite: true, IsSticky: false })
        {
            throw new IOException(
                $"{what}: other users than its owner may write to '{path}', in a directory that anybody may write to: chmod go-w '{path}', "
                + "or name another path");
        }
    }

    private static void CheckParent(string what, string path, Ownership owners)
    {
        string parent = Above(path);
        if (Syscall.StatusOf(parent, out var status).Ok && !owners.Covers(status.Owner))
        {
            throw new IOException(
                $"{what}: the directory '{parent}' belongs to {Ownership.Name(status.Owner)}, who could replace files in it: name another file");
        }
    }

    private static void Make(string option, string path, string directory, UnixFileMode mode)
    {
        try
        {
            _ = Directory.CreateDirectory(directory, mode);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw PathFailure.Of($"{option} {path}", directory, "made", failure);
        }
    }

    /// <summary>Whether anybody may make files in a directory, the root written as "".</summary>
    private static bool IsExposed(string directory) => Syscall.StatusOf(directory.Length == 0 ? "/" : directory, out var status).Ok && status.OthersMayWrite;

    private static string Above(string path) => path.LastIndexOf('/') is > 0 and int slash ? path[..slash] : "/";

    /// <summary>The parts of a path, last one first.</summary>
    private static IEnumerable<string> Parts(string path) => path.Split('/').Where(part => part is not ("" or ".")).Reverse();
}
