using System.Runtime.InteropServices;

namespace Appliance.Native;

/// <summary>A system call failed that this program cannot go on without.</summary>
public sealed class SyscallException : Exception
{
    /// <summary>Names the call, says the errno in words, and what can be done about it.</summary>
    public SyscallException(string call, Errno error, string wayOut = "")
        : base(Text(call, error, wayOut.Length > 0 ? wayOut : SystemVWayOut(call, error))) => Error = error;

    /// <inheritdoc/>
    public SyscallException()
    {
    }

    /// <inheritdoc/>
    public SyscallException(string message)
        : base(message)
    {
    }

    /// <inheritdoc/>
    public SyscallException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>The errno of the call.</summary>
    public Errno Error { get; }

    /// <summary>The words of strerror(3) and the number's name: <c>Address already in use (EADDRINUSE)</c>.</summary>
    public static string Describe(Errno error) =>
        $"{Marshal.GetPInvokeErrorMessage((int)error)} ({error}{(LimitOf(error) is { } limit ? $": {limit}" : "")})";

    private static string Text(string call, Errno error, string wayOut) => $"{call}: {Describe(error)}{(wayOut.Length > 0 ? $"; {wayOut}" : "")}";

    /// <summary>
    /// What to do where System V objects are missing altogether: their calls alone begin so. EPERM is no answer of the kernel's own to a get.
    /// </summary>
    private static string SystemVWayOut(string call, Errno error)
    {
        string family = call.Length > 3 ? call[..3] : "";
        return family is not ("msg" or "shm" or "sem") ? ""
            : error == Errno.ENOSYS ? "this kernel, or the sandbox around it, has no System V IPC: it needs CONFIG_SYSVIPC, and no such sandbox"
            : error == Errno.EPERM && call.AsSpan(family.Length).StartsWith("get ")
                ? $"a filter forbids it: allow {family}get and the other calls of its family in the seccomp profile of the container or service"
            : "";
    }

    /// <summary>The limit behind an errno that has one cause, and where to raise it; null for every other errno. setrlimit(2), proc_sys_fs(5).</summary>
    private static string? LimitOf(Errno error) =>
        error == Errno.EMFILE ? "this process has all the descriptors that ulimit -n, or LimitNOFILE= of its unit, allows"
        : error == Errno.ENFILE ? "all processes together have all the files that sysctl fs.file-max allows"
        : error == Errno.EFBIG ? "the largest file that ulimit -f, or LimitFSIZE= of the unit, allows"
        : null;
}
