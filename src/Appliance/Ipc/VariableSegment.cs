using Appliance.Native;

namespace Appliance.Ipc;

/// <summary>
/// A segment of variables that PHP's shm_attach() of the same key finds. While it is open no other command of ours works on it; PHP
/// knows of no such lock, so scripts and commands that write at the same time want a semaphore around both.
/// </summary>
public sealed unsafe class VariableSegment : IDisposable
{
    /// <summary>Bytes of a segment unless more are asked for or needed: PHP's own <c>sysvshm.init_mem</c>.</summary>
    public const long BytesDefault = 10_000;

    private const int OwnerOnly = 0x180; // 0600

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
            var found = Syscall.ShmGet(key.Value, 0, 0);
            int id = found.Ok ? found.Value : Make(key, bytes, mode).OrThrow(MakeCall(key, bytes));
            var segment = Attach(key, taken, id, forWriting: true);
            if (segment.IsBlank())
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
        var values = Values();

        // Whether the kernel has the memory is found out before anything is given up.
        int trial = Syscall.ShmGet(0, (nuint)bytes, Syscall.IPC_CREAT | OwnerOnly).OrThrow(MakeCall(Key, bytes));
        _ = Syscall.ShmRemove(trial);
        Remove();
        var made = Make(Key, bytes, status.shm_perm_mode & Syscall.IpcModeMask);
        while (made.Error == Errno.EEXIST)
        {
            // A script has attached in between and made one of its own: what it has stored since then is newer.
            values.AddRange(TakeOver());
            bytes = Math.Max(bytes, VariableChain.HeadBytes + values.Sum(one => VariableChain.ChunkBytesOf(one.Bytes.Length)));
            made = Make(Key, bytes, status.shm_perm_mode & Syscall.IpcModeMask);
        }

        Detach();
        _id = made.OrThrow(MakeCall(Key, bytes));
        _ = Syscall.ShmChange(_id, status);
        _ = Syscall.ShmAttach(_id, out _address).OrThrow($"shmat of segment {Key}");
        Chain = new VariableChain(_address, bytes);
        Chain.Initialize();
        foreach (var (key, bytesOfValue) in values)
        {
            _ = Chain.Put(key, bytesOfValue);
        }

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

    private static SysResult Make(SystemVKey key, long bytes, uint mode) =>
        Syscall.ShmGet(key.Value, (nuint)bytes, Syscall.IPC_CREAT | Syscall.IPC_EXCL | (int)mode);

    private static string MakeCall(SystemVKey key, long bytes) => FormattableString.Invariant($"shmget of segment {key} with {bytes} bytes");

    private Exception Failure(string call, Errno error) => SystemVFailure.Of(SystemVKind.Memory, Key, $"{call} of segment {Key}", error);

    /// <summary>Whether nobody has used the segment yet: it is all zeros.</summary>
    private bool IsBlank() => Status.shm_segsz >= VariableChain.HeadBytes && !new ReadOnlySpan<byte>(_address, VariableChain.HeadBytes).ContainsAnyExcept((byte)0);

    private List<StoredValue> Values() => [.. Chain.Variables.Select(variable => new StoredValue(variable.Key, Chain.ValueOf(variable)))];

    /// <summary>The variables of a segment that has come under the key, which is removed.</summary>
    private List<StoredValue> TakeOver()
    {
        var found = Syscall.ShmGet(Key.Value, 0, 0);
        if (!found.Ok)
        {
            return [];
        }

        var other = Attach(Key, _lock, found.Value, forWriting: false);
        other.Remove();
        var values = other.Values();
        other.Detach();
        return values;
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
