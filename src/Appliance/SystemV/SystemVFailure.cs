using Appliance.Native;

namespace Appliance.SystemV;

/// <summary>The message for a failed System V call.</summary>
public static class SystemVFailure
{
    /// <summary>A refusal names the object's owner and mode, which this user can change or ask for; anything else names the call.</summary>
    /// <param name="kind">Kind of the object.</param>
    /// <param name="key">Its key.</param>
    /// <param name="call">The call, with what it was about.</param>
    /// <param name="error">Its errno.</param>
    public static Exception Of(SystemVKind kind, SystemVKey key, string call, Errno error)
    {
        var denied = error is Errno.EACCES or Errno.EPERM ? SystemVTable.Find(kind, key.Value) : null;
        if (denied is null)
        {
            return new SyscallException(call, error);
        }

        string owner = Syscall.UserName(denied.User);
        return new IOException(
            $"{call}: user {owner} owns it, with mode {ModeText(denied.Mode)}, so user {Syscall.UserName(Syscall.EffectiveUserId())} may not do this: "
            + $"run it as {owner}{(denied.User == 0 ? "" : " or root")}"
            + $"{(error == Errno.EACCES ? ", or have the owner make it anew with another --mode" : "")}");
    }

    /// <summary>Permissions in octal, as chmod(1) has them: <c>0660</c>.</summary>
    public static string ModeText(uint mode) => $"0{Convert.ToString(mode & Syscall.IpcModeMask, 8).PadLeft(3, '0')}";
}
