using Appliance.Native;
using Appliance.SystemV;

namespace Appliance.Php;

/// <summary>
/// A segment of variables that PHP's shm_attach() of the same key finds. While it is open no other command of ours works on it; PHP
/// knows of no such lock, so scripts and commands that write at the same time want a semaphore around both. While variables move to a larger
/// segment a copy of them lies under the key of the lock: a command that is killed loses none.
/// </summary>
public sealed unsafe class VariableSegment : IDisposable
{
    /// <summary>Bytes of a segment unless more are asked for or needed: PHP's own <c>sysvshm.init_mem</c>.</summary>
    public const long BytesDefault = 10_000;

    private readonly SegmentLock _lock;
    private byte* _address;
    private int _id;

    private VariableSegment(SystemVKey key, SegmentLock taken, int id, byte* address)
    {
        Key = key;
        _lock = taken;
        _id = id;
        _address = address;
        Chain = new VariableChain(address, Status.shm_segsz);
    }

    /// <summary>Its key.</summary>
    public SystemVKey Key { get; }

    /// <summary>Its identifier.</summary>
    public int Id => _id;

    /// <summary>Whether it was made when it was opened.</summary>
    public bool IsNew { get; private set; }

    /// <summary>Its variables.</summary>
    public VariableChain Chain { get; private set; }

    /// <summary>What the kernel knows of it, this attachment included.</summary>
    public SharedMemoryStatus Status
    {
        get
        {
            var result = Syscall.ShmStatus(_id, out var status);
            return result.Ok ? status : throw Failure("shmctl IPC_STAT", result.Error);
        }
    }

    /// <summary>Opens the segment of a key; null when there is none.</summary>
    /// <param name="key">The key.</param>
    /// <param name="forWriting">Whether its variables are to be changed.</param>
    /// <exception cref="IOException">This user may not, or another command works on it.</exception>
    public static VariableSegment? Open(SystemVKey key, bool forWriting)
    {
        var taken = SegmentLock.Take(key);
        try
        {
            Recover(key);
            var found = Syscall.ShmGet(key.Value, 0, 0);
            if (found.Ok)
            {
                return Attach(key, taken, found.Value, forWriting);
            }

            if (found.Error != Errno.ENOENT)
            {
                throw new SyscallException($"shmget of segment {key}", found.Error);
            }
        }
        catch
        {
            taken.Dispose();
            throw;
        }

        taken.Dispose();
        return null;
    }

    /// <summary>Opens the segment of a key for writing, or makes it.</summary>
    /// <param name="key">The key.</param>
    /// <param name="bytes">Bytes of a new one.</param>
    /// <param name="mode">Permissions of a new one.</param>
    /// <exception cref="IOException">This user may not, or another command works on it.</exception>
    /// <exception cref="SyscallException">A limit of the kernel's.</exception>
    public static VariableSegment OpenOrMake(SystemVKey key, long bytes, uint mode)
    {
        var taken = SegmentLock.Take(key);
        try
        {
            Recover(key);
            var found = Syscall.ShmGet(key.Value, 0, 0);
            int id = found.Ok ? found.Value : Make(key.Value, bytes, mode).OrThrow(MakeCall(key, bytes));
            var segment = Attach(key, taken, id, forWriting: true);
            segment.IsNew = !found.Ok;
            if (segment.Chain.IsBlank)
            {
                segment.Chain.Initialize();
            }

            return segment;
        }
        catch
        {
            taken.Dispose();
            throw;
        }
    }

    /// <summary>Removes the segment of a key, and what a command that was killed has left of its work on it.</summary>
    /// <exception cref="IOException">Another command of ours works on it, or it is another user's.</exception>
    public static void Purge(SystemVKey key)
    {
        using var taken = SegmentLock.TakeFromStrangers(key);
        foreach (int one in (int[])[key.Value, SegmentLock.KeyOf(key)])
        {
            if (Syscall.ShmGet(one, 0, 0) is { Ok: true } found && Syscall.ShmRemove(found.Value) is { Ok: false } refused)
            {
                var named = new SystemVKey(one);
                throw SystemVFailure.Of(SystemVKind.Memory, named, $"shmctl IPC_RMID of segment {named}", refused.Error);
            }
        }
    }

    /// <summary>Removes the key at once, and the memory with the last detach.</summary>
    /// <exception cref="IOException">This user may not.</exception>
    public void Remove()
    {
        var removed = Syscall.ShmRemove(_id);
        if (!removed.Ok)
        {
            throw Failure("shmctl IPC_RMID", removed.Error);
        }
    }

    /// <summary>
    /// Moves all variables to a new segment under the same key, with the same owner and mode, and removes the former one. Whoever is
    /// attached to that keeps it, as it is now, until it attaches anew: the number of those is returned.
    /// </summary>
    /// <exception cref="IOException">This user may not remove the former one.</exception>
    /// <exception cref="SyscallException">A limit of the kernel's; nothing has changed.</exception>
    public long Grow(long bytes)
    {
        var status = Status;

        // A copy lies under another key before anything is given up: whoever dies from here on leaves it to the next command.
        int copy = Make(SegmentLock.KeyOf(Key), bytes, status.shm_perm_mode & Syscall.IpcModeMask).OrThrow(MakeCall(Key, bytes));
        try
        {
            Fill(copy, Chain, bytes, status, $"shmat of the copy of segment {Key}");
            Remove();
        }
        catch
        {
            _ = Syscall.ShmRemove(copy);
            throw;
        }

        Detach();
        _id = MoveIn(Key, copy);
        _ = Syscall.ShmAttach(_id, out _address).OrThrow($"shmat of segment {Key}");
        Chain = new VariableChain(_address, Status.shm_segsz);
        return status.shm_nattch - 1;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Detach();
        _lock.Dispose();
    }

    private static VariableSegment Attach(SystemVKey key, SegmentLock taken, int id, bool forWriting)
    {
        var attached = forWriting ? Syscall.ShmAttach(id, out byte* address) : Syscall.ShmAttachReadOnly(id, out address);
        return attached.Ok
            ? new VariableSegment(key, taken, id, address)
            : throw SystemVFailure.Of(SystemVKind.Memory, key, $"shmat of segment {key}", attached.Error);
    }

    private static SysResult Make(int key, long bytes, uint mode) =>
        Syscall.ShmGet(key, (nuint)bytes, Syscall.IPC_CREAT | Syscall.IPC_EXCL | (int)mode);

    private static string MakeCall(SystemVKey key, long bytes) => FormattableString.Invariant($"shmget of segment {key} with {bytes} bytes");

    private Exception Failure(string call, Errno error) => SystemVFailure.Of(SystemVKind.Memory, Key, $"{call} of segment {Key}", error);

    /// <summary>Makes the segment of a key out of a copy of its variables, removes the copy, and returns the segment's identifier.</summary>
    private static int MoveIn(SystemVKey key, int copy)
    {
        string call = $"shmat of the copy of segment {key}";
        _ = Syscall.ShmStatus(copy, out var status).OrThrow($"shmctl of the copy of segment {key}");
        _ = Syscall.ShmAttachReadOnly(copy, out byte* address).OrThrow(call);
        var chain = new VariableChain(address, status.shm_segsz);
        long bytes = status.shm_segsz;
        List<StoredValue> newer = [];
        uint mode = status.shm_perm_mode & Syscall.IpcModeMask;
        SysResult made;
        while ((made = Make(key.Value, bytes, mode)).Error == Errno.EEXIST)
        {
            // A script has attached in between and made one of its own: what it has stored since then is newer.
            newer.AddRange(TakeOver(key));
            bytes = Math.Max(bytes, VariableChain.HeadBytes + chain.UsedBytes + newer.Sum(one => VariableChain.ChunkBytesOf(one.Bytes.Length)));
        }

        int id = made.OrThrow(MakeCall(key, bytes));
        Fill(id, chain, bytes, status, $"shmat of segment {key}", newer);
        _ = Syscall.ShmDetach(address);
        _ = Syscall.ShmRemove(copy);
        return id;
    }

    /// <summary>Copies a chain to a new segment, adds values, and gives it its owner.</summary>
    private static void Fill(int id, VariableChain chain, long bytes, in SharedMemoryStatus status, string call, IEnumerable<StoredValue>? values = null)
    {
        _ = Syscall.ShmChange(id, status);
        _ = Syscall.ShmAttach(id, out byte* address).OrThrow(call);
        chain.CopyTo(address, bytes);
        var filled = new VariableChain(address, bytes);
        foreach (var (key, bytesOfValue) in values ?? [])
        {
            _ = filled.Put(key, bytesOfValue);
        }

        _ = Syscall.ShmDetach(address);
    }

    /// <summary>Brings to its end what a command of this user was doing when it was killed in <see cref="Grow"/>.</summary>
    private static void Recover(SystemVKey key)
    {
        var copy = Syscall.ShmGet(SegmentLock.KeyOf(key), 0, 0);
        if (!copy.Ok || !Syscall.ShmStatus(copy.Value, out var status).Ok
            || !Syscall.PermissionsOf(SystemVKind.Memory, copy.Value, out var permissions).Ok || !Ownership.OfProcess.Covers(permissions)
            || !Syscall.ShmAttachReadOnly(copy.Value, out byte* address).Ok)
        {
            return;
        }

        bool isWhole = new VariableChain(address, status.shm_segsz).Damage is null;
        _ = Syscall.ShmDetach(address);
        _ = isWhole ? MoveIn(key, copy.Value) : Syscall.ShmRemove(copy.Value).Value;
    }

    /// <summary>The variables of a segment that has come under the key, which is removed.</summary>
    private static List<StoredValue> TakeOver(SystemVKey key)
    {
        var found = Syscall.ShmGet(key.Value, 0, 0);
        if (!found.Ok || !Syscall.ShmStatus(found.Value, out var status).Ok)
        {
            return [];
        }

        _ = Syscall.ShmAttachReadOnly(found.Value, out byte* address).OrThrow($"shmat of segment {key}");
        var chain = new VariableChain(address, status.shm_segsz);
        List<StoredValue> values = [.. chain.Variables.Select(variable => new StoredValue(variable.Key, chain.ValueOf(variable)))];
        _ = Syscall.ShmDetach(address);
        var removed = Syscall.ShmRemove(found.Value);
        return removed.Ok ? values : throw SystemVFailure.Of(SystemVKind.Memory, key, $"shmctl IPC_RMID of segment {key}", removed.Error);
    }

    private void Detach()
    {
        if (_address != null)
        {
            _ = Syscall.ShmDetach(_address);
            _address = null;
        }
    }

    private sealed record StoredValue(long Key, byte[] Bytes);
}
