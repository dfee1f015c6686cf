using System.Runtime.InteropServices;

namespace Appliance.Native;

/// <summary>What a path or an open file is, and whose.</summary>
/// <param name="Owner">User.</param>
/// <param name="Mode">Type and permissions, <c>st_mode</c>.</param>
/// <param name="Links">Names it has.</param>
/// <param name="Device">Device of the file system.</param>
/// <param name="Inode">Number within the file system.</param>
public readonly record struct FileStatus(uint Owner, uint Mode, uint Links, ulong Device, ulong Inode)
{
    private const uint TypeMask = 0xF000;

    /// <summary>A regular file.</summary>
    public bool IsRegular => (Mode & TypeMask) == 0x8000;

    /// <summary>A directory.</summary>
    public bool IsDirectory => (Mode & TypeMask) == 0x4000;

    /// <summary>A symbolic link.</summary>
    public bool IsLink => (Mode & TypeMask) == 0xA000;

    /// <summary>A socket.</summary>
    public bool IsSocket => (Mode & TypeMask) == 0xC000;

    /// <summary>A character device: only root makes one.</summary>
    public bool IsDevice => (Mode & TypeMask) == 0x2000;

    /// <summary>What it is, in words.</summary>
    public string Kind => IsRegular ? "a regular file" : IsDirectory ? "a directory" : IsLink ? "a symbolic link" : IsSocket ? "a socket"
        : (Mode & TypeMask) == 0x1000 ? "a FIFO or pipe" : "a device";

    /// <summary>Whether users other than the owner and the group may write to it.</summary>
    public bool OthersMayWrite => (Mode & 0x2) != 0;

    /// <summary>Whether users other than the owner and the group may read it.</summary>
    public bool OthersMayRead => (Mode & 0x4) != 0;

    /// <summary>Whether anybody but the owner may write to it.</summary>
    public bool MoreThanOwnerMayWrite => (Mode & 0x12) != 0;

    /// <summary>Whether what lies in this directory can be renamed and removed by its owners alone.</summary>
    public bool IsSticky => (Mode & 0x200) != 0;

    /// <summary>Whether what is made in this directory gets its group: the set-group-ID bit.</summary>
    public bool GivesItsGroup => (Mode & 0x400) != 0;

    /// <summary>The permissions alone.</summary>
    public uint Permissions => Mode & 0xFFF;
}

/// <summary>Whose a System V object is: the head of <c>shmid_ds</c>, <c>msqid_ds</c> and <c>semid_ds</c> (struct ipc_perm, svipc(7)).</summary>
/// <param name="Key">Its key.</param>
/// <param name="Owner">User, which the creator may change.</param>
/// <param name="Creator">User who made it, for good: both may change and remove it.</param>
/// <param name="Mode">Permissions.</param>
public readonly record struct IpcPermissions(int Key, uint Owner, uint Creator, uint Mode);

public static unsafe partial class Syscall
{
    /// <summary>Fails when the last part of the path is no directory.</summary>
    public const int O_DIRECTORY = 0x10000;

    /// <summary>Fails when there is such a file.</summary>
    public const int O_EXCL = 0x80;

    private const uint StatusMask = STATX_TYPE | 2 | STATX_NLINK | 8 | STATX_INO; // STATX_MODE, STATX_UID
    private const int StatxOwnerOffset = 20;
    private const int StatxMajorOffset = 136;
    private const int StatxMinorOffset = 140;
    private const short F_RDLCK = 0;
    private const nint SYS_pidfd_send_signal = 424;
    private const nint SYS_pidfd_open = 434;
    private const int IpcStatusBytes = 256;

    /// <summary>Looks at a path without following a link at its end; statx(2).</summary>
    public static SysResult StatusOf(string path, out FileStatus status)
    {
        byte* buffer = stackalloc byte[StatxBytes];
        var result = SysResult.From(Imports.statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, StatusMask, buffer));
        status = result.Ok ? ReadStatus(buffer) : default;
        return result;
    }

    /// <summary>Looks at an open file; statx(2).</summary>
    public static SysResult StatusOf(int fd, out FileStatus status)
    {
        byte* buffer = stackalloc byte[StatxBytes];
        var result = SysResult.From(Imports.statx(fd, "", AT_EMPTY_PATH, StatusMask, buffer));
        status = result.Ok ? ReadStatus(buffer) : default;
        return result;
    }

    /// <summary>
    /// Whether a lock for writing lies on an open file from some byte on: only a process that may write the file can take one, while every
    /// reader may take one for reading. fcntl(2), F_OFD_GETLK.
    /// </summary>
    public static bool IsWriteLocked(int fd, int from)
    {
        var request = new FileLock { Type = F_RDLCK, Start = from };
        return SysResult.From(Imports.fcntl_lock(fd, F_OFD_GETLK, &request)).Ok && request.Type != F_UNLCK;
    }

    /// <summary>Whose a System V object is; shmctl(2), msgctl(2) or semctl(2), IPC_STAT. EACCES: this user may not read it.</summary>
    public static SysResult PermissionsOf(SystemVKind kind, int id, out IpcPermissions permissions)
    {
        uint* status = stackalloc uint[IpcStatusBytes / sizeof(uint)];
        var result = SysResult.From(kind switch
        {
            SystemVKind.Memory => Imports.shmctl(id, IPC_STAT, status),
            SystemVKind.Queue => Imports.msgctl(id, IPC_STAT, status),
            SystemVKind.Semaphores => Imports.semctl(id, 0, IPC_STAT, (nint)status),
            _ => throw new System.Diagnostics.UnreachableException(),
        });
        permissions = result.Ok ? new IpcPermissions((int)status[0], status[1], status[3], status[5] & IpcModeMask) : default;
        return result;
    }

    /// <summary>A descriptor of a process, which stays that process's even when its number is given to another one; pidfd_open(2).</summary>
    public static SysResult OpenProcess(int pid) => SysResult.From(Imports.syscall(SYS_pidfd_open, pid, 0, 0, 0, 0, 0));

    /// <summary>Signals the process of a descriptor; pidfd_send_signal(2). ESRCH: it has ended.</summary>
    public static SysResult SignalProcess(int descriptor, int signal) =>
        SysResult.From(Imports.syscall(SYS_pidfd_send_signal, descriptor, signal, 0, 0, 0, 0));

    /// <summary>Bytes that nobody can foresee; getrandom(2).</summary>
    public static void FillRandom(Span<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            _ = SysResult.From(Imports.getrandom(start, (nuint)bytes.Length, 0)).OrThrow("getrandom");
        }
    }

    /// <summary>Sets the permissions that new files do not get and returns the former ones; umask(2). Of the whole process.</summary>
    public static int ExchangeUmask(int mask) => Imports.umask(mask);

    /// <summary>Removes a name; unlink(2).</summary>
    public static SysResult Unlink(string path) => SysResult.From(Imports.unlink(path));

    private static FileStatus ReadStatus(byte* status) => new(
        *(uint*)(status + StatxOwnerOffset),
        *(ushort*)(status + StatxModeOffset),
        *(uint*)(status + StatxLinksOffset),
        ((ulong)*(uint*)(status + StatxMajorOffset) << 32) | *(uint*)(status + StatxMinorOffset),
        *(ulong*)(status + StatxInodeOffset));

    private static partial class Imports
    {
        [LibraryImport("libc")]
        internal static partial nint getrandom(byte* bytes, nuint count, uint flags);

        [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int unlink(string path);
    }
}
