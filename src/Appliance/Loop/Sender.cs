using Appliance.Native;

namespace Appliance.Loop;

/// <summary>Bytes for one socket, and what became of them.</summary>
public unsafe struct SendRequest
{
    /// <summary>The bytes; they must stay as they are until the batch is submitted.</summary>
    public byte* Bytes;

    /// <summary>How many bytes there are.</summary>
    public int Count;

    /// <summary>The socket.</summary>
    public int Descriptor;

    /// <summary>How many bytes the kernel took, or the errno: written by <see cref="Sender.Submit"/>.</summary>
    public SysResult Result;
}

/// <summary>
/// Hands a list of bytes to a list of sockets: the one place through which room logs reach the network. One system call carries the
/// whole list where the kernel allows io_uring(7), which halves what a delivery costs; otherwise each send is one. Of one thread.
/// </summary>
public sealed unsafe class Sender : IDisposable
{
    /// <summary>Requests of one list at most.</summary>
    public const int RequestsMax = 256;

    private readonly IoUring? _ring;

    /// <summary>Sends together, if that is wanted and the kernel allows it.</summary>
    public Sender(bool together) => _ring = together ? IoUring.TryOpen(RequestsMax, out _) : null;

    /// <summary>Whether one system call carries a whole list.</summary>
    public bool SendsTogether => _ring is not null;

    /// <summary>Whether the kernel lets this process send together: what it says is in the errno.</summary>
    public static SysResult Probe()
    {
        IoUring.TryOpen(1, out var opened)?.Dispose();
        return opened;
    }

    /// <summary>What stands against sending together, for people.</summary>
    public static string Explain(SysResult probe) =>
        probe.Error == Errno.EPERM ? "the kernel does not allow it (EPERM): see kernel.io_uring_disabled, or the seccomp filter of the container or service"
        : probe.Error is Errno.ENOSYS or Errno.EINVAL ? $"the kernel does not have it ({probe.Error}): 5.18 is the first that has"
        : $"the kernel does not give it: {probe.Error}";

    /// <summary>Sends every request of the list without waiting and notes each one's result.</summary>
    public void Submit(Span<SendRequest> requests)
    {
        int taken = _ring is not null && requests.Length > 1 ? SubmitTogether(_ring, requests) : 0;
        foreach (ref var request in requests[taken..])
        {
            request.Result = Syscall.Send(request.Descriptor, request.Bytes, request.Count, 0);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _ring?.Dispose();

    /// <summary>Returns how many the kernel has taken: fewer when it is short of memory.</summary>
    private static int SubmitTogether(IoUring ring, Span<SendRequest> requests)
    {
        for (int i = 0; i < requests.Length; i++)
        {
            ref readonly var request = ref requests[i];
            ring.Add(i, request.Descriptor, request.Bytes, request.Count);
        }

        var submitted = ring.Submit();
        while (ring.TryTake(out int number, out var result))
        {
            requests[number].Result = result;
        }

        return submitted.Ok ? submitted.Value : 0;
    }
}
