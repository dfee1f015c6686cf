using System.Diagnostics;
using System.Runtime.InteropServices;
using Appliance.Native;

namespace Appliance.Tests.Native;

/// <summary>Filters of system calls: what a program can still do that has installed one.</summary>
public sealed class SystemCallFilterTests : IDisposable
{
    private const string Attempts = """
        #define _GNU_SOURCE
        #include <errno.h>
        #include <fcntl.h>
        #include <linux/filter.h>
        #include <linux/seccomp.h>
        #include <pthread.h>
        #include <sched.h>
        #include <signal.h>
        #include <stdio.h>
        #include <sys/prctl.h>
        #include <sys/socket.h>
        #include <sys/syscall.h>
        #include <unistd.h>

        static void *nothing(void *argument) { return argument; }

        static void tell(const char *name, long result) { printf("%s %d\n", name, result < 0 ? errno : 0); }

        int main(int count, char **arguments)
        {
            static struct sock_filter instructions[BPF_MAXINSNS];
            int file = open(arguments[1], O_RDONLY);
            long bytes = read(file, instructions, sizeof instructions);
            struct sock_fprog program = { bytes / sizeof *instructions, instructions };
            if (count != 2 || bytes <= 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
                || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program))
                return 1;
            pthread_t thread;
            errno = pthread_create(&thread, 0, nothing, 0);
            tell("thread", errno ? -1 : pthread_join(thread, 0));
            tell("open", open("/dev/null", O_RDONLY));
            tell("socket", socket(AF_INET, SOCK_STREAM, 0));
            tell("unlink", unlink("/nowhere"));
            int queue = syscall(SYS_msgget, 0, 0600);
            tell("msgget", queue);
            if (queue >= 0)
                syscall(SYS_msgctl, queue, 0, 0);
            tell("ptrace", syscall(SYS_ptrace, 16, 0, 0, 0));
            tell("setuid", syscall(SYS_setuid, getuid()));
            tell("unshare", unshare(0));
            tell("mount", syscall(SYS_mount, 0, 0, 0, 0, 0));
            tell("other", syscall(0x40000000 | SYS_getpid));
            fflush(stdout);
            long child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
            if (child == 0)
                _exit(0);
            tell("fork", child);
            fflush(stdout);
            tell("execve", execl("/bin/echo", "echo", "executed", (char *)0));
            return 0;
        }
        """;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("appliance-filter-");

    public static TheoryData<string, string[]> Filters => new()
    {
        { "none", ["thread 0", "open 0", "socket 0", "unlink 2", "msgget 0", "setuid 0", "unshare 0", "fork 0", "executed"] },
        {
            "worker",
            ["thread 0", "open 0", "socket 38", "unlink 38", "msgget 38", "ptrace 38", "setuid 38", "unshare 38", "mount 38", "other 38", "fork 38",
                "execve 38"]
        },
        {
            "single process",
            ["thread 0", "open 0", "socket 0", "unlink 2", "msgget 0", "ptrace 38", "setuid 38", "unshare 38", "mount 38", "other 38", "fork 38",
                "execve 38"]
        },
        {
            "master",
            ["thread 0", "open 0", "socket 0", "unlink 2", "msgget 0", "ptrace 1", "setuid 0", "unshare 1", "mount 1", "other 1", "fork 0", "executed"]
        },
    };

    public void Dispose() => _folder.Delete(recursive: true);

    /// <summary>The error number of each attempt: 0, 1 (EPERM), 2 (ENOENT: the kernel was asked), 38 (ENOSYS).</summary>
    [Theory]
    [MemberData(nameof(Filters))]
    public void Program_can_do_what_its_filter_allows(string filter, string[] outcome)
    {
        string program = Path.Combine(_folder.FullName, "attempts");
        CCompiler.Build(Attempts, program);
        string file = Path.Combine(_folder.FullName, "filter");
        File.WriteAllBytes(file, BytesOf(filter));
        var start = new ProcessStartInfo(program, [file]) { UseShellExecute = false, RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        string[] said = process.StandardOutput.ReadToEnd().Split('\n');
        process.WaitForExit();
        Assert.All(outcome, line => Assert.Contains(line, said, StringComparer.Ordinal));
    }

    [Fact]
    public void Numbers_are_those_of_the_headers()
    {
        Assert.All(SystemCallFilter.OfAskingWorkers, call => Assert.Contains(call, SystemCallFilter.OfSingleProcess));
        SystemCall[] calls = [.. SystemCallFilter.OfWorkers, .. SystemCallFilter.OfSingleProcess, .. SystemCallFilter.Foreign];
        var lines = calls.Select(call => call.Number < 0
            ? $"#ifdef __NR_{call.Name}\n#error {call.Name}\n#endif"
            : $"#ifdef __NR_{call.Name}\n_Static_assert(__NR_{call.Name} == {call.Number}, \"{call.Name}\");\n#endif");
        Assert.Equal("", CCompiler.Check($"#include <sys/syscall.h>\n{string.Join('\n', lines)}\n"));
        Assert.Equal(calls.Length, calls.DistinctBy(call => call.Name, StringComparer.Ordinal).Count());
    }

    /// <summary>A filter without any rule would be none.</summary>
    private static byte[] BytesOf(string filter)
    {
        const ushort Return = 0x06;
        const uint Allowed = 0x7FFF_0000;
        var program = filter switch
        {
            "worker" => SystemCallFilter.Allow(SystemCallFilter.OfWorkers),
            "single process" => SystemCallFilter.Allow([.. SystemCallFilter.OfWorkers, .. SystemCallFilter.OfSingleProcess]),
            "master" => SystemCallFilter.ForeignForbidden(),
            _ => [new(Return, 0, 0, Allowed)],
        };
        return MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(program)).ToArray();
    }
}
