using System.Globalization;
using Appliance.Native;

namespace Appliance.Operators;

/// <summary>Who has sent a command, as far as that is known.</summary>
/// <param name="Pid">Its process; 0 when nobody knows.</param>
/// <param name="User">Its user; null when nobody knows.</param>
/// <param name="IsTrusted">Whether it is the server's own user or root: it may do everything.</param>
public readonly record struct ControlSender(int Pid, uint? User, bool IsTrusted)
{
    private const string UserLine = "Uid:";

    /// <summary>Of all user ids of a process, real, effective, saved and of files, how many there are; proc_pid_status(5).</summary>
    private const int UserIds = 4;

    /// <summary>
    /// The sender of the only message that a queue held: the last process that has sent anything to it (<c>msg_lspid</c>), if nothing came behind.
    /// What the kernel tells is the last one's number and nothing of those before, so anything that is not sure counts as another user's:
    /// a process that has ended, the server's own, one that runs a program of another user's (set-user-ID) and has only some of its ids.
    /// </summary>
    /// <param name="after">The queue once the message was taken.</param>
    public static ControlSender Of(in MessageQueueStatus after)
    {
        int pid = after.msg_qnum == 0 && !Syscall.IsOwnThread(after.msg_lspid) ? after.msg_lspid : 0;
        return pid > 0 && UserOf(pid) is { } user ? new ControlSender(pid, user, Ownership.OfProcess.Covers(user)) : new ControlSender(pid, null, false);
    }

    /// <summary>For the log: <c>user 33, process 4711</c>.</summary>
    public override string ToString() => User is { } user
        ? string.Create(CultureInfo.InvariantCulture, $"user {user}, process {Pid}")
        : Pid > 0 ? string.Create(CultureInfo.InvariantCulture, $"process {Pid}") : "an unknown process";

    /// <summary>The user of a process whose ids are all the same; otherwise the one among them that may do least, which is none of ours.</summary>
    internal static uint? UserIn(string status)
    {
        int at = status.IndexOf(UserLine, StringComparison.Ordinal);
        int end = at < 0 ? -1 : status.IndexOf('\n', at);
        string[] ids = end < 0 ? [] : status[(at + UserLine.Length)..end].Split('\t', StringSplitOptions.RemoveEmptyEntries);
        uint? user = null;
        foreach (string id in ids)
        {
            if (ids.Length != UserIds || !uint.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out uint one))
            {
                return null;
            }

            user = user is null || (Ownership.OfProcess.Covers(user.Value) && !Ownership.OfProcess.Covers(one)) ? one : user;
        }

        return user;
    }

    private static uint? UserOf(int pid)
    {
        try
        {
            return UserIn(File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/status")));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // It has ended, or the server may not see it (hidepid, ProtectProc=).
            return null;
        }
    }
}
