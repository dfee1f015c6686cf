namespace Appliance.Native;

/// <summary>
/// Why a file or directory cannot be used, in words: the one place that turns the errno of a path, or what the runtime makes of it, into what
/// is in the way and what helps. It looks at the path again, because an errno does not say which part of it is meant.
/// </summary>
public static class PathFailure
{
    private const int ErrnoMax = 4095; // of the kernel, include/linux/err.h

    /// <summary>An exception that says it.</summary>
    /// <param name="what">Option or argument, and its value as it was given.</param>
    /// <param name="path">The path that was used.</param>
    /// <param name="done">What could not be done with it: <c>read</c>, <c>written</c>, <c>made</c>.</param>
    /// <param name="error">Why not.</param>
    public static IOException Of(string what, string path, string done, Errno error) => new(Text(what, path, done, error));

    /// <summary>The same of an exception of the runtime's.</summary>
    public static IOException Of(string what, string path, string done, Exception failure) =>
        new(ErrnoOf(failure) is Errno.None ? $"{what}: {failure.Message}" : Text(what, path, done, ErrnoOf(failure)), failure);

    /// <summary>What cannot be done, why, and what helps.</summary>
    public static string Describe(string path, string done, Errno error) => $"'{path}' cannot be {done}: {WhyNot(path, done, error)}";

    /// <summary>The errno behind an exception of the runtime's; none when it is an exception of ours, which has words.</summary>
    public static Errno ErrnoOf(Exception failure) => failure switch
    {
        FileNotFoundException or DirectoryNotFoundException => Errno.ENOENT,
        UnauthorizedAccessException => Errno.EACCES,
        PathTooLongException => Errno.ENAMETOOLONG,
        IOException { HResult: > 0 and <= ErrnoMax } => (Errno)failure.HResult,
        _ => Errno.None,
    };

    /// <summary>A path that stands there already is not said again.</summary>
    private static string Text(string what, string path, string done, Errno error) =>
        what.EndsWith(path, StringComparison.Ordinal)
            ? $"{what}: cannot be {done}: {WhyNot(path, done, error)}"
            : $"{what}: {Describe(path, done, error)}";

    private static string WhyNot(string path, string done, Errno error)
    {
        var (why, wayOut) = Explain(path, done, error);
        return $"{(why.Length > 0 ? $"{why} ({error})" : SyscallException.Describe(error))}; {wayOut}";
    }

    /// <summary>What is in the way, empty when the errno says it all, and what helps.</summary>
    private static (string Why, string WayOut) Explain(string path, string done, Errno error)
    {
        const string Another = "name another path";
        string last = LastPart(path, out var status);
        bool isWhole = last == path.TrimEnd('/');
        bool isInFile = last.Length > 0 && !isWhole && !status.IsDirectory && !status.IsLink;
        bool isDirectory = isWhole && status.IsDirectory;
        return error is Errno.ENOTDIR || isInFile ? ($"'{last}' is not a directory", Another)
            : error is Errno.EEXIST && isWhole && !isDirectory ? ("a file is there already", $"remove it, or {Another}")
            : error is Errno.EEXIST && isDirectory ? ("a directory is there", $"remove it, or {Another}")
            : error is Errno.EISDIR || (error is Errno.EACCES && isDirectory && done is not "made") ? ("it is a directory", "name a file in it")
            : error is Errno.ENOENT && status.IsLink ? ($"the symbolic link '{last}' leads nowhere", Another)
            : error is Errno.ENOENT && NextPart(path, last) is var missing && missing != path
                ? ($"the directory '{missing}' is not there", $"make it, or {Another}")
            : error is Errno.ENOENT && done is ("read" or "run") ? ("it is not there", "name a file that is")
            : error is Errno.ENOENT ? ($"nothing can be made in '{Shown(last)}'", Another)
            : error is Errno.EACCES or Errno.EPERM
                ? ($"{User} may not: '{Shown(last)}' belongs to {Owner(status)}", $"run this as a user who may, or {Another}")
            : error is Errno.EROFS ? ("its file system is mounted read-only", Another)
            : error is Errno.ENOSPC or Errno.EDQUOT ? ("", $"make room, or {Another}")
            : error is Errno.ELOOP ? ("symbolic links in it go round in a circle", Another)
            : error is Errno.ENAMETOOLONG ? ("it is too long", "a path may have 4095 bytes, each name in it 255")
            : ("", Another);
    }

    /// <summary>The longest beginning of a path that is there and may be looked at, the root written as "".</summary>
    private static string LastPart(string path, out FileStatus status)
    {
        string at = path.TrimEnd('/');
        while (at.Length > 0 && !Syscall.StatusOf(at, out status).Ok)
        {
            at = at[..Math.Max(0, at.LastIndexOf('/'))];
        }

        _ = Syscall.StatusOf(Shown(at), out status);
        return at;
    }

    /// <summary>A beginning of a path, one name longer.</summary>
    private static string NextPart(string path, string last) =>
        path.IndexOf('/', Math.Min(last.Length + 1, path.Length)) is > 0 and var slash ? path[..slash] : path;

    private static string User => Ownership.Name(Syscall.EffectiveUserId());

    private static string Shown(string part) => part.Length == 0 ? "/" : part;

    private static string Owner(FileStatus status) => $"{Ownership.Name(status.Owner)}, mode 0{Convert.ToString(status.Permissions, 8).PadLeft(3, '0')}";
}
