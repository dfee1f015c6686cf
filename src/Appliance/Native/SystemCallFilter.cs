using System.Runtime.InteropServices;

namespace Appliance.Native;

/// <summary>
/// What a process of the server may still ask of the kernel once it serves, so that whoever gets to run code of his own in it gets no further:
/// seccomp(2). A filter is for good, for all threads, and for whatever the process executes.
/// </summary>
/// <remarks>
/// A worker gets a list of what it needs: it starts no program, opens no foreign process, becomes no other user. A master starts its successor at
/// an upgrade, which inherits the filter and may be of a later release with other needs: what no release of a server needs is forbidden to it.
/// A refused call fails with ENOSYS, as on a kernel that does not have it, so that libraries take another way where they know one.
/// </remarks>
internal static unsafe class SystemCallFilter
{
    private const int None = -1;
    private const int SECCOMP_SET_MODE_FILTER = 1;
    private const int SECCOMP_FILTER_FLAG_TSYNC = 1;
    private const uint SECCOMP_RET_ALLOW = 0x7FFF_0000;
    private const uint SECCOMP_RET_ERRNO = 0x0005_0000;
    private const uint AUDIT_ARCH_X86_64 = 0xC000_003E;
    private const uint AUDIT_ARCH_AARCH64 = 0xC000_00B7;
    private const uint CLONE_THREAD = 0x10000;

    /// <summary>Numbers from here on are of another way to call a 64-bit kernel of x86 (x32).</summary>
    private const uint OtherNumbers = 0x4000_0000;

    /// <summary>Where a filter finds what it looks at: <c>struct seccomp_data</c>, the first argument's lower half.</summary>
    private const int NumberOffset = 0;
    private const int ArchitectureOffset = 4;
    private const int ArgumentOffset = 16;

    private const ushort Load = 0x20; // BPF_LD | BPF_W | BPF_ABS
    private const ushort JumpIfEqual = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
    private const ushort JumpIfAtLeast = 0x35; // BPF_JMP | BPF_JGE | BPF_K
    private const ushort JumpIfSet = 0x45; // BPF_JMP | BPF_JSET | BPF_K
    private const ushort Return = 0x06; // BPF_RET | BPF_K

    private static readonly SystemCall Seccomp = new("seccomp", 317, 277);
    private static readonly SystemCall Clone = new("clone", 56, 220);

    /// <summary>What whoever serves clients needs.</summary>
    internal static readonly SystemCall[] OfWorkers =
    [
        // The loop of a worker; the commonest first, since older kernels look through the rows one by one.
        new("recvfrom", 45, 207), new("sendto", 44, 206), new("epoll_pwait", 281, 22), new("epoll_wait", 232, None), new("io_uring_enter", 426, 426),
        new("read", 0, 63), new("write", 1, 64), new("futex", 202, 98), new("accept4", 288, 242), new("close", 3, 57), new("epoll_ctl", 233, 21),
        new("recvmsg", 47, 212), new("sendmsg", 46, 211), new("shutdown", 48, 210), new("setsockopt", 54, 208), new("getsockopt", 55, 209),
        new("getsockname", 51, 204), new("getpeername", 52, 205),

        // Further descriptors of the loop.
        new("socketpair", 53, 199), new("sendmmsg", 307, 269), new("epoll_create1", 291, 20),
        new("epoll_pwait2", 441, 441), new("eventfd2", 290, 19), new("signalfd4", 289, 74), new("timerfd_create", 283, 85),
        new("timerfd_settime", 286, 86), new("pipe2", 293, 59), new("poll", 7, None), new("ppoll", 271, 73), new("select", 23, None),
        new("fcntl", 72, 25), new("ioctl", 16, 29), new("dup", 32, 23), new("dup2", 33, None), new("dup3", 292, 24), new("close_range", 436, 436),

        // Files: the log, /proc.
        new("openat", 257, 56), new("open", 2, None), new("readv", 19, 65), new("writev", 20, 66), new("pread64", 17, 67), new("pwrite64", 18, 68),
        new("lseek", 8, 62), new("access", 21, None), new("faccessat", 269, 48), new("faccessat2", 439, 439), new("stat", 4, None),
        new("lstat", 6, None), new("newfstatat", 262, 79), new("fstat", 5, 80), new("statx", 332, 291), new("statfs", 137, 43),
        new("fstatfs", 138, 44), new("readlink", 89, None), new("readlinkat", 267, 78), new("getdents64", 217, 61), new("getcwd", 79, 17),
        new("ftruncate", 77, 46), new("fallocate", 285, 47), new("fsync", 74, 82), new("fdatasync", 75, 83), new("umask", 95, 166),
        new("fchmod", 91, 52), new("flock", 73, 32),

        // Memory.
        new("mmap", 9, 222), new("munmap", 11, 215), new("mprotect", 10, 226), new("mremap", 25, 216), new("madvise", 28, 233), new("brk", 12, 214),
        new("mincore", 27, 232), new("membarrier", 324, 283), new("memfd_create", 319, 279), new("get_mempolicy", 239, 236),
        new("shmat", 30, 196), new("shmdt", 67, 197), new("shmctl", 31, 195),

        // Threads, time and what the runtime asks of itself.
        new("set_robust_list", 273, 99), new("get_robust_list", 274, 100), new("rseq", 334, 293), new("exit", 60, 93), new("exit_group", 231, 94),
        new("sched_yield", 24, 124), new("sched_getaffinity", 204, 123), new("sched_setaffinity", 203, 122), new("sched_getparam", 143, 121),
        new("sched_getscheduler", 145, 120), new("getcpu", 309, 168), new("rt_sigaction", 13, 134), new("rt_sigprocmask", 14, 135),
        new("rt_sigreturn", 15, 139),
        new("rt_sigpending", 127, 136), new("rt_sigtimedwait", 128, 137), new("sigaltstack", 131, 132), new("restart_syscall", 219, 128),
        new("tgkill", 234, 131), new("gettid", 186, 178), new("getpid", 39, 172), new("getppid", 110, 173), new("getuid", 102, 174),
        new("geteuid", 107, 175), new("getgid", 104, 176), new("getegid", 108, 177), new("getgroups", 115, 158), new("nanosleep", 35, 101),
        new("clock_nanosleep", 230, 115), new("clock_gettime", 228, 113), new("clock_getres", 229, 114), new("gettimeofday", 96, 169),
        new("time", 201, None), new("getrusage", 98, 165), new("times", 100, 153), new("setitimer", 38, 103), new("getrandom", 318, 278),
        new("uname", 63, 160), new("sysinfo", 99, 179), new("getrlimit", 97, 163), new("setrlimit", 160, 164), new("prlimit64", 302, 261),
        new("prctl", 157, 167), new("arch_prctl", 158, None),
    ];

    /// <summary>What a single process needs beside that: it has the files, the control queue and the journal, too.</summary>
    internal static readonly SystemCall[] OfSingleProcess =
    [
        new("unlink", 87, None), new("unlinkat", 263, 35), new("rename", 82, None), new("renameat", 264, 38), new("renameat2", 316, 276),
        new("mkdir", 83, None), new("mkdirat", 258, 34), new("link", 86, None), new("linkat", 265, 37), new("fchown", 93, 55),
        new("fchmodat", 268, 53), new("chmod", 90, None), new("kill", 62, 129), new("pidfd_open", 434, 434), new("pidfd_send_signal", 424, 424),
        new("msgget", 68, 186), new("msgsnd", 69, 189), new("msgrcv", 70, 188), new("msgctl", 71, 187), new("semget", 64, 190),
        new("semop", 65, 193), new("semtimedop", 220, 192), new("semctl", 66, 191), new("bind", 49, 200), new("listen", 50, 201),
        new("wait4", 61, 260), new("waitid", 247, 95), new("socket", 41, 198), new("connect", 42, 203), new("shmget", 29, 194),
    ];

    /// <summary>What no process of a server needs, of whatever release.</summary>
    internal static readonly SystemCall[] Foreign =
    [
        new("ptrace", 101, 117), new("process_vm_readv", 310, 270), new("process_vm_writev", 311, 271), new("kcmp", 312, 272),
        new("init_module", 175, 105), new("finit_module", 313, 273), new("delete_module", 176, 106), new("kexec_load", 246, 104),
        new("kexec_file_load", 320, 294), new("reboot", 169, 142), new("swapon", 167, 224), new("swapoff", 168, 225), new("mount", 165, 40),
        new("umount2", 166, 39), new("pivot_root", 155, 41), new("chroot", 161, 51), new("mount_setattr", 442, 442), new("move_mount", 429, 429),
        new("open_tree", 428, 428), new("fsopen", 430, 430), new("fsconfig", 431, 431), new("fsmount", 432, 432), new("fspick", 433, 433),
        new("setns", 308, 268), new("unshare", 272, 97), new("bpf", 321, 280), new("perf_event_open", 298, 241), new("userfaultfd", 323, 282),
        new("add_key", 248, 217), new("request_key", 249, 218), new("keyctl", 250, 219), new("open_by_handle_at", 304, 265),
        new("lookup_dcookie", 212, 18), new("acct", 163, 89), new("quotactl", 179, 60), new("settimeofday", 164, 170),
        new("clock_settime", 227, 112), new("adjtimex", 159, 171), new("clock_adjtime", 305, 266), new("sethostname", 170, 161),
        new("setdomainname", 171, 162), new("iopl", 172, None), new("ioperm", 173, None), new("modify_ldt", 154, None), new("personality", 135, 92),
        new("vhangup", 153, 58), new("syslog", 103, 116), new("fanotify_init", 300, 262), new("mknod", 133, None), new("mknodat", 259, 33),
    ];

    /// <summary>What a worker needs beside that to ask a back end who gets in.</summary>
    internal static readonly SystemCall[] OfAskingWorkers = [new("socket", 41, 198), new("connect", 42, 203)];

    /// <summary>Allows a worker what it needs, and nothing else.</summary>
    /// <param name="asks">Whether it asks a back end.</param>
    public static SysResult ConfineWorker(bool asks) => Install(Allow(asks ? [.. OfWorkers, .. OfAskingWorkers] : OfWorkers));

    /// <summary>Allows a single process what it needs, and nothing else.</summary>
    public static SysResult ConfineSingleProcess() => Install(Allow([.. OfWorkers, .. OfSingleProcess]));

    /// <summary>Forbids a master what no server needs.</summary>
    public static SysResult ForbidForeign() => Install(ForeignForbidden());

    /// <summary>The filter of a master, as the kernel takes it.</summary>
    internal static List<Instruction> ForeignForbidden()
    {
        List<Instruction> program = [.. Head(SECCOMP_RET_ERRNO | (uint)Errno.EPERM)];
        foreach (var call in Foreign)
        {
            Add(program, call, SECCOMP_RET_ERRNO | (uint)Errno.EPERM);
        }

        program.Add(new Instruction(Return, 0, 0, SECCOMP_RET_ALLOW));
        return program;
    }

    /// <summary>A filter that allows these calls, and threads.</summary>
    internal static List<Instruction> Allow(SystemCall[] allowed)
    {
        List<Instruction> program = [.. Head(SECCOMP_RET_ERRNO | (uint)Errno.ENOSYS)];
        foreach (var call in allowed)
        {
            Add(program, call, SECCOMP_RET_ALLOW);
        }

        // Threads, but no process. The newer call cannot be told apart: libc falls back to this one.
        program.Add(new Instruction(JumpIfEqual, 0, 3, (uint)Clone.Number));
        program.Add(new Instruction(Load, 0, 0, ArgumentOffset));
        program.Add(new Instruction(JumpIfSet, 0, 1, CLONE_THREAD));
        program.Add(new Instruction(Return, 0, 0, SECCOMP_RET_ALLOW));
        program.Add(new Instruction(Return, 0, 0, SECCOMP_RET_ERRNO | (uint)Errno.ENOSYS));
        return program;
    }

    /// <summary>Calls by the numbers of another architecture are refused: they would mean something else.</summary>
    private static Instruction[] Head(uint refusal) =>
    [
        new(Load, 0, 0, ArchitectureOffset),
        new(JumpIfEqual, 1, 0, SystemCall.IsArm ? AUDIT_ARCH_AARCH64 : AUDIT_ARCH_X86_64),
        new(Return, 0, 0, refusal),
        new(Load, 0, 0, NumberOffset),
        new(JumpIfAtLeast, 0, 1, OtherNumbers),
        new(Return, 0, 0, refusal),
    ];

    private static void Add(List<Instruction> program, in SystemCall call, uint result)
    {
        if (call.Number != None)
        {
            program.Add(new Instruction(JumpIfEqual, 0, 1, (uint)call.Number));
            program.Add(new Instruction(Return, 0, 0, result));
        }
    }

    private static SysResult Install(List<Instruction> program)
    {
        // Without it, only root may install one.
        if (Syscall.ForbidNewPrivileges() is { Ok: false } failed)
        {
            return failed;
        }

        fixed (Instruction* first = CollectionsMarshal.AsSpan(program))
        {
            var filter = new Program { Length = (ushort)program.Count, First = first };
            return Syscall.Call(Seccomp.Number, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, (nint)(&filter));
        }
    }

    /// <summary><c>struct sock_filter</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal readonly record struct Instruction(ushort Code, byte IfTrue, byte IfFalse, uint Value);

    /// <summary><c>struct sock_fprog</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Program
    {
        public ushort Length;
        public Instruction* First;
    }
}

/// <summary>A system call.</summary>
/// <param name="Name">Its name.</param>
/// <param name="X64">Its number on x86-64; -1 where it does not exist.</param>
/// <param name="Arm64">Its number on arm64; -1 where it does not exist.</param>
internal readonly record struct SystemCall(string Name, short X64, short Arm64)
{
    /// <summary>Whether this process runs on arm64.</summary>
    public static bool IsArm => RuntimeInformation.ProcessArchitecture == Architecture.Arm64;

    /// <summary>Its number here; -1 where it does not exist.</summary>
    public int Number => IsArm ? Arm64 : X64;
}
