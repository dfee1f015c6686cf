using System.Runtime.InteropServices;

namespace Appliance.Native;

/// <summary><c>struct shmid_ds</c> of the 64-bit kernels, as shmctl(2) fills it: all times in seconds since 1970, 0 for never.</summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
public struct SharedMemoryStatus
{
    /// <summary>Size of the structure.</summary>
    public const int Bytes = 112;

    [FieldOffset(4)]
    public uint shm_perm_uid;

    [FieldOffset(8)]
    public uint shm_perm_gid;

    [FieldOffset(20)]
    public uint shm_perm_mode;

    [FieldOffset(48)]
    public long shm_segsz;

    [FieldOffset(56)]
    public long shm_atime;

    [FieldOffset(64)]
    public long shm_dtime;

    [FieldOffset(72)]
    public long shm_ctime;

    [FieldOffset(80)]
    public int shm_cpid;

    [FieldOffset(84)]
    public int shm_lpid;

    [FieldOffset(88)]
    public long shm_nattch;
}

public static unsafe partial class Syscall
{
    /// <summary>The permissions in the mode of an object: read and write for owner, group and others.</summary>
    public const uint IpcModeMask = 0x1FF;

    private const int SHM_RDONLY = 0x1000;

    /// <summary>Maps a segment for reading alone; shmat(2), SHM_RDONLY.</summary>
    public static SysResult ShmAttachReadOnly(int id, out byte* address)
    {
        address = Imports.shmat(id, null, SHM_RDONLY);
        return (nint)address == -1 ? SysResult.From(-1) : default;
    }

    /// <summary>shmctl(2), IPC_STAT.</summary>
    public static SysResult ShmStatus(int id, out SharedMemoryStatus status)
    {
        fixed (SharedMemoryStatus* pointer = &status)
        {
            return SysResult.From(Imports.shmctl(id, IPC_STAT, pointer));
        }
    }

    /// <summary>Changes owner, group and permissions to those of <paramref name="status"/>; shmctl(2), IPC_SET.</summary>
    public static SysResult ShmChange(int id, in SharedMemoryStatus status)
    {
        fixed (SharedMemoryStatus* pointer = &status)
        {
            return SysResult.From(Imports.shmctl(id, IPC_SET, pointer));
        }
    }
}
