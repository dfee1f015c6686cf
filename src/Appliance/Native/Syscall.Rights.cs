using System.Runtime.InteropServices;

namespace Appliance.Native;

public static unsafe partial class Syscall
{
    /// <summary>Descriptors that one message carries at most; SCM_MAX_FD of the kernel.</summary>
    public const int RightsMax = 253;

    private const int SCM_RIGHTS = 1;
    private const int MSG_CTRUNC = 8;
    private const int MSG_CMSG_CLOEXEC = 0x40000000;
    private const uint MFD_CLOEXEC = 1;

    // struct cmsghdr: length (8 bytes), level, type (4 bytes each); data follows, padded to 8.
    private const int ControlHeaderBytes = 16;
    private const int ControlBytesMax = ControlHeaderBytes + (((RightsMax * sizeof(int)) + 7) / 8 * 8);

    /// <summary>
    /// Sends a message and open files with it, without waiting; sendmsg(2), unix(7) SCM_RIGHTS. The receiver gets descriptors of its own.
    /// </summary>
    public static SysResult SendRights(int fd, ReadOnlySpan<byte> bytes, ReadOnlySpan<int> descriptors)
    {
        byte* control = stackalloc byte[ControlBytesMax];
        new Span<byte>(control, ControlBytesMax).Clear();
        int rightsBytes = descriptors.Length * sizeof(int);
        *(nuint*)control = (nuint)(ControlHeaderBytes + rightsBytes);
        ((int*)control)[2] = SOL_SOCKET;
        ((int*)control)[3] = SCM_RIGHTS;
        descriptors.CopyTo(new Span<int>(control + ControlHeaderBytes, RightsMax));
        fixed (byte* start = bytes)
        {
            var vector = new IoVector { Base = start, Length = (nuint)bytes.Length };
            var header = new MessageHeader { Vectors = &vector, VectorCount = 1 };
            if (descriptors.Length > 0)
            {
                header.Control = control;
                header.ControlLength = (nuint)(ControlHeaderBytes + ((rightsBytes + 7) / 8 * 8));
            }

            SysResult result;
            do
            {
                result = SysResult.From(Imports.sendmsg(fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL));
            }
            while (result.Error == Errno.EINTR);
            return result;
        }
    }

    /// <summary>
    /// Takes a message and the open files that came with it, close-on-exec, without waiting; recvmsg(2). The value 0 is the end of the
    /// stream.
    /// </summary>
    /// <param name="fd">The socket.</param>
    /// <param name="bytes">Room for the message.</param>
    /// <param name="descriptors">Room for <see cref="RightsMax"/> descriptors.</param>
    /// <param name="count">How many came.</param>
    /// <param name="lost">Whether some could not be taken, because this process may not have more.</param>
    public static SysResult ReceiveRights(int fd, Span<byte> bytes, Span<int> descriptors, out int count, out bool lost)
    {
        byte* control = stackalloc byte[ControlBytesMax];
        fixed (byte* start = bytes)
        {
            var vector = new IoVector { Base = start, Length = (nuint)bytes.Length };
            var header = new MessageHeader { Vectors = &vector, VectorCount = 1 };
            SysResult result;
            do
            {
                header.Control = control;
                header.ControlLength = ControlBytesMax;
                result = SysResult.From(Imports.recvmsg(fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC));
            }
            while (result.Error == Errno.EINTR);

            bool any = result.Ok && header.ControlLength >= ControlHeaderBytes && ((int*)control)[3] == SCM_RIGHTS;
            count = any ? (int)(*(nuint*)control - ControlHeaderBytes) / sizeof(int) : 0;
            new ReadOnlySpan<int>(control + ControlHeaderBytes, count).CopyTo(descriptors);
            lost = result.Ok && (header.Flags & MSG_CTRUNC) != 0;
            return result;
        }
    }

    /// <summary>A file in memory, to be handed to another process; memfd_create(2).</summary>
    public static SysResult MemoryFile(string name) => SysResult.From(Imports.memfd_create(name, MFD_CLOEXEC));

    /// <summary>Reads at a place of a file; pread(2).</summary>
    public static SysResult ReadAt(int fd, Span<byte> bytes, long offset)
    {
        fixed (byte* start = bytes)
        {
            return SysResult.From(Imports.pread(fd, start, (nuint)bytes.Length, offset));
        }
    }

    /// <summary>Writes at a place of a file; pwrite(2).</summary>
    public static SysResult WriteAt(int fd, ReadOnlySpan<byte> bytes, long offset)
    {
        fixed (byte* start = bytes)
        {
            return SysResult.From(Imports.pwrite(fd, start, (nuint)bytes.Length, offset));
        }
    }

    /// <summary><c>struct iovec</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct IoVector
    {
        public byte* Base;
        public nuint Length;
    }

    /// <summary><c>struct msghdr</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct MessageHeader
    {
        public void* Name;
        public uint NameLength;
        public IoVector* Vectors;
        public nuint VectorCount;
        public byte* Control;
        public nuint ControlLength;
        public int Flags;
    }

    private static partial class Imports
    {
        [LibraryImport("libc")]
        internal static partial nint sendmsg(int fd, MessageHeader* message, int flags);

        [LibraryImport("libc")]
        internal static partial nint recvmsg(int fd, MessageHeader* message, int flags);

        [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int memfd_create(string name, uint flags);

        [LibraryImport("libc")]
        internal static partial nint pwrite(int fd, byte* bytes, nuint count, long offset);

        [LibraryImport("libc")]
        internal static partial nint pread(int fd, byte* bytes, nuint count, long offset);
    }
}
