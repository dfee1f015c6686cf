using System.Runtime.InteropServices;

namespace Appliance.Native;

public static unsafe partial class Syscall
{
    internal const uint IORING_SETUP_SUBMIT_ALL = 1 << 7;
    internal const uint IORING_SETUP_R_DISABLED = 1 << 6;
    internal const int IORING_REGISTER_RESTRICTIONS = 11;
    internal const int IORING_REGISTER_ENABLE_RINGS = 12;
    internal const ushort IORING_RESTRICTION_SQE_OP = 1;
    internal const uint IORING_ENTER_GETEVENTS = 1;
    internal const byte IORING_OP_SEND = 26;
    internal const long IORING_OFF_SQ_RING = 0;
    internal const long IORING_OFF_CQ_RING = 0x8000000;
    internal const long IORING_OFF_SQES = 0x10000000;

    // glibc has no wrapper for these; their numbers are the same on every architecture.
    private const nint SYS_io_uring_setup = 425;
    private const nint SYS_io_uring_enter = 426;
    private const nint SYS_io_uring_register = 427;
    private const int MAP_POPULATE = 0x8000;

    /// <summary>What an asynchronous send has for flags: as <see cref="Send"/>, without waiting and without SIGPIPE.</summary>
    internal const uint SendFlags = MSG_DONTWAIT | MSG_NOSIGNAL;

    /// <summary>io_uring_setup(2); <paramref name="parameters"/> is a <c>struct io_uring_params</c>.</summary>
    internal static SysResult IoUringSetup(uint entries, byte* parameters) =>
        SysResult.From(Imports.syscall(SYS_io_uring_setup, (nint)entries, (nint)parameters, 0, 0, 0, 0));

    /// <summary>io_uring_register(2).</summary>
    internal static SysResult IoUringRegister(int ring, int operation, void* argument, int count) =>
        SysResult.From(Imports.syscall(SYS_io_uring_register, ring, operation, (nint)argument, count, 0, 0));

    /// <summary>Submits entries and waits for completions, interrupted by signals; io_uring_enter(2). The value is how many were submitted.</summary>
    internal static SysResult IoUringEnter(int ring, uint submit, uint complete) =>
        SysResult.From(Imports.syscall(SYS_io_uring_enter, ring, (nint)submit, (nint)complete, (nint)IORING_ENTER_GETEVENTS, 0, 0));

    /// <summary>Shared memory of a descriptor; mmap(2).</summary>
    internal static SysResult MapShared(int fd, long offset, uint bytes, out byte* address)
    {
        address = Imports.mmap(null, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, offset);
        return (nint)address == -1 ? SysResult.From(-1) : default;
    }

    private static partial class Imports
    {
        [LibraryImport("libc")]
        internal static partial nint syscall(nint number, nint one, nint two, nint three, nint four, nint five, nint six);
    }
}
