using System.Runtime.InteropServices;

namespace Appliance.Native;

/// <summary><c>struct msqid_ds</c> of the 64-bit kernels, as msgctl(2) fills it: all times in seconds since 1970, 0 for never.</summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
public struct MessageQueueStatus
{
    /// <summary>Size of the structure.</summary>
    public const int Bytes = 120;

    [FieldOffset(0)]
    public int msg_perm_key;

    [FieldOffset(4)]
    public uint msg_perm_uid;

    [FieldOffset(8)]
    public uint msg_perm_gid;

    [FieldOffset(12)]
    public uint msg_perm_cuid;

    [FieldOffset(20)]
    public uint msg_perm_mode;

    [FieldOffset(48)]
    public long msg_stime;

    [FieldOffset(56)]
    public long msg_rtime;

    [FieldOffset(64)]
    public long msg_ctime;

    /// <summary>Bytes of the texts of all messages in the queue.</summary>
    [FieldOffset(72)]
    public long msg_cbytes;

    [FieldOffset(80)]
    public long msg_qnum;

    [FieldOffset(88)]
    public long msg_qbytes;

    [FieldOffset(96)]
    public int msg_lspid;

    [FieldOffset(100)]
    public int msg_lrpid;
}

/// <summary>What the kernel allows for message queues; <c>struct msginfo</c>, msgctl(2).</summary>
/// <param name="MessageBytesMax">kernel.msgmax: the text of one message.</param>
/// <param name="QueueBytesMax">kernel.msgmnb: the texts of all messages in a queue, when it is made.</param>
/// <param name="QueuesMax">kernel.msgmni: queues at a time.</param>
public readonly record struct MessageLimits(int MessageBytesMax, int QueueBytesMax, int QueuesMax);

public static unsafe partial class Syscall
{
    /// <summary>A send or receive that would have to wait fails: EAGAIN or ENOMSG.</summary>
    public const int IPC_NOWAIT = 0x800;

    /// <summary>A message that is too long is cut instead of refused.</summary>
    public const int MSG_NOERROR = 0x1000;

    /// <summary>Receives the first message of any other type than the one that is given.</summary>
    public const int MSG_EXCEPT = 0x2000;

    private const int IPC_SET = 1;
    private const int IPC_INFO = 3;

    /// <summary>The identifier of a message queue; msgget(2).</summary>
    public static SysResult MessageGet(int key, int flags) => SysResult.From(Imports.msgget(key, flags));

    /// <summary>Sends a message; msgsnd(2). EINTR is reported: the caller decides whether to go on.</summary>
    /// <param name="id">The queue.</param>
    /// <param name="message"><c>struct msgbuf</c>: the type in eight bytes, then the text.</param>
    /// <param name="textBytes">Bytes of the text.</param>
    /// <param name="flags"><see cref="IPC_NOWAIT"/> or 0.</param>
    public static SysResult MessageSend(int id, byte* message, int textBytes, int flags) =>
        SysResult.From(Imports.msgsnd(id, message, (nuint)textBytes, flags));

    /// <summary>Receives a message; msgrcv(2). The value is the length of its text.</summary>
    /// <param name="id">The queue.</param>
    /// <param name="message"><c>struct msgbuf</c>, which is filled.</param>
    /// <param name="textBytesMax">Room for the text: a longer message stays where it is (E2BIG) unless <paramref name="flags"/> say otherwise.</param>
    /// <param name="type">0: the first of all; above: the first of that type; below: the first of the lowest type up to its absolute value.</param>
    /// <param name="flags">Any of the three above.</param>
    public static SysResult MessageReceive(int id, byte* message, int textBytesMax, long type, int flags) =>
        SysResult.From(Imports.msgrcv(id, message, (nuint)textBytesMax, (nint)type, flags));

    /// <summary>msgctl(2), IPC_STAT.</summary>
    public static SysResult MessageStatus(int id, out MessageQueueStatus status)
    {
        fixed (MessageQueueStatus* pointer = &status)
        {
            return SysResult.From(Imports.msgctl(id, IPC_STAT, pointer));
        }
    }

    /// <summary>Changes owner, group, permissions and size to those of <paramref name="status"/>; msgctl(2), IPC_SET.</summary>
    public static SysResult MessageChange(int id, in MessageQueueStatus status)
    {
        fixed (MessageQueueStatus* pointer = &status)
        {
            return SysResult.From(Imports.msgctl(id, IPC_SET, pointer));
        }
    }

    /// <summary>Removes a queue at once: processes that wait at it get EIDRM. msgctl(2), IPC_RMID.</summary>
    public static SysResult MessageRemove(int id) => SysResult.From(Imports.msgctl(id, IPC_RMID, null));

    /// <summary>The kernel's limits; msgctl(2), IPC_INFO: eight numbers, msgmax at 8, msgmnb at 12, msgmni at 16.</summary>
    public static MessageLimits GetMessageLimits()
    {
        int* info = stackalloc int[8];
        new Span<int>(info, 8).Clear();
        _ = Imports.msgctl(0, IPC_INFO, info);
        return new MessageLimits(info[2], info[3], info[4]);
    }

    private static partial class Imports
    {
        [LibraryImport("libc")]
        internal static partial int msgget(int key, int flags);

        [LibraryImport("libc")]
        internal static partial int msgsnd(int id, byte* message, nuint textBytes, int flags);

        [LibraryImport("libc")]
        internal static partial nint msgrcv(int id, byte* message, nuint textBytes, nint type, int flags);

        [LibraryImport("libc")]
        internal static partial int msgctl(int id, int command, void* buffer);
    }
}
