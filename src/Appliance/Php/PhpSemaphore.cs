using Appliance.Native;
using Appliance.SystemV;

namespace Appliance.Php;

/// <summary>
/// A semaphore as PHP's ext/sysvsem has it: a set of three. The first is the semaphore itself. The second counts who uses it, and whoever
/// finds itself alone gives the first its value: a locker that does not count itself has the next sem_get() open the gate once more. The
/// third keeps two of those apart. Every step is taken back by the kernel when the process ends, however that is.
/// </summary>
public sealed class PhpSemaphore : IDisposable
{
    /// <summary>Semaphores in the set.</summary>
    public const int Count = 3;

    /// <summary>The highest value the kernel lets a semaphore have, SEMVMX.</summary>
    public const int HoldersMax = 32767;

    /// <summary>The one of the set that counts who uses it.</summary>
    internal const ushort Usage = 1;

    private const ushort Gate = 0;
    private const ushort Setting = 2;

    /// <summary>Opening takes microseconds; who opens for longer than this is stuck.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly int _id;
    private bool _joined = true;
    private bool _held;

    private PhpSemaphore(SystemVKey key, int id)
    {
        Key = key;
        _id = id;
    }

    /// <summary>Its key.</summary>
    public SystemVKey Key { get; }

    /// <summary>Joins those who use the semaphore of a key, making it where it is not there, as sem_get() does.</summary>
    /// <param name="key">The key.</param>
    /// <param name="holders">How many may hold it at a time: it counts when nobody uses it yet.</param>
    /// <param name="mode">Permissions of a new one.</param>
    /// <exception cref="IOException">This user may not, or the set is not PHP's.</exception>
    /// <exception cref="SyscallException">A limit of the kernel's.</exception>
    public static PhpSemaphore Join(SystemVKey key, int holders, uint mode)
    {
        while (true)
        {
            int id = Get(key, Syscall.IPC_CREAT | (int)mode) ?? throw new SyscallException($"semget of semaphore {key}", Errno.ENOENT);
            var joined = Syscall.SemaphoreOperate(
                id, [new(Setting, 0, 0), new(Setting, 1, Syscall.SEM_UNDO), new(Usage, 1, Syscall.SEM_UNDO)], Patience);
            if (joined.Ok)
            {
                if (Require(key, "semctl GETVAL", Syscall.SemaphoreValue(id, Usage)) == 1)
                {
                    _ = Require(key, "semctl SETVAL", Syscall.SemaphoreSet(id, Gate, holders));
                }

                _ = Require(key, "semop", Syscall.SemaphoreOperate(id, [new(Setting, -1, Syscall.SEM_UNDO)], timeout: null));
                return new PhpSemaphore(key, id);
            }

            if (joined.WouldBlock)
            {
                int holder = Require(key, "semctl GETPID", Syscall.SemaphoreLastPid(id, Setting));
                throw new IOException(
                    FormattableString.Invariant($"semaphore {key}: process {holder} has been opening it for more than {Patience.TotalSeconds} seconds now"));
            }

            if (joined.Error is not (Errno.EINTR or Errno.EIDRM or Errno.EINVAL))
            {
                throw Failure(key, "semop", joined.Error);
            }
        }
    }

    /// <summary>The identifier of the set of a key; null when there is none.</summary>
    /// <exception cref="IOException">The set is not PHP's.</exception>
    public static int? Find(SystemVKey key) => Get(key, 0);

    /// <summary>Waits until it is free and takes it. False when it was not within the time.</summary>
    /// <param name="timeout">How long to wait; zero: not at all, null: for ever.</param>
    /// <exception cref="IOException">It was removed.</exception>
    public bool Acquire(TimeSpan? timeout)
    {
        long begin = MonotonicClock.ReadMs();
        while (true)
        {
            var remaining = timeout - TimeSpan.FromMilliseconds(MonotonicClock.ReadMs() - begin);
            var result = Syscall.SemaphoreOperate(_id, [new(Gate, -1, Syscall.SEM_UNDO)], remaining < TimeSpan.Zero ? TimeSpan.Zero : remaining);
            if (result.Ok || result.WouldBlock)
            {
                _held = result.Ok;
                return _held;
            }

            if (result.Error != Errno.EINTR)
            {
                throw Failure(Key, "semop", result.Error);
            }
        }
    }

    /// <summary>The process that took or gave it back last.</summary>
    public int LastPid() => Require(Key, "semctl GETPID", Syscall.SemaphoreLastPid(_id, Gate));

    /// <summary>Gives it back if it is held, and is no longer among those who use it.</summary>
    public void Dispose()
    {
        if (!_joined)
        {
            return;
        }

        // Nothing here can wait, unless somebody else has set the count to zero: then there is nothing to leave.
        var leave = new SemaphoreStep(Usage, -1, Syscall.SEM_UNDO);
        _ = Syscall.SemaphoreOperate(_id, _held ? [leave, new(Gate, 1, Syscall.SEM_UNDO)] : [leave], TimeSpan.Zero);
        (_joined, _held) = (false, false);
    }

    /// <summary>What the kernel knows of the semaphore of an identifier.</summary>
    /// <exception cref="IOException">This user may not look.</exception>
    public static PhpSemaphoreFigures Figures(SystemVKey key, int id)
    {
        var result = Syscall.SemaphoreStat(id, out var status);
        return result.Ok
            ? new PhpSemaphoreFigures(
                Require(key, "semctl GETVAL", Syscall.SemaphoreValue(id, Gate)),
                Require(key, "semctl GETVAL", Syscall.SemaphoreValue(id, Usage)),
                Require(key, "semctl GETNCNT", Syscall.SemaphoreWaiting(id, Gate)),
                Require(key, "semctl GETPID", Syscall.SemaphoreLastPid(id, Gate)),
                status)
            : throw Failure(key, "semctl IPC_STAT", result.Error);
    }

    /// <summary>Removes a set: whoever waits for it is told so.</summary>
    /// <exception cref="IOException">This user may not.</exception>
    public static void Remove(SystemVKey key, int id) => _ = Require(key, "semctl IPC_RMID", Syscall.SemaphoreRemove(id));

    private static int? Get(SystemVKey key, int flags)
    {
        var found = Syscall.SemaphoreGet(key.Value, flags == 0 ? 0 : Count, flags);
        if (found.Ok || found.Error == Errno.EINVAL)
        {
            long count = SystemVTable.Find(SystemVKind.Semaphores, key.Value)?.Size ?? Count;
            return count == Count && found.Ok ? found.Value : throw new IOException(
                FormattableString.Invariant(
                    $"semaphore {key} is not PHP's: it is a set of {count}, and PHP's have {Count}; 'ipcs -s' shows it, --key or --path names another"));
        }

        return found.Error == Errno.ENOENT ? null : throw Failure(key, "semget", found.Error);
    }

    private static int Require(SystemVKey key, string call, SysResult result) => result.Ok ? result.Value : throw Failure(key, call, result.Error);

    private static Exception Failure(SystemVKey key, string call, Errno error) => error is Errno.EIDRM or Errno.EINVAL
        ? new IOException($"semaphore {key} was removed by another process")
        : SystemVFailure.Of(SystemVKind.Semaphores, key, $"{call} of semaphore {key}", error);
}

/// <summary>What the kernel knows of a semaphore.</summary>
/// <param name="Value">How many may still take it.</param>
/// <param name="Usage">Processes that use it, whether they hold it or not.</param>
/// <param name="Waiting">Processes that wait for it.</param>
/// <param name="LastPid">The process that took or gave it back last.</param>
/// <param name="Status">Owner, mode and time.</param>
public readonly record struct PhpSemaphoreFigures(int Value, int Usage, int Waiting, int LastPid, SemaphoreStatus Status);
