using System.Runtime.InteropServices;

namespace Appliance.Native;

/// <summary><c>struct sembuf</c>: one step of a semop(2).</summary>
/// <param name="sem_num">Which semaphore of the set.</param>
/// <param name="sem_op">What is added; 0 waits until the value is 0.</param>
/// <param name="sem_flg"><see cref="Syscall.SEM_UNDO"/> or 0.</param>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct SemaphoreStep(ushort sem_num, short sem_op, short sem_flg);

/// <summary><c>struct semid_ds</c> of x86-64 kernels, as semctl(2) fills it: times in seconds since 1970, 0 for never.</summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
public struct SemaphoreStatus
{
    /// <summary>Size of the structure, with room to spare.</summary>
    public const int Bytes = 128;

    [FieldOffset(4)]
    public uint sem_perm_uid;

    [FieldOffset(8)]
    public uint sem_perm_gid;

    [FieldOffset(20)]
    public uint sem_perm_mode;

    [FieldOffset(48)]
    public long sem_otime;
}

public static unsafe partial class Syscall
{
    /// <summary>The kernel takes the step back when the process ends, however that is.</summary>
    public const short SEM_UNDO = 0x1000;

    private const int GETPID = 11;
    private const int GETVAL = 12;
    private const int GETNCNT = 14;
    private const int SETVAL = 16;

    /// <summary>The identifier of a set of semaphores; semget(2). A new set is all zeros.</summary>
    public static SysResult SemaphoreGet(int key, int count, int flags) => SysResult.From(Imports.semget(key, count, flags));

    /// <summary>Does all steps at once, or waits until it can; semtimedop(2). EINTR is reported: the caller decides whether to go on.</summary>
    /// <param name="id">The set.</param>
    /// <param name="steps">The steps.</param>
    /// <param name="timeout">How long to wait before EAGAIN; null: for ever.</param>
    public static SysResult SemaphoreOperate(int id, ReadOnlySpan<SemaphoreStep> steps, TimeSpan? timeout)
    {
        // struct timespec: seconds and nanoseconds, 8 bytes each.
        long* time = stackalloc long[2];
        (time[0], time[1]) = (timeout.GetValueOrDefault().Ticks / TimeSpan.TicksPerSecond, timeout.GetValueOrDefault().Ticks % TimeSpan.TicksPerSecond * 100);
        fixed (SemaphoreStep* first = steps)
        {
            return SysResult.From(Imports.semtimedop(id, first, (nuint)steps.Length, timeout is null ? null : time));
        }
    }

    /// <summary>The value of a semaphore; semctl(2), GETVAL.</summary>
    public static SysResult SemaphoreValue(int id, int index) => SysResult.From(Imports.semctl(id, index, GETVAL, 0));

    /// <summary>Who waits for a semaphore to grow; semctl(2), GETNCNT.</summary>
    public static SysResult SemaphoreWaiting(int id, int index) => SysResult.From(Imports.semctl(id, index, GETNCNT, 0));

    /// <summary>The process that changed a semaphore last; semctl(2), GETPID.</summary>
    public static SysResult SemaphoreLastPid(int id, int index) => SysResult.From(Imports.semctl(id, index, GETPID, 0));

    /// <summary>Gives a semaphore a value, and takes back nothing of it later; semctl(2), SETVAL.</summary>
    public static SysResult SemaphoreSet(int id, int index, int value) => SysResult.From(Imports.semctl(id, index, SETVAL, value));

    /// <summary>semctl(2), IPC_STAT.</summary>
    public static SysResult SemaphoreStat(int id, out SemaphoreStatus status)
    {
        fixed (SemaphoreStatus* pointer = &status)
        {
            return SysResult.From(Imports.semctl(id, 0, IPC_STAT, (nint)pointer));
        }
    }

    /// <summary>Removes a set at once: processes that wait at it get EIDRM. semctl(2), IPC_RMID.</summary>
    public static SysResult SemaphoreRemove(int id) => SysResult.From(Imports.semctl(id, 0, IPC_RMID, 0));

    private static partial class Imports
    {
        [LibraryImport("libc")]
        internal static partial int semget(int key, int count, int flags);

        [LibraryImport("libc")]
        internal static partial int semtimedop(int id, SemaphoreStep* steps, nuint count, long* timeout);

        // Variable arguments: a number or a pointer, both in a register on the processors that this runs on.
        [LibraryImport("libc")]
        internal static partial int semctl(int id, int index, int command, nint argument);
    }
}
