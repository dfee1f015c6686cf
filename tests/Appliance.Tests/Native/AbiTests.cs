using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using Appliance.Native;

namespace Appliance.Tests.Native;

/// <summary>Numbers and layouts that Native writes down are those of the C headers of this system: the C compiler asserts them.</summary>
public sealed class AbiTests
{
    private const string Headers = """
        #define _GNU_SOURCE
        #include <elf.h>
        #include <errno.h>
        #include <fcntl.h>
        #include <grp.h>
        #include <linux/close_range.h>
        #include <linux/io_uring.h>
        #include <netinet/in.h>
        #include <netinet/tcp.h>
        #include <poll.h>
        #include <pthread.h>
        #include <pwd.h>
        #include <signal.h>
        #include <spawn.h>
        #include <stddef.h>
        #include <sys/auxv.h>
        #include <sys/epoll.h>
        #include <sys/eventfd.h>
        #include <sys/file.h>
        #include <sys/ipc.h>
        #include <sys/mman.h>
        #include <sys/msg.h>
        #include <sys/prctl.h>
        #include <sys/resource.h>
        #include <sys/sem.h>
        #include <sys/shm.h>
        #include <sys/signalfd.h>
        #include <sys/socket.h>
        #include <sys/stat.h>
        #include <sys/syscall.h>
        #include <sys/sysinfo.h>
        #include <sys/time.h>
        #include <sys/un.h>
        #include <sys/wait.h>
        #include <unistd.h>

        """;

    /// <summary>What the C compiler is to assert of layouts; words in braces are constants of ours.</summary>
    private static readonly string[] Layouts =
    [
        "sizeof(pthread_mutex_t) <= {Syscall.MutexBytes}",
        "sizeof(pthread_mutexattr_t) <= {Syscall.MutexBytes}",
        "sizeof(struct shmid_ds) <= 32 * sizeof(long)",
        "offsetof(struct shmid_ds, shm_segsz) == 6 * sizeof(long)",
        "offsetof(struct shmid_ds, shm_nattch) == 11 * sizeof(long)",
        "sizeof(((struct shmid_ds *)0)->shm_segsz) == sizeof(long)",
        "sizeof(((struct shmid_ds *)0)->shm_nattch) == sizeof(long)",
        "sizeof(struct sysinfo) == 112 && offsetof(struct sysinfo, totalram) == 32 && offsetof(struct sysinfo, mem_unit) == 104",
        "sizeof(struct msqid_ds) == {MessageQueueStatus.Bytes}",
        "sizeof(struct msginfo) == 8 * sizeof(int) && offsetof(struct msginfo, msgmax) == 8",
        "offsetof(struct msginfo, msgmnb) == 12 && offsetof(struct msginfo, msgmni) == 16",
        "offsetof(struct msgbuf, mtext) == sizeof(long) && sizeof(msgqnum_t) == sizeof(long) && sizeof(msglen_t) == sizeof(long)",
        "sizeof(struct shmid_ds) == {SharedMemoryStatus.Bytes}",
        "sizeof(struct semid_ds) <= {SemaphoreStatus.Bytes}",
        "sizeof(struct sembuf) == 3 * sizeof(short) && offsetof(struct sembuf, sem_op) == 2 && offsetof(struct sembuf, sem_flg) == 4",
        "sizeof(struct timespec) == 2 * sizeof(long) && offsetof(struct timespec, tv_nsec) == sizeof(long)",
        "sizeof(struct statx) == {Syscall.StatxBytes}",
        "offsetof(struct statx, stx_mode) == {Syscall.StatxModeOffset}",
        "sizeof(((struct statx *)0)->stx_mode) == 2",
        "offsetof(struct statx, stx_ino) == {Syscall.StatxInodeOffset}",
        "offsetof(struct statx, stx_nlink) == {Syscall.StatxLinksOffset} && sizeof(((struct statx *)0)->stx_nlink) == 4",
        "offsetof(struct sigaction, sa_handler) == 0 && sizeof(struct sigaction) <= {Syscall.SpawnStructBytes}",
        "sizeof(sigset_t) <= {Syscall.SpawnStructBytes}",
        "sizeof(struct timeval) == 2 * sizeof(long) && sizeof(struct timespec) == 2 * sizeof(long)",
        "sizeof(struct flock) == 32 && offsetof(struct flock, l_start) == 8",
        "offsetof(struct passwd, pw_uid) == {Syscall.PasswdUserOffset}",
        "offsetof(struct passwd, pw_gid) == {Syscall.PasswdGroupOffset}",
        "sizeof(posix_spawn_file_actions_t) <= {Syscall.SpawnStructBytes} && sizeof(posix_spawnattr_t) <= {Syscall.SpawnStructBytes}",
        "sizeof(struct io_uring_params) == {IoUring.ParameterBytes} && offsetof(struct io_uring_params, flags) == {IoUring.FlagsOffset}",
        "offsetof(struct io_uring_params, sq_off) == {IoUring.SubmissionOffsets}",
        "offsetof(struct io_uring_params, cq_off) == {IoUring.CompletionOffsets}",
        "offsetof(struct io_sqring_offsets, tail) == 4 && offsetof(struct io_sqring_offsets, ring_mask) == 8",
        "offsetof(struct io_sqring_offsets, array) == 24",
        "offsetof(struct io_cqring_offsets, tail) == 4 && offsetof(struct io_cqring_offsets, ring_mask) == 8",
        "offsetof(struct io_cqring_offsets, cqes) == 20",
        "sizeof(struct io_uring_sqe) == {IoUring.SubmissionBytes} && sizeof(struct io_uring_cqe) == {IoUring.CompletionBytes}",
        "offsetof(struct io_uring_sqe, fd) == 4 && offsetof(struct io_uring_sqe, addr) == 16",
        "offsetof(struct io_uring_sqe, len) == 24 && offsetof(struct io_uring_sqe, msg_flags) == 28",
        "offsetof(struct io_uring_sqe, user_data) == 32 && offsetof(struct io_uring_cqe, res) == 8",
        "sizeof(struct itimerval) == 4 * sizeof(long) && offsetof(struct itimerval, it_value) == 2 * sizeof(long)",
        "offsetof(struct tcp_info, tcpi_state) == 0 && offsetof(struct tcp_info, tcpi_unacked) == {Syscall.TcpInfoUnackedOffset}",
        "sizeof(struct tcp_info) >= {Syscall.TcpInfoBytes}",
        "sizeof(struct pollfd) == 8 && offsetof(struct pollfd, events) == 4 && sizeof(nfds_t) == sizeof(long)",
        "sizeof(struct rlimit) == 2 * sizeof(long)",
        "sizeof(struct iovec) == 16 && offsetof(struct iovec, iov_len) == 8",
        "sizeof(struct msghdr) == 56 && offsetof(struct msghdr, msg_iov) == 16 && offsetof(struct msghdr, msg_iovlen) == 24",
        "offsetof(struct msghdr, msg_control) == 32 && offsetof(struct msghdr, msg_controllen) == 40 && offsetof(struct msghdr, msg_flags) == 48",
        "sizeof(struct cmsghdr) == {Syscall.ControlHeaderBytes} && offsetof(struct cmsghdr, cmsg_level) == 8 && offsetof(struct cmsghdr, cmsg_type) == 12",
        "CMSG_SPACE({Syscall.RightsMax} * sizeof(int)) == {Syscall.ControlBytesMax}",
        "sizeof(struct linger) == 2 * sizeof(int)",
        "offsetof(struct linger, l_onoff) == 0",
        "offsetof(struct linger, l_linger) == sizeof(int)",
        "sizeof(struct epoll_event) <= {EpollEvents.EntryBytesMax}",
        "offsetof(struct epoll_event, events) == 0",
        "sizeof(struct sockaddr_in) == {SocketAddress.Ipv4Bytes}",
        "offsetof(struct sockaddr_in, sin_family) == 0",
        "offsetof(struct sockaddr_in, sin_port) == {SocketAddress.PortOffset}",
        "offsetof(struct sockaddr_in, sin_addr) == {SocketAddress.Ipv4Offset}",
        "sizeof(struct sockaddr_in6) == {SocketAddress.Ipv6Bytes}",
        "offsetof(struct sockaddr_in6, sin6_port) == {SocketAddress.PortOffset}",
        "offsetof(struct sockaddr_in6, sin6_addr) == {SocketAddress.Ipv6Offset}",
        "sizeof(struct sockaddr_un) == {SocketAddress.BytesMax}",
        "offsetof(struct sockaddr_un, sun_path) == {SocketAddress.PathOffset}",
        "sizeof(((struct sockaddr_un *)0)->sun_path) == {SocketAddress.UnixPathBytesMax} + 1",
        "sizeof(key_t) == sizeof(int) && sizeof(pid_t) == sizeof(int) && sizeof(uid_t) == sizeof(int)",
    ];

    [Fact]
    public void Constants_are_those_of_the_headers()
    {
        var constants = typeof(Syscall).GetFields(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static)
            .Where(field => field.IsLiteral && IsNameOfC(field.Name)).ToList();
        Assert.InRange(constants.Count, 40, 500);
        AssertAll(constants.Select(field => $"{field.Name} == {Number(field)}"));
    }

    [Fact]
    public void Error_numbers_are_those_of_the_headers() => AssertAll(
        Enum.GetValues<Errno>().Where(error => error != Errno.None).Select(error => $"{error} == {(int)error}"));

    [Fact]
    public void Layouts_are_those_of_the_headers() => AssertAll(Layouts.Select(Filled).Append(
        $"sizeof(struct epoll_event) == {EpollEvents.EntryBytes} && offsetof(struct epoll_event, data) == {EpollEvents.EntryBytes} - 8"));

    /// <summary>Fields of a structure of ours carry the names of C's, those of ipc_perm behind "msg_perm_".</summary>
    [Fact]
    public void Message_queue_status_is_struct_msqid_ds() => AssertAll(
        typeof(MessageQueueStatus).GetFields(BindingFlags.Public | BindingFlags.Instance).SelectMany(field =>
        {
            string name = field.Name switch
            {
                "msg_perm_key" => "msg_perm.__key",
                "msg_cbytes" => "__msg_cbytes",
                var other => other.Replace("msg_perm_", "msg_perm.", StringComparison.Ordinal),
            };
            return (string[])
            [
                $"offsetof(struct msqid_ds, {name}) == {Marshal.OffsetOf<MessageQueueStatus>(field.Name)}",
                $"sizeof(((struct msqid_ds *)0)->{name}) == {Marshal.SizeOf(field.FieldType)}",
            ];
        }));

    [Theory]
    [InlineData(typeof(SharedMemoryStatus), "shmid_ds", "shm_perm_")]
    [InlineData(typeof(SemaphoreStatus), "semid_ds", "sem_perm_")]
    public void Status_is_the_structure_of_the_headers(Type type, string structure, string permissions) => AssertAll(
        type.GetFields(BindingFlags.Public | BindingFlags.Instance).SelectMany(field =>
        {
            string name = field.Name.Replace(permissions, $"{permissions[..^1]}.", StringComparison.Ordinal);
            return (string[])
            [
                $"offsetof(struct {structure}, {name}) == {Marshal.OffsetOf(type, field.Name)}",
                $"sizeof(((struct {structure} *)0)->{name}) == {Marshal.SizeOf(field.FieldType)}",
            ];
        }));

    [Fact]
    public void Compiler_tells_what_is_wrong() => Assert.Contains("EPOLLIN", CCompiler.Check(Source(["EPOLLIN == 2"])), StringComparison.Ordinal);

    private static void AssertAll(IEnumerable<string> conditions)
    {
        string complaints = CCompiler.Check(Source(conditions));
        Assert.True(complaints.Length == 0, complaints);
    }

    private static string Source(IEnumerable<string> conditions) =>
        Headers + string.Join('\n', conditions.Select(condition => $"_Static_assert({condition}, \"{condition}\");")) + "\n";

    private static bool IsNameOfC(string name) => name.All(letter => char.IsAsciiLetterUpper(letter) || char.IsAsciiDigit(letter) || letter == '_');

    private static string Number(FieldInfo field) => Convert.ToString(field.GetRawConstantValue(), CultureInfo.InvariantCulture)!;

    /// <summary>Puts the values of constants, whatever their accessibility, in the place of their names.</summary>
    private static string Filled(string condition)
    {
        int start = condition.IndexOf('{', StringComparison.Ordinal);
        if (start < 0)
        {
            return condition;
        }

        int end = condition.IndexOf('}', StringComparison.Ordinal);
        string[] name = condition[(start + 1)..end].Split('.');
        var type = typeof(Syscall).Assembly.GetType($"Appliance.Native.{name[0]}");
        var field = type?.GetField(name[1], BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static);
        Assert.True(field is { IsLiteral: true }, $"there is no constant {condition[start..end]}");
        return Filled(condition[..start] + Number(field) + condition[(end + 1)..]);
    }
}
