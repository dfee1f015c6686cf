using System.Runtime.InteropServices;
using System.Text;

namespace Appliance.Native;

/// <summary>A program to be started by <see cref="Syscall.Spawn"/>.</summary>
public sealed class SpawnRequest
{
    /// <summary>Path of the binary.</summary>
    public required string Path { get; init; }

    /// <summary>argv, the name for ps first.</summary>
    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>Variables that are added to this process's environment, or taken out when null.</summary>
    public IReadOnlyDictionary<string, string?> Environment { get; init; } = new Dictionary<string, string?>(StringComparer.Ordinal);

    /// <summary>Descriptors that it inherits under their own numbers, besides 0, 1 and 2.</summary>
    public IReadOnlyList<int> Inherited { get; init; } = [];

    /// <summary>What becomes its stdin, stdout and stderr; null leaves the three as they are.</summary>
    public IReadOnlyList<int>? Standard { get; init; }

    /// <summary>Whether it begins a session of its own.</summary>
    public bool NewSession { get; init; }

    /// <summary>Signals that it begins with blocked; all others are not.</summary>
    public IReadOnlyList<int> Blocked { get; init; } = [];
}

public static unsafe partial class Syscall
{
    private const int SpawnStructBytes = 512;
    private const short POSIX_SPAWN_SETSIGDEF = 0x04;
    private const short POSIX_SPAWN_SETSIGMASK = 0x08;
    private const short POSIX_SPAWN_SETSID = 0x80;
    private const int SOCK_SEQPACKET = 5;
    private const int SOCK_DGRAM = 2;
    private const uint CLOSE_RANGE_CLOEXEC = 4;
    private const int FirstOfOthers = 3;
    private const string CommandLineFile = "/proc/self/cmdline";

    /// <summary>Starts a program and returns its pid; a failure names the limit that is reached.</summary>
    /// <exception cref="SyscallException">It cannot be started.</exception>
    public static int SpawnOrThrow(SpawnRequest request)
    {
        var spawned = Spawn(request);
        return spawned.Ok
            ? spawned.Value
            : throw new SyscallException($"posix_spawn '{request.Path}'", spawned.Error, TaskLimit.WayOut(spawned.Error));
    }

    /// <summary>
    /// Starts a program; posix_spawn(3). It begins with default signal actions, and only the blocked signals and the descriptors that the
    /// request names: a forked copy of this process would lack its runtime's threads.
    /// </summary>
    public static SysResult Spawn(SpawnRequest request)
    {
        // posix_spawn_file_actions_t has 80 bytes, posix_spawnattr_t 336, sigset_t 128 (glibc): all less.
        byte* actions = stackalloc byte[SpawnStructBytes];
        byte* attributes = stackalloc byte[SpawnStructBytes];
        byte* signals = stackalloc byte[SpawnStructBytes];
        _ = Imports.posix_spawn_file_actions_init(actions);
        _ = Imports.posix_spawnattr_init(attributes);
        _ = Imports.sigfillset(signals);
        _ = Imports.posix_spawnattr_setsigdefault(attributes, signals);
        FillSignalSet(signals, request.Blocked);
        _ = Imports.posix_spawnattr_setsigmask(attributes, signals);
        _ = Imports.posix_spawnattr_setflags(
            attributes, (short)(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | (request.NewSession ? POSIX_SPAWN_SETSID : 0)));
        for (int i = 0; request.Standard is not null && i < request.Standard.Count; i++)
        {
            _ = Imports.posix_spawn_file_actions_adddup2(actions, request.Standard[i], i);
        }

        foreach (int fd in request.Inherited)
        {
            // A descriptor put onto itself loses its close-on-exec flag in the child, and there alone.
            _ = Imports.posix_spawn_file_actions_adddup2(actions, fd, fd);
        }

        // Whatever an ancestor left open without the flag: it ends here.
        _ = Imports.close_range(FirstOfOthers, uint.MaxValue, CLOSE_RANGE_CLOEXEC);
        byte** arguments = MakeArray(request.Arguments);
        byte** environment = MakeArray(EnvironmentOf(request));
        int pid = 0;
        int error = Imports.posix_spawn(&pid, request.Path, actions, attributes, arguments, environment);
        FreeArray(arguments);
        FreeArray(environment);
        _ = Imports.posix_spawnattr_destroy(attributes);
        _ = Imports.posix_spawn_file_actions_destroy(actions);
        return error == 0 ? SysResult.From(pid) : SysResult.FromErrorNumber(error);
    }

    /// <summary>
    /// Becomes another program, found as a shell finds it; returns only when that fails. execvp(3). The runtime has SIGPIPE ignored, which
    /// would last: programs expect to die of it.
    /// </summary>
    /// <param name="arguments">argv in bytes, as no encoding of them is certain.</param>
    public static SysResult Execute(IReadOnlyList<byte[]> arguments)
    {
        byte** array = MakeArray(arguments);
        SetBrokenPipe(ends: true);
        RestoreFileSizeSignal();
        var result = SysResult.From(Imports.execvp(array[0], array));
        FreeArray(array);
        return result;
    }

    /// <summary>
    /// Begins this program anew, in this process, with the words and the environment that it was started with; returns only when that
    /// fails. What a process keeps over execve(2) is kept: pid, blocked signals, descriptors that are not close-on-exec.
    /// </summary>
    public static SysResult ExecuteAgain()
    {
        byte** array = IsReadable(CommandLineFile) ? MakeArray(OwnWords()) : MakeArray(System.Environment.GetCommandLineArgs());
        var result = SysResult.From(Imports.execv(OwnBinary, array));
        FreeArray(array);
        return result;
    }

    /// <summary>Two connected sockets that keep message boundaries, neither blocking nor surviving exec; socketpair(2).</summary>
    public static SysResult SocketPair(out int first, out int second)
    {
        int* pair = stackalloc int[2];
        var result = SysResult.From(Imports.socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair));
        (first, second) = (pair[0], pair[1]);
        return result;
    }

    /// <summary>A pipe, close-on-exec; pipe2(2).</summary>
    public static SysResult Pipe(out int reading, out int writing)
    {
        int* pair = stackalloc int[2];
        var result = SysResult.From(Imports.pipe2(pair, O_CLOEXEC));
        (reading, writing) = (pair[0], pair[1]);
        return result;
    }

    /// <summary>The permissions that new files do not get; umask(2).</summary>
    public static void SetUmask(int mask) => _ = Imports.umask(mask);

    /// <summary>
    /// Sends one datagram to a unix address; an abstract one begins with a NUL. When the reader's queue is full it waits for some seconds
    /// at most, 0 for not at all, and then gives up (EAGAIN). sendto(2), socket(7): SO_SNDTIMEO.
    /// </summary>
    public static SysResult SendDatagram(in SocketAddress address, ReadOnlySpan<byte> bytes, int secondsMax)
    {
        int fd = Imports.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
        {
            return SysResult.From(-1);
        }

        fixed (SocketAddress* pointer = &address)
        fixed (byte* start = bytes)
        {
            long* limit = stackalloc long[2] { secondsMax, 0 };
            _ = Imports.setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, (int*)limit, 2 * sizeof(long));
            int flags = MSG_NOSIGNAL | (secondsMax == 0 ? MSG_DONTWAIT : 0);
            var result = SysResult.From(Imports.sendto(fd, start, (nuint)bytes.Length, flags, pointer, address.Length));
            _ = Imports.close(fd);
            return result;
        }
    }

    /// <summary>The words of the command line as bytes: each ends with a zero byte. proc(5).</summary>
    private static List<byte[]> OwnWords()
    {
        List<byte[]> words = [];
        ReadOnlySpan<byte> rest = File.ReadAllBytes(CommandLineFile);
        for (int end; (end = rest.IndexOf((byte)0)) >= 0; rest = rest[(end + 1)..])
        {
            words.Add(rest[..end].ToArray());
        }

        return words;
    }

    private static IReadOnlyList<string> EnvironmentOf(SpawnRequest request)
    {
        var variables = System.Environment.GetEnvironmentVariables();
        foreach (var (name, value) in request.Environment)
        {
            if (value is null)
            {
                variables.Remove(name);
            }
            else
            {
                variables[name] = value;
            }
        }

        return [.. variables.Keys.Cast<string>().Select(name => $"{name}={variables[name]}")];
    }

    private static byte** MakeArray(IReadOnlyList<string> texts) => MakeArray([.. texts.Select(Encoding.UTF8.GetBytes)]);

    private static byte** MakeArray(IReadOnlyList<byte[]> texts)
    {
        byte** array = (byte**)NativeMemory.AllocZeroed((nuint)texts.Count + 1, (nuint)sizeof(byte*));
        for (int i = 0; i < texts.Count; i++)
        {
            array[i] = (byte*)NativeMemory.AllocZeroed((nuint)texts[i].Length + 1);
            texts[i].CopyTo(new Span<byte>(array[i], texts[i].Length));
        }

        return array;
    }

    private static void FreeArray(byte** array)
    {
        for (int i = 0; array[i] != null; i++)
        {
            NativeMemory.Free(array[i]);
        }

        NativeMemory.Free(array);
    }

    private static partial class Imports
    {
        [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int posix_spawn(int* pid, string path, byte* actions, byte* attributes, byte** arguments, byte** environment);

        [LibraryImport("libc")]
        internal static partial int posix_spawn_file_actions_init(byte* actions);

        [LibraryImport("libc")]
        internal static partial int posix_spawn_file_actions_adddup2(byte* actions, int fd, int target);

        [LibraryImport("libc")]
        internal static partial int posix_spawn_file_actions_destroy(byte* actions);

        [LibraryImport("libc")]
        internal static partial int posix_spawnattr_init(byte* attributes);

        [LibraryImport("libc")]
        internal static partial int posix_spawnattr_setflags(byte* attributes, short flags);

        [LibraryImport("libc")]
        internal static partial int posix_spawnattr_setsigdefault(byte* attributes, byte* signals);

        [LibraryImport("libc")]
        internal static partial int posix_spawnattr_setsigmask(byte* attributes, byte* signals);

        [LibraryImport("libc")]
        internal static partial int posix_spawnattr_destroy(byte* attributes);

        [LibraryImport("libc")]
        internal static partial int sigfillset(byte* signals);

        [LibraryImport("libc")]
        internal static partial int execvp(byte* file, byte** arguments);

        [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int execv(string path, byte** arguments);

        [LibraryImport("libc")]
        internal static partial int socketpair(int family, int type, int protocol, int* pair);

        [LibraryImport("libc")]
        internal static partial int pipe2(int* pair, int flags);

        [LibraryImport("libc")]
        internal static partial int umask(int mask);

        [LibraryImport("libc")]
        internal static partial int close_range(uint first, uint last, uint flags);

        [LibraryImport("libc")]
        internal static partial nint sendto(int fd, byte* bytes, nuint count, int flags, SocketAddress* address, uint length);
    }
}
