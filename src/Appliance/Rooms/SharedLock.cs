using Appliance.Native;

namespace Appliance.Rooms;

/// <summary>
/// A mutex in shared memory that outlives its holder: when its holder dies, the next process that takes the mutex
/// learns it and repairs the log first. Uncontended it costs 28 ns; a System V semaphore, a system call each way, fifteen times that.
/// </summary>
internal readonly unsafe struct SharedLock(byte* mutex)
{
    /// <summary>
    /// Longest wait: holders need microseconds, so a longer holder is stopped, or does not exist (the word that names the holder is
    /// damaged, and no process with that number will ever give the mutex back).
    /// </summary>
    private const int WaitSecondsMax = 3;

    /// <summary>Makes the mutex; nobody may hold it or wait for it.</summary>
    public void Initialize() => _ = Syscall.MutexInit(mutex).OrThrow("pthread_mutex_init");

    /// <summary>Takes the lock; false when the last holder died with it and its work must be put in order.</summary>
    /// <exception cref="SyscallException">The mutex is damaged, or its holder does not go on.</exception>
    public bool Enter()
    {
        var result = Syscall.MutexLock(mutex, WaitSecondsMax);
        if (result.Ok)
        {
            return true;
        }

        if (result.Error != Errno.EOWNERDEAD)
        {
            throw new SyscallException("lock of a room log, whose holder does not go on or which is damaged", result.Error);
        }

        _ = Syscall.MutexConsistent(mutex).OrThrow("pthread_mutex_consistent");
        return false;
    }

    /// <summary>Gives the lock back.</summary>
    public void Exit() => _ = Syscall.MutexUnlock(mutex).OrThrow("pthread_mutex_unlock");
}
