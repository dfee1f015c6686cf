using Appliance.Native;

namespace Appliance.Master;

/// <summary>Gives root's rights up once the addresses are bound.</summary>
public static class Privileges
{
    private const uint Root = 0;

    /// <summary>Becomes a user with all its groups, in all threads and for good; gives it what it must be able to write first.</summary>
    /// <exception cref="IOException">There is no such user, or this process may not become it.</exception>
    /// <exception cref="SyscallException">The kernel refuses.</exception>
    public static void Drop(string name, IEnumerable<int> itsFiles)
    {
        if (!Syscall.TryGetUser(name, out uint user, out uint group))
        {
            throw new IOException($"--user: '{name}': there is no such user");
        }

        uint current = Syscall.EffectiveUserId();
        if (current == user)
        {
            return;
        }

        if (current != Root)
        {
            throw new IOException($"--user: '{name}': only root may become another user");
        }

        foreach (int file in itsFiles)
        {
            _ = Syscall.ChangeOwner(file, user, group).OrThrow("fchown");
        }

        Syscall.DropCapabilityBounds();
        _ = Syscall.InitGroups(name, group).OrThrow("initgroups");
        _ = Syscall.SetGroupId(group).OrThrow("setgid");
        _ = Syscall.SetUserId(user).OrThrow("setuid");
    }
}
