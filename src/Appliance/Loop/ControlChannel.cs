using System.Text;
using Appliance.Native;

namespace Appliance.Loop;

/// <summary>What the master asks of a worker, and what it answers: the first byte of a message on their channel.</summary>
public static class ControlWord
{
    /// <summary>To a worker: all settings, <c>name = value</c> a line, behind the descriptors when it starts.</summary>
    public const char Settings = 'S';

    /// <summary>To a worker: open the log anew.</summary>
    public const char Reopen = 'L';

    /// <summary>To a worker: end gracefully.</summary>
    public const char Stop = 'T';

    /// <summary>To a worker: <c>TICKET COMMAND</c>, what an operator asks of its clients.</summary>
    public const char Question = 'Q';

    /// <summary>From a worker: <c>TICKET OUTCOME</c>.</summary>
    public const char Answer = 'A';

    /// <summary>From a worker: it serves.</summary>
    public const char Ready = 'R';

    /// <summary>From a worker: what was asked is done.</summary>
    public const char Done = 'D';
}

/// <summary>
/// Short messages between a master and one worker, over a socket pair that keeps their boundaries: one byte that says what it is,
/// then text. The end of either process is the end of the channel, and so is told to the other at once.
/// </summary>
public sealed unsafe class ControlChannel(int descriptor) : IDisposable
{
    /// <summary>Longest text of a message: all settings take a tenth of it.</summary>
    public const int TextBytesMax = 32 << 10;

    /// <summary>What the loop watches for reading.</summary>
    public int Descriptor { get; } = descriptor;

    /// <summary>Two channels that are connected with each other.</summary>
    /// <exception cref="SyscallException">No descriptor is left.</exception>
    public static (ControlChannel Here, ControlChannel There) CreatePair()
    {
        _ = Syscall.SocketPair(out int here, out int there).OrThrow("socketpair");
        return (new ControlChannel(here), new ControlChannel(there));
    }

    /// <summary>Sends a message; false when the other side is gone or does not read.</summary>
    public bool Send(char kind, string text = "")
    {
        byte[] message = Encoding.UTF8.GetBytes($"{kind}{text}");
        ArgumentOutOfRangeException.ThrowIfGreaterThan(message.Length, TextBytesMax);
        fixed (byte* bytes = message)
        {
            return Syscall.Send(Descriptor, bytes, message.Length, 0).Ok;
        }
    }

    /// <summary>Takes the next message. False when there is none; <paramref name="ended"/> tells whether there will ever be one.</summary>
    public bool TryReceive(out char kind, out string text, out bool ended)
    {
        byte* bytes = stackalloc byte[TextBytesMax];
        var received = Syscall.Receive(Descriptor, bytes, TextBytesMax);
        bool found = received.Ok && received.Value > 0;
        kind = found ? (char)bytes[0] : '\0';
        text = found ? Encoding.UTF8.GetString(bytes + 1, received.Value - 1) : "";
        ended = !found && !received.WouldBlock;
        return found;
    }

    /// <inheritdoc/>
    public void Dispose() => _ = Syscall.Close(Descriptor);
}
