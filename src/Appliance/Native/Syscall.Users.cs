using System.Globalization;
using System.Runtime.InteropServices;

namespace Appliance.Native;

public static unsafe partial class Syscall
{
    private const int PasswdUserOffset = 16;
    private const int PasswdGroupOffset = 20;

    /// <summary>User and group of a name; getpwnam(3). <c>struct passwd</c>: two pointers, then uid and gid.</summary>
    public static bool TryGetUser(string name, out uint user, out uint group)
    {
        byte* entry = Imports.getpwnam(name);
        user = entry == null ? 0 : *(uint*)(entry + PasswdUserOffset);
        group = entry == null ? 0 : *(uint*)(entry + PasswdGroupOffset);
        return entry != null;
    }

    /// <summary>The name of a user, or the number where it has none; getpwuid(3). <c>struct passwd</c> begins with a pointer to the name.</summary>
    public static string UserName(uint user)
    {
        byte** entry = Imports.getpwuid(user);
        return (entry == null ? null : Marshal.PtrToStringUTF8((nint)entry[0])) ?? user.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>Gives a directory to a user, never what a symbolic link leads to; lchown(2).</summary>
    public static SysResult ChangeOwner(string path, uint user, uint group) => SysResult.From(Imports.lchown(path, user, group));

    /// <summary>Gives an open file to a user; fchown(2).</summary>
    public static SysResult ChangeOwner(int fd, uint user, uint group) => SysResult.From(Imports.fchown(fd, user, group));

    /// <summary>Takes on all groups of a user; initgroups(3).</summary>
    public static SysResult InitGroups(string name, uint group) => SysResult.From(Imports.initgroups(name, group));

    /// <summary>Becomes a group, in all threads; setgid(2).</summary>
    public static SysResult SetGroupId(uint group) => SysResult.From(Imports.setgid(group));

    /// <summary>Becomes a user, in all threads and for good; setuid(2).</summary>
    public static SysResult SetUserId(uint user) => SysResult.From(Imports.setuid(user));

    private static partial class Imports
    {
        [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
        internal static partial byte* getpwnam(string name);

        [LibraryImport("libc")]
        internal static partial byte** getpwuid(uint user);

        [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int lchown(string path, uint user, uint group);

        [LibraryImport("libc")]
        internal static partial int fchown(int fd, uint user, uint group);

        [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int initgroups(string name, uint group);

        [LibraryImport("libc")]
        internal static partial int setgid(uint group);

        [LibraryImport("libc")]
        internal static partial int setuid(uint user);
    }
}
