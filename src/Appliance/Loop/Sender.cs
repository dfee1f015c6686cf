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
/// Hands a list of bytes to a list of sockets: the one place through which room logs reach the network, and so the seam for any
/// quicker way into the kernel than a system call each.
/// </summary>
public static class Sender
{
    /// <summary>Sends every request of the list without waiting and notes each one's result.</summary>
    public static unsafe void Submit(Span<SendRequest> requests)
    {
        foreach (ref var request in requests)
        {
            request.Result = Syscall.Send(request.Descriptor, request.Bytes, request.Count, 0);
        }
    }
}
