using System.Globalization;
using Appliance.Config;
using Appliance.Identity;
using Appliance.Loop;
using Appliance.Master;
using Appliance.Native;
using Appliance.Rooms;
using Appliance.Server;
using Appliance.Tls;

namespace Appliance.Cli;

/// <summary>Looks whether this host has what the settings ask for.</summary>
internal static class CheckCommand
{
    /// <summary>Clients that may connect at the same moment.</summary>
    private const int BacklogEnough = 1024;

    /// <summary>What the kernel gives a queue unless it is told otherwise.</summary>
    private const int QueueBytesEnough = 16_384;

    /// <summary>Bytes of a character, and of a pushed message besides name and text.</summary>
    private const int Utf8BytesMax = 4;
    private const int PushFrameBytes = 160;

    /// <summary>Milliseconds that a back end has to take a connection.</summary>
    private const int BackEndWaitMs = 1000;

    private enum Verdict
    {
        Ok,
        Warn,
        Fail,
    }

    /// <summary>Prints a line a check; fails when something that is needed is missing.</summary>
    public static int Run(Settings settings)
    {
        bool failed = false;
        foreach (var (what, verdict, finding) in Checks(settings))
        {
            failed |= verdict == Verdict.Fail;
            string word = verdict switch { Verdict.Ok => "ok", Verdict.Warn => "warn", Verdict.Fail => "FAIL", _ => "" };
            StandardOutput.Out.WriteLine($"{word,-4}  {what,-20}  {finding}");
        }

        return failed ? ExitCode.Failed : ExitCode.Fine;
    }

    private static IEnumerable<(string What, Verdict Verdict, string Finding)> Checks(Settings settings)
    {
        yield return Descriptors(settings);
        foreach (var (what, fails, warns, finding) in HostChecks.All(settings))
        {
            yield return (what, fails ? Verdict.Fail : warns ? Verdict.Warn : Verdict.Ok, finding);
        }

        foreach (var check in SharedMemory(settings))
        {
            yield return check;
        }

        yield return Memory(settings);
        foreach (var check in MessageQueues(settings))
        {
            yield return check;
        }

        yield return Backlog();
        yield return Uring(settings.Io);
        if (settings.User.Length > 0)
        {
            yield return Syscall.TryGetUser(settings.User, out _, out _)
                ? ("user", Verdict.Ok, settings.User)
                : ("user", Verdict.Fail, $"{settings.User}: there is no such user");
        }

        if (settings.LogFile.Length > 0)
        {
            yield return LogFile(settings.LogFile);
        }

        if (settings.JournalFile.Length > 0)
        {
            yield return Journal(settings);
        }

        foreach (var check in Identity(settings))
        {
            yield return check;
        }

        yield return Usable("run directory", settings.RunDirectory, settings.User);
        yield return Usable("state directory", settings.StateDirectory, settings.User);
        bool running = RunningServer.PidOf(settings.RunDirectory, settings.StateDirectory) is not null;
        foreach (var address in settings.Addresses)
        {
            yield return Address(address, running, bound => Listeners.Bind(bound));
        }

        if (settings.Metrics is { } metrics)
        {
            yield return Address(metrics, running, bound => Listeners.Bind(bound));
        }
    }

    /// <summary>Who clients are, and who the server is to them.</summary>
    private static IEnumerable<(string, Verdict, string)> Identity(Settings settings)
    {
        if (settings.Auth == AuthMode.Jwt)
        {
            yield return Keys(settings);
        }

        if (settings is { Auth: AuthMode.Ask, AuthUrl: { } url })
        {
            yield return BackEnd(url);
        }

        if (settings.TlsCertificates.Count > 0)
        {
            yield return Certificates(settings);
        }
    }

    private static (string, Verdict, string) Keys(Settings settings)
    {
        try
        {
            byte[] files = KeyFile.Read(settings.AuthKeyFiles);
            return ("keys of tokens", Verdict.Ok, KeySet.Unpack(files).Description);
        }
        catch (IOException wrong)
        {
            return ("keys of tokens", Verdict.Fail, wrong.Message);
        }
    }

    /// <summary>It may well start after the server.</summary>
    private static (string, Verdict, string) BackEnd(BackEndUrl url)
    {
        var socket = Syscall.Socket(url.Address.Family);
        var result = socket.Ok ? Syscall.Connect(socket.Value, url.Address) : socket;
        bool isThere = result.Ok || (result.Error == Errno.EINPROGRESS && Polling.Until(() => Syscall.GetPeerName(socket.Value, out _).Ok, BackEndWaitMs));
        _ = socket.Ok ? Syscall.Close(socket.Value) : socket;
        return isThere
            ? ("back end", Verdict.Ok, url.Text)
            : ("back end", Verdict.Warn, $"--auth-url {url.Text}: nobody answers there now; until somebody does, every handshake gets 503");
    }

    private static (string, Verdict, string) Certificates(Settings settings)
    {
        try
        {
            using var credentials = TlsCredentials.Read(settings.TlsCertificates, settings.TlsKeys);
            string finding = credentials.Describe(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(), out bool isExpired);
            return ("TLS", isExpired ? Verdict.Fail : Verdict.Ok, $"{OpenSsl.Version}; {finding}{(isExpired ? ": clients refuse it; renew it" : "")}");
        }
        catch (IOException wrong)
        {
            return ("TLS", Verdict.Fail, wrong.Message);
        }
    }

    private static (string, Verdict, string) Descriptors(Settings settings)
    {
        const string Raise = "raise LimitNOFILE= or ulimit -Hn";
        _ = Syscall.GetDescriptorLimit(out _, out long hard).OrThrow("getrlimit");
        long least = DescriptorNeeds.Least(settings);
        long most = DescriptorNeeds.Most(settings);
        long upgrade = DescriptorNeeds.OfUpgrade(settings);
        return hard < least ? ("descriptors", Verdict.Fail, Text($"{hard}, but this configuration needs {least}, and one more for each client: {Raise}"))
            : hard < upgrade ? ("descriptors", Verdict.Warn, Text($"{hard}, but an upgrade needs {upgrade} for a moment: {Raise}"))
            : hard < most ? ("descriptors", Verdict.Warn, Text($"{hard}, but --max-connections {settings.MaxConnections} needs {most}: {Raise}, or lower it"))
            : ("descriptors", Verdict.Ok, Text($"{hard}"));
    }

    private static IEnumerable<(string, Verdict, string)> SharedMemory(Settings settings)
    {
        long needed = new RoomLogLayout(settings.MaxRooms, settings.RoomSize).SegmentBytes;
        string wanted = Text($"--max-rooms {settings.MaxRooms} of --room-size {settings.RoomSize} need {needed}");
        if (ReadKernel("shmmax") is { } largest)
        {
            yield return largest >= (ulong)needed
                ? ("kernel.shmmax", Verdict.Ok, Text($"{largest}"))
                : ("kernel.shmmax", Verdict.Fail, Text($"{largest}, but {wanted}: sysctl -w kernel.shmmax={needed}, or lower one of them"));
        }
        else
        {
            yield return Unreadable("kernel.shmmax");
        }

        if (ReadKernel("shmall") is { } pages)
        {
            yield return pages >= (ulong)(needed / Environment.SystemPageSize)
                ? ("kernel.shmall", Verdict.Ok, Text($"{pages}"))
                : ("kernel.shmall", Verdict.Fail, Text(
                    $"{pages} pages of {Environment.SystemPageSize}, but {wanted}: sysctl -w kernel.shmall={needed / Environment.SystemPageSize}"));
        }
        else
        {
            yield return Unreadable("kernel.shmall");
        }

        if (ReadKernel("shmmni") is { } segments)
        {
            int inUse = ReadFile("/proc/sysvipc/shm").AsSpan().Count('\n');
            yield return (ulong)inUse < segments
                ? ("kernel.shmmni", Verdict.Ok, Text($"{segments}, {inUse} in use"))
                : ("kernel.shmmni", Verdict.Fail, Text(
                    $"{segments}, all in use: remove unused ones that 'ipcs -m' shows, or sysctl -w kernel.shmmni={2 * segments}"));
        }
        else
        {
            yield return Unreadable("kernel.shmmni");
        }
    }

    private static (string, Verdict, string) Memory(Settings settings)
    {
        if (HostMemory.Known is null)
        {
            string what = Text($"{settings.MaxMemoryBytes} for all rooms (--max-memory)");
            return ("memory", Verdict.Warn, $"{what}; the memory of this host cannot be read: make sure that it is more");
        }

        string finding = Text($"{settings.MaxMemoryBytes} for all rooms (--max-memory), of {HostMemory.Bytes} of this host or control group");
        return settings.MaxMemoryBytes < HostMemory.Bytes
            ? ("memory", Verdict.Ok, finding)
            : ("memory", Verdict.Warn, $"{finding}: the kernel ends workers before the limit holds; lower it");
    }

    /// <summary>The server runs without its queue; PHP and the commands that ask it do not.</summary>
    private static IEnumerable<(string, Verdict, string)> MessageQueues(Settings settings)
    {
        long push = (Utf8BytesMax * ((long)settings.MaxName + settings.MaxMessage)) + PushFrameBytes;
        if (ReadKernel("msgmax") is { } message)
        {
            yield return message >= (ulong)push
                ? ("kernel.msgmax", Verdict.Ok, Text($"{message}"))
                : ("kernel.msgmax", Verdict.Warn, Text(
                    $"{message}, but the longest message that can be pushed through the control queue has {push} bytes: sysctl -w kernel.msgmax={push}"));
        }
        else
        {
            yield return Unreadable("kernel.msgmax");
        }

        if (ReadKernel("msgmnb") is { } queue)
        {
            yield return queue >= QueueBytesEnough
                ? ("kernel.msgmnb", Verdict.Ok, Text($"{queue}"))
                : ("kernel.msgmnb", Verdict.Warn, Text(
                    $"{queue}: a quarter of it is the longest answer of the control queue; sysctl -w kernel.msgmnb={QueueBytesEnough}"));
        }
        else
        {
            yield return Unreadable("kernel.msgmnb");
        }

        if (ReadKernel("msgmni") is { } queues)
        {
            int inUse = ReadFile("/proc/sysvipc/msg").AsSpan().Count('\n');
            yield return (ulong)inUse < queues
                ? ("kernel.msgmni", Verdict.Ok, Text($"{queues}, {inUse} in use"))
                : ("kernel.msgmni", Verdict.Warn, Text($"{queues}, all in use, so there will be no control queue: ")
                    + Text($"remove unused ones that 'ipcs -q' shows, or sysctl -w kernel.msgmni={2 * queues}"));
        }
        else
        {
            yield return Unreadable("kernel.msgmni");
        }
    }

    private static (string, Verdict, string) Backlog()
    {
        bool known = long.TryParse(ReadFile("/proc/sys/net/core/somaxconn"), NumberStyles.None, CultureInfo.InvariantCulture, out long backlog);
        return !known ? Unreadable("net.core.somaxconn")
            : backlog >= BacklogEnough ? ("net.core.somaxconn", Verdict.Ok, Text($"{backlog}"))
            : ("net.core.somaxconn", Verdict.Warn, Text($"{backlog}: many clients that connect at once wait or fail; sysctl -w net.core.somaxconn=4096"));
    }

    private static (string, Verdict, string) Uring(IoEngine asked)
    {
        if (asked == IoEngine.Epoll)
        {
            return ("io_uring", Verdict.Ok, "not used: --io epoll");
        }

        var probe = Sender.Probe();
        return probe.Ok ? ("io_uring", Verdict.Ok, "used")
            : asked == IoEngine.Auto
                ? ("io_uring", Verdict.Warn, $"not used: {Sender.Explain(probe)}; each message costs a system call for each client instead")
            : ("io_uring", Verdict.Fail, $"--io uring, but {Sender.Explain(probe)}");
    }

    private static (string, Verdict, string) Usable(string what, string directory, string user)
    {
        if (Syscall.StatusOf(directory, out var status).Ok && !status.IsLink)
        {
            if (!Ownership.OfServer(user).Covers(status.Owner))
            {
                // Root may well look on behalf of the service, whose user it does not know.
                var verdict = Syscall.EffectiveUserId() == 0 && user.Length == 0 ? Verdict.Warn : Verdict.Fail;
                return (what, verdict, $"{directory} belongs to {Ownership.Name(status.Owner)}: only that user starts a server with it, or root with --user");
            }

            if (OwnedPath.WhyExposed(directory) is { } why)
            {
                return (what, Verdict.Warn, why);
            }
        }

        string existing = directory;
        while (!Directory.Exists(existing))
        {
            existing = Path.GetDirectoryName(existing) ?? "/";
        }

        return Syscall.IsWritable(existing)
            ? (what, Verdict.Ok, directory)
            : (what, Verdict.Fail, $"{directory}: '{existing}' is not writable for this user");
    }

    private static (string, Verdict, string) LogFile(string path)
    {
        string directory = Path.GetDirectoryName(path) ?? "/";
        return Syscall.IsWritable(File.Exists(path) ? path : directory)
            ? ("log", Verdict.Ok, path)
            : ("log", Verdict.Fail, $"{path}: '{directory}' is missing or not writable for this user");
    }

    /// <summary>The server of the same state directory tells best whether it can write its journal.</summary>
    private static (string, Verdict, string) Journal(Settings settings)
    {
        string path = settings.JournalFile;
        string directory = Path.GetDirectoryName(path) ?? "/";
        bool isMadeByStart = directory == settings.StateDirectory && !Directory.Exists(directory);
        if (!isMadeByStart && !(Syscall.IsWritable(directory) && (!File.Exists(path) || Syscall.IsWritable(path))))
        {
            return ("journal", Verdict.Fail, $"{path}: it or '{directory}', where it is rewritten, is missing or not writable for this user");
        }

        var error = Directory.Exists(settings.StateDirectory) && RoomLogStore.Find(settings.StateDirectory) is { } log ? log.Header.JournalError : Errno.None;
        return error == Errno.None
            ? ("journal", Verdict.Ok, $"{path}, journal-sync {SettingsTable.Find("journal-sync")!.Show(settings)}")
            : ("journal", Verdict.Fail, $"{path}: {SyscallException.Describe(error)}: new messages do not survive a reboot; the log says more");
    }

    private static (string, Verdict, string) Address(ListenAddress address, bool running, Func<ListenAddress, ListenSocket> bind)
    {
        if (running)
        {
            return (address.Text, Verdict.Ok, "in use by the running server");
        }

        try
        {
            bind(address).Dispose();
            return (address.Text, Verdict.Ok, "free");
        }
        catch (Exception taken) when (taken is SyscallException or IOException)
        {
            return (address.Text, Verdict.Fail, taken.Message);
        }
    }

    /// <summary>Without /proc, and in some sandboxes, nobody knows a limit before it is reached.</summary>
    private static (string, Verdict, string) Unreadable(string limit) =>
        (limit, Verdict.Warn, $"cannot be read at /proc/sys/{limit.Replace('.', '/')}: a start that reaches it says so");

    private static ulong? ReadKernel(string name) =>
        ulong.TryParse(ReadFile($"/proc/sys/kernel/{name}"), NumberStyles.None, CultureInfo.InvariantCulture, out ulong value) ? value : null;

    private static string ReadFile(string path) => File.Exists(path) ? File.ReadAllText(path).Trim() : "";

    private static string Text(FormattableString text) => FormattableString.Invariant(text);
}
