using System.Buffers;
using System.Text;
using Appliance.Native;

namespace Appliance.Loop;

/// <summary>What the master asks of a worker, and what it answers: the first byte of a message on their channel.</summary>
public static class ControlWord
{
    /// <summary>
    /// To a worker: all settings, <c>name = value</c> a line, behind the descriptors when it starts. Keys of tokens come beside them, in a file in memory.
    /// </summary>
    public const char Settings = 'S';

    /// <summary>To a worker: open the log anew.</summary>
    public const char Reopen = 'L';

    /// <summary>To a worker: end gracefully.</summary>
    public const char Stop = 'T';

    /// <summary>To a worker: <c>TICKET COMMAND</c>, what an operator asks of its clients.</summary>
    public const char Question = 'Q';

    /// <summary>From a worker: <c>TICKET OUTCOME</c>.</summary>
    public const char Answer = 'A';

    /// <summary>To a worker: take connections, too, from the listening sockets that come with it; the text is <c>NUMBER KINDS</c>, of their slot.</summary>
    public const char Listen = 'K';

    /// <summary>To a worker: take none any more from the sockets of a slot.</summary>
    public const char StopListening = 'k';

    /// <summary>
    /// To a worker: give connections to another one through the socket that comes with it; the text says how many, or
    /// <see cref="Everything"/>.
    /// </summary>
    public const char Give = 'G';

    /// <summary>All connections there are: none more is taken meanwhile.</summary>
    public const int Everything = int.MaxValue;

    /// <summary>To a worker: take connections that another one gives through the socket that comes with it.</summary>
    public const char Take = 'H';

    /// <summary>Behind the text of both in an upgrade: what is given may come back the same way.</summary>
    public const char Route = 'w';

    /// <summary>
    /// From a worker: it wants a socket that lasts to another one, whose number is the text. To a worker: that number, and the socket if there
    /// can be one. As the text of <see cref="Take"/>: the other end of it.
    /// </summary>
    public const char Link = 'l';

    /// <summary>To a worker: the wake-ups of other slots, which come with it; the text has the slots, with commas.</summary>
    public const char Wakeups = 'E';

    /// <summary>From a worker: connections were given; how many, and 1 if some could not be.</summary>
    public const char Given = 'g';

    /// <summary>To a worker: show that orders are taken.</summary>
    public const char Probe = 'P';

    /// <summary>To a worker: give nothing any more, and take connections again, which giving all away has paused.</summary>
    public const char Resume = 'C';

    /// <summary>
    /// From a worker: what one of its clients asks for that may moderate: <c>REFERENCE</c>, who it is, and the request, a line each. To a worker:
    /// <c>REFERENCE OUTCOME</c>.
    /// </summary>
    public const char Moderate = 'M';

    /// <summary>From a worker: it serves.</summary>
    public const char Ready = 'R';

    /// <summary>From a worker: what was asked is done.</summary>
    public const char Done = 'D';
}

/// <summary>One message of a channel.</summary>
/// <param name="Kind">What it is: one of <see cref="ControlWord"/>.</param>
/// <param name="Text">The text behind that.</param>
/// <param name="Descriptors">Descriptors that came with it, the receiver's own.</param>
public readonly record struct ChannelMessage(char Kind, string Text, int[] Descriptors);

/// <summary>
/// Short messages between a master and one worker, over a socket pair that keeps their boundaries: one byte that says what it is,
/// then text. The end of either process ends the channel, so the other notices at once.
/// </summary>
public sealed class ControlChannel(int descriptor) : IDisposable
{
    /// <summary>Longest text of a message: all settings take a tenth of it.</summary>
    public const int TextBytesMax = 64 << 10;

    /// <summary>What the loop watches for reading.</summary>
    public int Descriptor { get; } = descriptor;

    /// <summary>Two channels that are connected with each other.</summary>
    /// <exception cref="SyscallException">No descriptor is left.</exception>
    public static (ControlChannel Here, ControlChannel There) CreatePair()
    {
        _ = Syscall.SocketPair(out int here, out int there).OrThrow("socketpair");
        return (new ControlChannel(here), new ControlChannel(there));
    }

    /// <summary>
    /// Sends a message, with at most <see cref="Syscall.RightsMax"/> descriptors, of which the other side gets its own; false when it is
    /// gone or does not read.
    /// </summary>
    public bool Send(char kind, string text = "", params ReadOnlySpan<int> descriptors)
    {
        byte[] message = Encoding.UTF8.GetBytes($"{kind}{text}");
        ArgumentOutOfRangeException.ThrowIfGreaterThan(message.Length, TextBytesMax);
        return Syscall.SendRights(Descriptor, message, descriptors).Ok;
    }

    /// <summary>Takes the next message. False when there is none; <paramref name="ended"/> tells whether there will ever be one.</summary>
    public bool TryReceive(out ChannelMessage message, out bool ended)
    {
        byte[] bytes = ArrayPool<byte>.Shared.Rent(TextBytesMax);
        Span<int> descriptors = stackalloc int[Syscall.RightsMax];
        var received = Syscall.ReceiveRights(Descriptor, bytes.AsSpan(0, TextBytesMax), descriptors, out int count, out _);
        bool found = received.Ok && received.Value > 0;
        message = found
            ? new ChannelMessage((char)bytes[0], Encoding.UTF8.GetString(bytes, 1, received.Value - 1), descriptors[..count].ToArray())
            : new ChannelMessage('\0', "", []);
        ArrayPool<byte>.Shared.Return(bytes);
        ended = !found && !received.WouldBlock;
        return found;
    }

    /// <inheritdoc/>
    public void Dispose() => _ = Syscall.Close(Descriptor);
}
