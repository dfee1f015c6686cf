using System.Buffers.Binary;
using Appliance.Native;

namespace Appliance.SystemV;

/// <summary>One message of a queue.</summary>
/// <param name="Type">Its type, 1 or more.</param>
/// <param name="Text">Its bytes.</param>
public readonly record struct QueueMessage(long Type, byte[] Text);

/// <summary>
/// A System V message queue: whole messages, each with a type above 0, from and to any process that knows the key and has the right.
/// Nothing here is kept in this process, so that any number of objects may stand for one queue. Of one thread: the buffer is shared.
/// </summary>
public sealed unsafe class MessageQueue
{
    /// <summary>Where the text begins behind the type in <c>struct msgbuf</c>, msgsnd(2).</summary>
    private const int TextOffset = sizeof(long);

    /// <summary>Room for a text at first: kernel.msgmax unless somebody has raised it.</summary>
    private const int FirstTextBytes = 8192;

    private byte[] _buffer = new byte[TextOffset + FirstTextBytes];

    private readonly SystemVKey _key;

    private MessageQueue(int id, SystemVKey key)
    {
        Id = id;
        _key = key;
    }

    /// <summary>The kernel's number for the queue.</summary>
    public int Id { get; }

    /// <summary>What the kernel allows.</summary>
    public static MessageLimits Limits => Syscall.GetMessageLimits();

    /// <summary>The queue of a key; null when there is none.</summary>
    /// <exception cref="IOException">There is one, but not for this user.</exception>
    public static MessageQueue? Find(SystemVKey key)
    {
        var found = Syscall.MessageGet(key.Value, 0);
        return found.Error == Errno.ENOENT ? null : new MessageQueue(Require(key, "msgget", found), key);
    }

    /// <summary>The queue of a key, which is made when there is none.</summary>
    /// <param name="key">The key.</param>
    /// <param name="mode">Permissions of a new one.</param>
    /// <exception cref="IOException">There is one, but not for this user.</exception>
    /// <exception cref="SyscallException">No more queues (ENOSPC, kernel.msgmni).</exception>
    public static MessageQueue Open(SystemVKey key, int mode) =>
        new(Require(key, "msgget", Syscall.MessageGet(key.Value, Syscall.IPC_CREAT | mode)), key);

    /// <summary>Removes the queue of a key with all that is in it; false when there is none.</summary>
    /// <exception cref="IOException">It is another user's.</exception>
    public static bool Remove(SystemVKey key)
    {
        var queue = Find(key);
        _ = queue is null ? 0 : Require(key, "msgctl IPC_RMID", queue.Remove());
        return queue is not null;
    }

    /// <summary>The queue of an identifier, whether it is there or not.</summary>
    public static MessageQueue Of(int id) => new(id, default);

    /// <summary>How the queue is: one system call, no lock.</summary>
    /// <exception cref="SyscallException">It is gone.</exception>
    /// <exception cref="IOException">This user may not read it.</exception>
    public MessageQueueStatus ReadStatus()
    {
        var read = Syscall.MessageStatus(Id, out var status);
        return read.Ok ? status : throw Failure("msgctl IPC_STAT", read.Error);
    }

    /// <summary>Changes owner, group, permissions and size to those of <paramref name="status"/>.</summary>
    public SysResult Change(in MessageQueueStatus status) => Syscall.MessageChange(Id, status);

    /// <summary>Removes the queue with all that is in it.</summary>
    public SysResult Remove() => Syscall.MessageRemove(Id);

    /// <summary>
    /// Sends a message. EAGAIN: the queue is full and this is not to wait; EINVAL: the text is longer than kernel.msgmax; EIDRM: the
    /// queue was removed while this waited; EINTR: a signal came while it did.
    /// </summary>
    public SysResult Send(long type, ReadOnlySpan<byte> text, bool wait)
    {
        Reserve(text.Length);
        BinaryPrimitives.WriteInt64LittleEndian(_buffer, type);
        text.CopyTo(_buffer.AsSpan(TextOffset));
        fixed (byte* message = _buffer)
        {
            return Syscall.MessageSend(Id, message, text.Length, wait ? 0 : Syscall.IPC_NOWAIT);
        }
    }

    /// <summary>
    /// Takes a message, however long it is. ENOMSG: there is none and this is not to wait; EIDRM: the queue was removed while this
    /// waited; EINTR: a signal came while it did.
    /// </summary>
    /// <param name="type">0: the first of all; above: the first of that type; below: the first of the lowest type up to its absolute value.</param>
    /// <param name="except">The first of any other type than <paramref name="type"/> instead.</param>
    /// <param name="wait">Whether to wait for one.</param>
    /// <param name="message">The message.</param>
    public SysResult Receive(long type, bool except, bool wait, out QueueMessage message)
    {
        int flags = (except ? Syscall.MSG_EXCEPT : 0) | (wait ? 0 : Syscall.IPC_NOWAIT);
        while (true)
        {
            SysResult received;
            fixed (byte* buffer = _buffer)
            {
                received = Syscall.MessageReceive(Id, buffer, _buffer.Length - TextOffset, type, flags);
            }

            if (received.Error == Errno.E2BIG)
            {
                Reserve(2 * _buffer.Length);
                continue;
            }

            message = received.Ok
                ? new QueueMessage(BinaryPrimitives.ReadInt64LittleEndian(_buffer), _buffer.AsSpan(TextOffset, received.Value).ToArray())
                : default;
            return received;
        }
    }

    /// <summary>Throws away what waits of one type, or of every other one; returns how many messages that were.</summary>
    /// <param name="type">The type.</param>
    /// <param name="except">Whether that one is spared instead.</param>
    /// <param name="messagesMax">No more than so many.</param>
    public int Discard(long type, bool except = false, int messagesMax = int.MaxValue)
    {
        int flags = Syscall.IPC_NOWAIT | Syscall.MSG_NOERROR | (except ? Syscall.MSG_EXCEPT : 0);
        int discarded = 0;
        fixed (byte* buffer = _buffer)
        {
            while (discarded < messagesMax && Syscall.MessageReceive(Id, buffer, 0, type, flags).Ok)
            {
                discarded++;
            }
        }

        return discarded;
    }

    /// <summary>The message for a failed call on this queue: a refusal names the queue's owner and mode.</summary>
    public Exception Failure(string call, Errno error) => FailureOf(_key, call, error);

    private static int Require(SystemVKey key, string call, SysResult result) => result.Ok ? result.Value : throw FailureOf(key, call, result.Error);

    private static Exception FailureOf(SystemVKey key, string call, Errno error) =>
        SystemVFailure.Of(SystemVKind.Queue, key, $"{call} of queue {key}", error);

    private void Reserve(int textBytes)
    {
        if (_buffer.Length < TextOffset + textBytes)
        {
            _buffer = new byte[TextOffset + textBytes];
        }
    }
}
