namespace Appliance.Native;

/// <summary>
/// A queue of sends that one system call carries to the kernel, io_uring(7). A send without waiting completes inside the call, so
/// that after <see cref="Submit"/> every result is there. Of one thread.
/// </summary>
public sealed unsafe class IoUring : IDisposable
{
    // struct io_uring_params: sq_entries, cq_entries, flags, 28 bytes more, then the offsets within both rings (40 bytes each).
    private const int ParameterBytes = 120;
    private const int FlagsOffset = 8;
    private const int SubmissionOffsets = 40;
    private const int CompletionOffsets = 80;

    // struct io_uring_sqe: opcode at 0, fd at 4, addr at 16, len at 24, msg_flags at 28, user_data at 32.
    private const int SubmissionBytes = 64;

    // struct io_uring_cqe: user_data at 0, res at 8.
    private const int CompletionBytes = 16;
    private const int RestrictionBytes = 16;

    private readonly int _fd;
    private byte* _submissions;
    private byte* _submissionRing;
    private byte* _completionRing;
    private uint _submissionRingBytes;
    private uint _completionRingBytes;
    private uint* _submissionTail;
    private uint _submissionMask;
    private uint* _completionHead;
    private uint* _completionTail;
    private uint _completionMask;
    private byte* _completions;
    private uint _prepared;

    private IoUring(int fd, int capacity)
    {
        _fd = fd;
        Capacity = capacity;
    }

    /// <summary>How many sends it takes at a time.</summary>
    public int Capacity { get; }

    /// <summary>
    /// A queue for so many sends, a power of two; null where the kernel has none (ENOSYS; before 5.18 EINVAL) or does not allow it (EPERM,
    /// by kernel.io_uring_disabled or a seccomp filter).
    /// </summary>
    public static IoUring? TryOpen(int capacity, out SysResult opened)
    {
        byte* parameters = stackalloc byte[ParameterBytes];
        new Span<byte>(parameters, ParameterBytes).Clear();
        *(uint*)(parameters + FlagsOffset) = Syscall.IORING_SETUP_SUBMIT_ALL | Syscall.IORING_SETUP_R_DISABLED;
        opened = Syscall.IoUringSetup((uint)capacity, parameters);
        if (!opened.Ok)
        {
            return null;
        }

        var ring = new IoUring(opened.Value, capacity);
        bool isMapped = ring.Map((uint*)parameters, (uint*)(parameters + SubmissionOffsets), (uint*)(parameters + CompletionOffsets));

        // A filter may forbid one of these alone.
        opened = ring.Enable();
        opened = opened.Ok ? Syscall.IoUringEnter(ring._fd, 0, 0) : opened;
        if (isMapped && opened.Ok)
        {
            return ring;
        }

        ring.Dispose();
        return null;
    }

    /// <summary>From here on it takes sends and nothing else: through a ring, filters of system calls would be got round.</summary>
    private SysResult Enable()
    {
        // struct io_uring_restriction: what it is about, what is allowed.
        byte* restriction = stackalloc byte[RestrictionBytes];
        new Span<byte>(restriction, RestrictionBytes).Clear();
        *(ushort*)restriction = Syscall.IORING_RESTRICTION_SQE_OP;
        restriction[sizeof(ushort)] = Syscall.IORING_OP_SEND;
        var restricted = Syscall.IoUringRegister(_fd, Syscall.IORING_REGISTER_RESTRICTIONS, restriction, 1);
        return restricted.Ok ? Syscall.IoUringRegister(_fd, Syscall.IORING_REGISTER_ENABLE_RINGS, null, 0) : restricted;
    }

    /// <summary>Adds a send without waiting; its result comes under <paramref name="number"/>, which is below the capacity.</summary>
    public void Add(int number, int fd, byte* bytes, int count)
    {
        byte* entry = _submissions + (((*_submissionTail + _prepared) & _submissionMask) * SubmissionBytes);
        *(int*)(entry + 4) = fd;
        *(byte**)(entry + 16) = bytes;
        *(int*)(entry + 24) = count;
        *(long*)(entry + 32) = number;
        _prepared++;
    }

    /// <summary>Carries out what was added. The value is how many sends were taken, from the first on; all have a result then.</summary>
    public SysResult Submit()
    {
        uint wanted = _prepared;
        _prepared = 0;
        uint tail = *_submissionTail;
        Volatile.Write(ref *_submissionTail, tail + wanted);
        var taken = Syscall.IoUringEnter(_fd, wanted, wanted);
        uint submitted = taken.Ok ? (uint)taken.Value : 0;

        // What the kernel did not take is taken back; it would lie in front of the next batch.
        Volatile.Write(ref *_submissionTail, tail + submitted);
        while (Volatile.Read(ref *_completionTail) - *_completionHead < submitted)
        {
            _ = Syscall.IoUringEnter(_fd, 0, submitted);
        }

        return taken;
    }

    /// <summary>Takes the next result; false when there is none.</summary>
    public bool TryTake(out int number, out SysResult result)
    {
        uint head = *_completionHead;
        bool any = head != Volatile.Read(ref *_completionTail);
        byte* completion = _completions + ((head & _completionMask) * CompletionBytes);
        number = any ? (int)*(long*)completion : -1;
        result = any ? SysResult.FromKernel(*(int*)(completion + 8)) : default;
        Volatile.Write(ref *_completionHead, any ? head + 1 : head);
        return any;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Unmap(ref _submissions, (uint)Capacity * SubmissionBytes);
        Unmap(ref _submissionRing, _submissionRingBytes);
        Unmap(ref _completionRing, _completionRingBytes);
        _ = Syscall.Close(_fd);
    }

    /// <summary>
    /// Offsets: submissions head, tail, mask, entries, flags, dropped, array; completions head, tail, mask, entries, overflow, entries' place.
    /// </summary>
    private bool Map(uint* parameters, uint* submission, uint* completion)
    {
        uint entries = parameters[0];
        _submissionRingBytes = submission[6] + (entries * sizeof(uint));
        _completionRingBytes = completion[5] + (parameters[1] * CompletionBytes);
        if (!Syscall.MapShared(_fd, Syscall.IORING_OFF_SQ_RING, _submissionRingBytes, out _submissionRing).Ok
            || !Syscall.MapShared(_fd, Syscall.IORING_OFF_CQ_RING, _completionRingBytes, out _completionRing).Ok
            || !Syscall.MapShared(_fd, Syscall.IORING_OFF_SQES, entries * SubmissionBytes, out _submissions).Ok)
        {
            return false;
        }

        _submissionTail = (uint*)(_submissionRing + submission[1]);
        _submissionMask = *(uint*)(_submissionRing + submission[2]);
        _completionHead = (uint*)(_completionRing + completion[0]);
        _completionTail = (uint*)(_completionRing + completion[1]);
        _completionMask = *(uint*)(_completionRing + completion[2]);
        _completions = _completionRing + completion[5];
        for (uint i = 0; i < entries; i++)
        {
            ((uint*)(_submissionRing + submission[6]))[i] = i;
            byte* entry = _submissions + (i * SubmissionBytes);
            entry[0] = Syscall.IORING_OP_SEND;
            *(uint*)(entry + 28) = Syscall.SendFlags;
        }

        return true;
    }

    private static void Unmap(ref byte* address, uint bytes)
    {
        if (address != null && (nint)address != -1)
        {
            _ = Syscall.Unmap(address, bytes);
            address = null;
        }
    }
}
