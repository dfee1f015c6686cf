using System.Runtime.InteropServices;

namespace Appliance.Native;

public static unsafe partial class Syscall
{
    public const int IPC_CREAT = 0x200;
    public const int IPC_EXCL = 0x400;

    /// <summary>No swap or commit is set aside for the segment: untouched pages cost nothing.</summary>
    public const int SHM_NORESERVE = 0x1000;

    /// <summary>A <c>pthread_mutex_t</c> has 40 bytes on x86-64 and 48 on arm64: a cache line holds either.</summary>
    public const int MutexBytes = 64;

    private const int IPC_RMID = 0;
    private const int IPC_STAT = 2;
    private const int PROT_READ = 1;
    private const int PROT_WRITE = 2;
    private const int MAP_SHARED = 1;
    private const int MAP_PRIVATE = 2;
    private const int MAP_ANONYMOUS = 0x20;
    private const int MAP_NORESERVE = 0x4000;
    private const int MADV_REMOVE = 9;
    private const int MADV_DONTDUMP = 16;
    private const int PTHREAD_PROCESS_SHARED = 1;
    private const int PTHREAD_MUTEX_ROBUST = 1;
    private const int CLOCK_MONOTONIC = 1;
    private static readonly nint SYS_clock_gettime = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 113 : 228;

    /// <summary>The System V key of an existing path and a project letter; ftok(3).</summary>
    public static SysResult Ftok(string path, char project, out int key)
    {
        key = Imports.ftok(path, project);
        return key == -1 ? SysResult.From(-1) : default;
    }

    /// <summary>The identifier of a shared memory segment; shmget(2).</summary>
    public static SysResult ShmGet(int key, nuint bytes, int flags) => SysResult.From(Imports.shmget(key, bytes, flags));

    /// <summary>Maps a segment where the kernel sees fit; shmat(2).</summary>
    public static SysResult ShmAttach(int id, out byte* address)
    {
        address = Imports.shmat(id, null, 0);
        return (nint)address == -1 ? SysResult.From(-1) : default;
    }

    /// <summary>shmdt(2).</summary>
    public static SysResult ShmDetach(byte* address) => SysResult.From(Imports.shmdt(address));

    /// <summary>Removes a segment's key at once and its memory with the last detach; shmctl(2), IPC_RMID.</summary>
    public static SysResult ShmRemove(int id) => SysResult.From(Imports.shmctl(id, IPC_RMID, null));

    /// <summary>Size of a segment in bytes; shmctl(2), IPC_STAT. <c>struct shmid_ds</c> begins with 48 bytes of ipc_perm, then the size.</summary>
    public static long ShmSize(int id)
    {
        long* status = stackalloc long[32];
        return SysResult.From(Imports.shmctl(id, IPC_STAT, status)).Ok ? status[6] : 0;
    }

    /// <summary>How many attachments a segment has, in all processes; shmctl(2), IPC_STAT: the number at byte 88.</summary>
    public static long ShmAttachments(int id)
    {
        long* status = stackalloc long[32];
        return SysResult.From(Imports.shmctl(id, IPC_STAT, status)).Ok ? status[11] : 0;
    }

    /// <summary>
    /// Memory of this process alone that reads as zero, for which nothing is set aside: a page counts once it is touched, until it is given
    /// back (<see cref="Discard"/>). mmap(2).
    /// </summary>
    public static SysResult MapAnonymous(nuint bytes, out byte* address)
    {
        address = Imports.mmap(null, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        return (nint)address == -1 ? SysResult.From(-1) : default;
    }

    /// <summary>
    /// The same for secrets: no process that is forked shares it, and no core dump has it. mmap(2); madvise(2), MADV_DONTDUMP.
    /// </summary>
    public static SysResult MapSecret(nuint bytes, out byte* address)
    {
        address = Imports.mmap(null, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if ((nint)address == -1)
        {
            return SysResult.From(-1);
        }

        // A kernel without it has no core dump to be left out of.
        _ = Imports.madvise(address, bytes, MADV_DONTDUMP);
        return default;
    }

    /// <summary>Gives memory that was freed back to the kernel where libc can; malloc_trim(3).</summary>
    public static void TrimHeap()
    {
        if (NativeLibrary.TryGetExport(NativeLibrary.GetMainProgramHandle(), "malloc_trim", out nint trim))
        {
            _ = ((delegate* unmanaged<nuint, int>)trim)(0);
        }
    }

    /// <summary>munmap(2).</summary>
    public static SysResult Unmap(byte* address, nuint bytes) => SysResult.From(Imports.munmap(address, bytes));

    /// <summary>Gives the pages of shared memory back to the kernel; they read as zero from then on. madvise(2), MADV_REMOVE.</summary>
    public static SysResult Discard(byte* address, nuint bytes) => SysResult.From(Imports.madvise(address, bytes, MADV_REMOVE));

    /// <summary>Makes a mutex that processes share and that survives the death of a holder; pthread_mutexattr_setrobust(3).</summary>
    public static SysResult MutexInit(byte* mutex)
    {
        byte* attributes = stackalloc byte[MutexBytes];
        int error = Imports.pthread_mutexattr_init(attributes);
        error = error != 0 ? error : Imports.pthread_mutexattr_setpshared(attributes, PTHREAD_PROCESS_SHARED);
        error = error != 0 ? error : Imports.pthread_mutexattr_setrobust(attributes, PTHREAD_MUTEX_ROBUST);
        error = error != 0 ? error : Imports.pthread_mutex_init(mutex, attributes);
        return SysResult.FromErrorNumber(error);
    }

    /// <summary>
    /// Takes a mutex, waiting some seconds for it at most (ETIMEDOUT); EOWNERDEAD means that it is taken, but its last holder died with
    /// it. pthread_mutex_trylock(3), pthread_mutex_clocklock(3).
    /// </summary>
    public static SysResult MutexLock(byte* mutex, int secondsMax)
    {
        int error = Imports.pthread_mutex_trylock(mutex);
        if (error == (int)Errno.EBUSY)
        {
            // By the kernel's own clock, as the wait is: before libc's there may stand a library that shows another one, for tests.
            long* until = stackalloc long[2];
            _ = Imports.syscall(SYS_clock_gettime, CLOCK_MONOTONIC, (nint)until, 0, 0, 0, 0);
            until[0] += secondsMax;
            error = Imports.pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, until);
        }

        return SysResult.FromErrorNumber(error);
    }

    /// <summary>Says that what a dead holder left has been put in order; pthread_mutex_consistent(3).</summary>
    public static SysResult MutexConsistent(byte* mutex) => SysResult.FromErrorNumber(Imports.pthread_mutex_consistent(mutex));

    /// <summary>pthread_mutex_unlock(3).</summary>
    public static SysResult MutexUnlock(byte* mutex) => SysResult.FromErrorNumber(Imports.pthread_mutex_unlock(mutex));

    private static partial class Imports
    {
        [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int ftok(string path, int project);

        [LibraryImport("libc")]
        internal static partial int shmget(int key, nuint bytes, int flags);

        [LibraryImport("libc")]
        internal static partial byte* shmat(int id, void* address, int flags);

        [LibraryImport("libc")]
        internal static partial int shmdt(byte* address);

        [LibraryImport("libc")]
        internal static partial int shmctl(int id, int command, void* buffer);

        [LibraryImport("libc")]
        internal static partial int madvise(byte* address, nuint bytes, int advice);

        [LibraryImport("libc")]
        internal static partial byte* mmap(void* address, nuint bytes, int protection, int flags, int fd, long offset);

        [LibraryImport("libc")]
        internal static partial int munmap(byte* address, nuint bytes);

        [LibraryImport("libc")]
        internal static partial int pthread_mutexattr_init(byte* attributes);

        [LibraryImport("libc")]
        internal static partial int pthread_mutexattr_setpshared(byte* attributes, int shared);

        [LibraryImport("libc")]
        internal static partial int pthread_mutexattr_setrobust(byte* attributes, int robust);

        [LibraryImport("libc")]
        internal static partial int pthread_mutex_init(byte* mutex, byte* attributes);

        [LibraryImport("libc")]
        internal static partial int pthread_mutex_trylock(byte* mutex);

        [LibraryImport("libc")]
        internal static partial int pthread_mutex_clocklock(byte* mutex, int clock, long* until);

        [LibraryImport("libc")]
        internal static partial int pthread_mutex_consistent(byte* mutex);

        [LibraryImport("libc")]
        internal static partial int pthread_mutex_unlock(byte* mutex);
    }
}
