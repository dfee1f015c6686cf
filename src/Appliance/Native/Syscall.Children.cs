using System.Runtime.InteropServices;

namespace Appliance.Native;

public static unsafe partial class Syscall
{
    private const int WNOHANG = 1;
    private const int AnyChild = -1;

    /// <summary>
    /// Asks without waiting whether a child has ended (the value is then its pid, otherwise 0), and how; ECHILD: there is no such child any
    /// more, so it has ended and somebody else knows how. waitpid(2).
    /// </summary>
    public static SysResult WaitNoHang(int pid, out int status)
    {
        int reported = 0;
        var result = SysResult.From(Imports.waitpid(pid, &reported, WNOHANG));
        status = reported;
        return result;
    }

    /// <summary>The next child of this process that has ended, whichever it is, without waiting: its pid and how it ended; 0: none has. waitpid(2).</summary>
    public static int NextEnded(out int status)
    {
        var result = WaitNoHang(AnyChild, out status);
        return result.Ok ? result.Value : 0;
    }

    /// <summary>Waits until a child has ended, and tells how; ECHILD as for <see cref="WaitNoHang"/>. waitpid(2).</summary>
    /// <param name="pid">The child.</param>
    /// <param name="alsoOrphans">
    /// Whether all others that end meanwhile are waited for as well: in the first process of a container, which inherits orphans, and
    /// only where it has no other child of its own.
    /// </param>
    /// <param name="status">How it ended.</param>
    public static SysResult Wait(int pid, bool alsoOrphans, out int status)
    {
        int reported = 0;
        SysResult result;
        do
        {
            result = SysResult.From(Imports.waitpid(alsoOrphans ? AnyChild : pid, &reported, 0));
        }
        while (result.Error == Errno.EINTR || (result.Ok && result.Value != pid));
        status = reported;
        return result;
    }

    private static partial class Imports
    {
        [LibraryImport("libc")]
        internal static partial int waitpid(int pid, int* status, int options);
    }
}
