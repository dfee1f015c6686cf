using System.Runtime.InteropServices;

namespace Appliance.Native;

public static unsafe partial class Syscall
{
    public const int SIGHUP = 1;
    public const int SIGINT = 2;
    public const int SIGQUIT = 3;
    public const int SIGKILL = 9;
    public const int SIGUSR1 = 10;
    public const int SIGUSR2 = 12;
    public const int SIGTERM = 15;
    public const int SIGCHLD = 17;

    /// <summary>Interrupts a system call of one thread; without a handler it does nothing (<see cref="InterruptCalls"/>).</summary>
    public const int SIGURG = 23;

    private const int SIGPIPE = 13;
    private const int SIGXFSZ = 25;

    private static nint _fileSizeAction;

    // SIG_DFL and SIG_IGN: pointers in C.
    private const int DefaultAction = 0;
    private const int IgnoringAction = 1;
    private const int SIG_BLOCK = 0;
    private const int SIG_UNBLOCK = 1;
    private const int SFD_NONBLOCK = 0x800;
    private const int SFD_CLOEXEC = 0x80000;
    private const uint SA_RESETHAND = 0x80000000;

    /// <summary><c>sigset_t</c> of glibc; the kernel reads the first 8 bytes, one bit a signal.</summary>
    private const int SignalSetBytes = 128;

    /// <summary><c>struct signalfd_siginfo</c>, which begins with the signal's number (32 bits); signalfd(2).</summary>
    private const int SignalRecordBytes = 128;

    private const int SignalRecordsMax = 16;

    /// <summary>
    /// Whether this process ends when it writes to a pipe that nobody reads, as programs in a pipeline do, or gets EPIPE, which the
    /// runtime prefers. signal(2), SIGPIPE.
    /// </summary>
    public static void SetBrokenPipe(bool ends) => _ = Imports.signal(SIGPIPE, ends ? DefaultAction : IgnoringAction);

    /// <summary>
    /// A write beyond the largest file that this process may make (RLIMIT_FSIZE) fails with EFBIG, as on a full disk, instead of ending the
    /// process. setrlimit(2), signal(2).
    /// </summary>
    public static void IgnoreFileSizeSignal() => _fileSizeAction = Imports.signal(SIGXFSZ, IgnoringAction);

    /// <summary>Undoes <see cref="IgnoreFileSizeSignal"/> for a program that this process becomes: programs expect the signal.</summary>
    private static void RestoreFileSizeSignal() => _ = Imports.signal(SIGXFSZ, _fileSizeAction);

    /// <summary>Whether this process was started with a signal ignored, as nohup does; sigaction(2), whose struct begins with the handler.</summary>
    public static bool IsIgnored(int signal)
    {
        nint* action = stackalloc nint[SpawnStructBytes / sizeof(nint)];
        return Imports.sigaction(signal, null, action) == 0 && *action == IgnoringAction;
    }

    /// <summary>Ends this process by a signal, whatever handles it, so that its parent sees what came. signal(2), kill(2).</summary>
    public static void EndBy(int signal)
    {
        _ = Imports.signal(signal, DefaultAction);
        _ = Kill(Environment.ProcessId, signal);
    }

    /// <summary>
    /// Gives a signal its default action. With SIGCHLD at its default, the kernel keeps the exit status of a child for a waiting parent:
    /// a process that ignores SIGCHLD has none, and where the runtime handles it, in the first process of a container, the runtime takes
    /// every status. signal(2).
    /// </summary>
    public static void SetDefaultAction(int signal) => _ = Imports.signal(signal, DefaultAction);

    /// <summary>
    /// Makes a signal do nothing but interrupt the system call that a thread waits in (EINTR). The handler is a function of libc that takes a
    /// number and touches nothing: code of the runtime must not run inside a signal, and its own handlers need a thread for each.
    /// sigaction(2), signal-safety(7).
    /// </summary>
    public static void InterruptCalls(int signal) => SetHarmlessHandler(signal, flags: 0);

    /// <summary>
    /// The same for the first time that a signal comes; from then on it does what it does by default, which <see cref="IsDefault"/> tells.
    /// sigaction(2), SA_RESETHAND.
    /// </summary>
    public static void InterruptCallsOnce(int signal) => SetHarmlessHandler(signal, SA_RESETHAND);

    /// <summary>Whether a signal does what it does by default; sigaction(2).</summary>
    public static bool IsDefault(int signal)
    {
        SignalAction action = default;
        return Imports.sigaction(signal, null, (nint*)&action) == 0 && action.Handler == DefaultAction;
    }

    /// <summary>Whether this thread has all these signals blocked; pthread_sigmask(3).</summary>
    public static bool AreBlocked(IReadOnlyList<int> signals)
    {
        byte* blocked = stackalloc byte[SignalSetBytes];
        _ = Imports.pthread_sigmask(SIG_BLOCK, null, blocked);
        ulong wanted = SignalBits(signals);
        return (*(ulong*)blocked & wanted) == wanted;
    }

    /// <summary>Blocks signals in this thread and in those that it makes from now on; they survive execve(2). pthread_sigmask(3).</summary>
    public static void Block(IReadOnlyList<int> signals)
    {
        byte* set = stackalloc byte[SignalSetBytes];
        FillSignalSet(set, signals);
        _ = Imports.pthread_sigmask(SIG_BLOCK, set, null);
    }

    /// <summary>Unblocks signals in this thread that were blocked when the process started; pthread_sigmask(3).</summary>
    public static void Unblock(params IReadOnlyList<int> signals)
    {
        byte* set = stackalloc byte[SignalSetBytes];
        FillSignalSet(set, signals);
        _ = Imports.pthread_sigmask(SIG_UNBLOCK, set, null);
    }

    /// <summary>A descriptor from which blocked signals are read, not blocking and close-on-exec; signalfd(2).</summary>
    public static SysResult SignalDescriptor(IReadOnlyList<int> signals)
    {
        byte* set = stackalloc byte[SignalSetBytes];
        FillSignalSet(set, signals);
        return SysResult.From(Imports.signalfd(-1, set, SFD_NONBLOCK | SFD_CLOEXEC));
    }

    /// <summary>Takes the signals that wait, as a set with bit N - 1 for signal N; 0 when none waits. read(2), signalfd(2).</summary>
    public static ulong TakeSignals(int descriptor)
    {
        byte* records = stackalloc byte[SignalRecordBytes * SignalRecordsMax];
        ulong taken = 0;
        while (true)
        {
            long bytes = Imports.read(descriptor, records, SignalRecordBytes * SignalRecordsMax);
            for (int i = 0; i < bytes / SignalRecordBytes; i++)
            {
                taken |= SignalBit(*(int*)(records + (i * SignalRecordBytes)));
            }

            if (bytes < SignalRecordBytes * SignalRecordsMax)
            {
                return taken;
            }
        }
    }

    /// <summary>The place of a signal in a set of them.</summary>
    public static ulong SignalBit(int signal) => 1UL << (signal - 1);

    private static ulong SignalBits(IReadOnlyList<int> signals)
    {
        ulong bits = 0;
        foreach (int signal in signals)
        {
            bits |= SignalBit(signal);
        }

        return bits;
    }

    private static void FillSignalSet(byte* set, IReadOnlyList<int> signals)
    {
        new Span<byte>(set, SignalSetBytes).Clear();
        *(ulong*)set = SignalBits(signals);
    }

    private static void SetHarmlessHandler(int signal, uint flags)
    {
        var action = new SignalAction { Handler = NativeLibrary.GetExport(NativeLibrary.GetMainProgramHandle(), "abs"), Flags = flags };
        _ = Imports.sigaction(signal, &action, null);
    }

    /// <summary><c>struct sigaction</c> of glibc, on x86-64 and arm64 alike.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct SignalAction
    {
        public nint Handler;
        public fixed byte Mask[SignalSetBytes];
        public uint Flags;
        public nint Restorer;
    }

    private static partial class Imports
    {
        [LibraryImport("libc")]
        internal static partial int sigaction(int signal, void* action, nint* old);

        [LibraryImport("libc")]
        internal static partial nint signal(int signal, nint handler);

        [LibraryImport("libc")]
        internal static partial int pthread_sigmask(int how, byte* set, byte* old);

        [LibraryImport("libc")]
        internal static partial int signalfd(int descriptor, byte* set, int flags);
    }
}
