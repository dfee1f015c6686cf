using Appliance.Native;
using Appliance.SystemV;

namespace Appliance.Php;

/// <summary>
/// Keeps commands that work on one segment of variables apart. It is a semaphore of its own under the key with all bits turned over,
/// which no ftok() with an ASCII letter makes, and it is there only while somebody works: PHP's semaphore of the same key is the users'
/// own, and may well be held by whoever runs the command. The kernel frees it when its holder dies.
/// </summary>
internal sealed class SegmentLock : IDisposable
{
    private const int ForEverybody = 0x1B6; // 0666: whoever may use the segment may lock it
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly int _id;

    private SegmentLock(int id) => _id = id;

    /// <summary>The key of what belongs to a segment while somebody works on it.</summary>
    public static int KeyOf(SystemVKey key) => key.Value == -1 ? int.MinValue : ~key.Value;

    /// <summary>Waits until nobody else works on the segment.</summary>
    /// <exception cref="IOException">Somebody does for too long, or has shut others out: the message names whom to ask.</exception>
    public static SegmentLock Take(SystemVKey key)
    {
        var lockKey = new SystemVKey(KeyOf(key));
        while (true)
        {
            var made = Syscall.SemaphoreGet(lockKey.Value, 1, Syscall.IPC_CREAT | ForEverybody);
            int id = made.Ok ? made.Value : throw SystemVFailure.Of(SystemVKind.Semaphores, lockKey, $"semget of the lock for segment {key}", made.Error);
            var taken = Syscall.SemaphoreOperate(id, [new(0, 0, 0), new(0, 1, Syscall.SEM_UNDO)], Patience);
            if (taken.Ok)
            {
                return new SegmentLock(id);
            }

            if (taken.Error == Errno.EAGAIN)
            {
                int holder = Syscall.SemaphoreLastPid(id, 0).OrThrow($"semctl of the lock for segment {key}");
                string owner = Ownership.Describe(SystemVKind.Semaphores, lockKey.Value);
                throw new IOException(
                    FormattableString.Invariant($"segment {key}: process {holder} works on it, for more than {Patience.TotalSeconds} seconds now; ")
                    + FormattableString.Invariant($"its lock is a semaphore of {owner}: end that process, or 'ipcrm -s {id}'"));
            }

            if (taken.Error is not (Errno.EIDRM or Errno.EINVAL or Errno.EINTR))
            {
                throw new SyscallException($"semop of the lock for segment {key}", taken.Error);
            }

            // Its last holder has removed it, or a signal came: once more.
        }
    }

    /// <summary>The same where all is to be removed: one that somebody else has made is removed first, if this user may do that.</summary>
    /// <exception cref="IOException">Somebody holds it for too long.</exception>
    public static SegmentLock TakeFromStrangers(SystemVKey key)
    {
        if (Syscall.SemaphoreGet(KeyOf(key), 0, 0) is { Ok: true } found
            && !(Syscall.PermissionsOf(SystemVKind.Semaphores, found.Value, out var permissions).Ok && Ownership.OfProcess.Covers(permissions)))
        {
            _ = Syscall.SemaphoreRemove(found.Value);
        }

        return Take(key);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // Whoever waits is told EIDRM and makes a new one. One that a dead user of another name has left cannot be removed, only freed.
        if (!Syscall.SemaphoreRemove(_id).Ok)
        {
            _ = Syscall.SemaphoreOperate(_id, [new(0, -1, Syscall.SEM_UNDO)], TimeSpan.Zero);
        }
    }
}
