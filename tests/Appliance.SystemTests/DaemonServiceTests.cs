using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>What a service manager expects: readiness, reloads, the watchdog, sockets it has bound, another user.</summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class DaemonServiceTests : IDisposable
{
    /// <summary>A service manager: binds a port, passes the socket on, and wants to hear of the watchdog.</summary>
    private const string Listen = """
        use Socket; use POSIX ();
        $^F = 10;
        socket(S, PF_INET, SOCK_STREAM, 0) or die $!;
        setsockopt(S, SOL_SOCKET, SO_REUSEADDR, 1) or die $!;
        bind(S, sockaddr_in(shift @ARGV, INADDR_LOOPBACK)) or die $!;
        listen(S, 16) or die $!;
        fileno(S) == 3 or POSIX::dup2(fileno(S), 3) or die $!;
        $ENV{LISTEN_FDS} = 1; $ENV{LISTEN_FDNAMES} = 'appliance.socket'; $ENV{LISTEN_PID} = $$;
        $ENV{WATCHDOG_USEC} = 100000; $ENV{WATCHDOG_PID} = $$;
        exec @ARGV or die $!;
        """;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("appliance-service-");
    private readonly NotifySocket _manager;

    public DaemonServiceTests() => _manager = new NotifySocket(NotifyPath);

    private string NotifyPath => Path.Combine(_folder.FullName, "notify");

    /// <summary>sd_notify(3), and for reloads the section on <c>Type=notify-reload</c> in systemd.service(5).</summary>
    [Theory]
    [InlineData("--proc=2")]
    [InlineData("--nofork")]
    public async Task Readiness_reloads_and_the_end_are_told(string mode)
    {
        await using var daemon = new ApplianceDaemon();
        await daemon.StartForegroundAsync([], Environment("NOTIFY_SOCKET", NotifyPath), mode);
        var ready = await _manager.ReceiveAsync();
        Assert.Equal("1", ready["READY"]);
        Assert.Equal($"{daemon.Master.Pid}", ready["MAINPID"]);
        Assert.DoesNotContain("NOTIFY_SOCKET", ChildEnvironment(daemon), StringComparison.Ordinal);
        for (var round = 0; round < 5; round++)
        {
            // What is older than its request does not count for systemd.
            var asked = Stopwatch.GetTimestamp() / (Stopwatch.Frequency / 1_000_000);
            await ApplianceDaemon.SignalAsync(daemon.Master, "HUP");
            var reloading = await _manager.ReceiveAsync();
            Assert.Equal("1", reloading["RELOADING"]);
            var told = long.Parse(reloading["MONOTONIC_USEC"], CultureInfo.InvariantCulture);
            Assert.InRange(told, asked, Stopwatch.GetTimestamp() / (Stopwatch.Frequency / 1_000_000));
            Assert.Equal("1", (await _manager.ReceiveAsync())["READY"]);
        }

        _ = await daemon.SucceedAsync("stop");
        Assert.Equal("1", (await _manager.ReceiveAsync())["STOPPING"]);
        Assert.Equal(0, await daemon.WaitForForegroundAsync());
    }

    /// <summary>The service manager follows an upgrade: the old process names the new one, which says itself when it serves.</summary>
    [Fact]
    public async Task Upgrade_is_told()
    {
        await using var daemon = new ApplianceDaemon();
        await daemon.StartForegroundAsync([], Environment("NOTIFY_SOCKET", NotifyPath, "WATCHDOG_USEC", "60000000"), "--proc=2");
        while (!(await _manager.ReceiveAsync()).ContainsKey("READY"))
        {
            // A start that takes a while keeps the watchdog quiet.
        }

        await using var ann = await daemon.JoinAsync();
        var former = daemon.Master;
        _ = await daemon.SucceedAsync("upgrade");
        var told = new List<IReadOnlyDictionary<string, string>>();
        do
        {
            told.Add(await _manager.ReceiveAsync());
        }
        while (!told[^1].ContainsKey("READY"));

        told.RemoveAll(message => message.ContainsKey("WATCHDOG"));
        Assert.Equal(3, told.Count);
        Assert.Equal("1", told[0]["RELOADING"]);
        Assert.Equal($"{daemon.Master.Pid}", told[1]["MAINPID"]);
        Assert.Equal($"{daemon.Master.Pid}", told[2]["MAINPID"]);
        Assert.NotEqual(former, daemon.Master);
        await daemon.WaitForEndAsync(former);
        _ = await ann.SayAndReadAsync("still here");
        Assert.DoesNotContain("NOTIFY_SOCKET", ChildEnvironment(daemon), StringComparison.Ordinal);
    }

    /// <summary>A leading @ stands for the NUL of an abstract address.</summary>
    [Fact]
    public async Task Abstract_address_of_the_service_manager()
    {
        var name = $"appliance-{Guid.NewGuid():N}";
        using var manager = new NotifySocket($"\0{name}");
        await using var daemon = new ApplianceDaemon();
        await daemon.StartForegroundAsync([], Environment("NOTIFY_SOCKET", $"@{name}"), "--proc=1");
        Assert.Equal("1", (await manager.ReceiveAsync())["READY"]);
    }

    [Theory]
    [InlineData("--proc=2")]
    [InlineData("--nofork")]
    public async Task Watchdog_is_told_in_time(string mode)
    {
        await using var daemon = new ApplianceDaemon();
        await daemon.StartForegroundAsync([], Environment("NOTIFY_SOCKET", NotifyPath, "WATCHDOG_USEC", "200000"), mode);
        for (var told = 0; told < 5;)
        {
            told += (await _manager.ReceiveAsync()).ContainsKey("WATCHDOG") ? 1 : 0;
        }
    }

    /// <summary>A watchdog that is meant for another process (WATCHDOG_PID) is not answered.</summary>
    [Fact]
    public async Task Watchdog_of_another_process_is_left_alone()
    {
        await using var daemon = new ApplianceDaemon();
        await daemon.StartForegroundAsync([], Environment("NOTIFY_SOCKET", NotifyPath, "WATCHDOG_USEC", "1000", "WATCHDOG_PID", "1"), "--proc=1");
        Assert.Equal("1", (await _manager.ReceiveAsync())["READY"]);
        await ApplianceDaemon.SignalAsync(daemon.Master, "HUP");
        Assert.Equal("1", (await _manager.ReceiveAsync())["RELOADING"]);
    }

    /// <summary>Its queue is full, and stays so: neither the chat nor a reload nor the end waits for it.</summary>
    [Theory]
    [InlineData("--proc=2")]
    [InlineData("--nofork")]
    public async Task Manager_that_does_not_read_holds_up_nothing(string mode)
    {
        await using var daemon = new ApplianceDaemon();
        var silent = Path.Combine(_folder.FullName, "silent");
        using var manager = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        manager.Bind(new UnixDomainSocketEndPoint(silent));
        using (var filler = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { Blocking = false })
        {
            filler.Connect(new UnixDomainSocketEndPoint(silent));
            var full = Assert.Throws<SocketException>(new Action(() =>
            {
                while (true)
                {
                    _ = filler.Send("X=1"u8);
                }
            }));
            Assert.Equal(SocketError.WouldBlock, full.SocketErrorCode);
        }

        await daemon.StartForegroundAsync([], Environment("NOTIFY_SOCKET", silent, "WATCHDOG_USEC", "20000"), mode);
        await using (var ann = await daemon.JoinAsync())
        {
            _ = await ann.SayAndReadAsync("hello");
            _ = await daemon.SucceedAsync("reload");
            _ = await ann.SayAndReadAsync("still here");
        }

        _ = await daemon.SucceedAsync("stop");
        Assert.Equal(0, await daemon.WaitForForegroundAsync());
    }

    /// <summary>What is meant for the launcher of a daemon is meant for the daemon.</summary>
    [Fact]
    public async Task Daemon_takes_on_sockets_and_watchdog_of_its_launcher()
    {
        await using var daemon = new ApplianceDaemon();
        daemon.ChoosePort();
        var started = await daemon.LaunchThroughAsync(
            ["env", $"NOTIFY_SOCKET={NotifyPath}", "perl", "-e", Listen, $"{daemon.Port}"], "--proc=2", "--log", daemon.LogFile, "--listen", "127.0.0.1:1");
        Assert.True(started.ExitCode == 0, $"{started} {daemon.Tail()}");
        await using (var ann = await daemon.JoinAsync())
        {
            _ = await ann.SayAndReadAsync("hello");
        }

        var ready = await _manager.ReceiveAsync();
        while (!ready.ContainsKey("READY"))
        {
            ready = await _manager.ReceiveAsync();
        }

        Assert.Equal($"{daemon.Master.Pid}", ready["MAINPID"]);
        Assert.Equal("1", (await _manager.ReceiveAsync())["WATCHDOG"]);
        await using var bob = await daemon.JoinAsync();
        _ = await daemon.SucceedAsync("upgrade");
        _ = await bob.SayAndReadAsync("served by the next master");
        await using var cid = await daemon.JoinAsync();
        _ = await cid.SayAndReadAsync("from the same socket");
    }

    /// <summary>LISTEN_FDS names descriptors that are something else.</summary>
    [Fact]
    public async Task Descriptor_that_does_not_listen_is_refused()
    {
        await using var daemon = new ApplianceDaemon();
        var started = await daemon.LaunchThroughAsync(["sh", "-c", "exec env LISTEN_FDS=1 \"$0\" \"$@\" 3</dev/null"], "--proc=2");
        Assert.True(started.ExitCode == 1, started.ToString());
        Assert.Contains("LISTEN_FDS: descriptor 3 ", started.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(daemon.PidFile), "The pid file is left behind.");
    }

    /// <summary>sd_listen_fds(3): the manager has bound the socket.</summary>
    [Theory]
    [InlineData("--proc=2")]
    [InlineData("--nofork")]
    public async Task Socket_of_the_service_manager_is_served(string mode)
    {
        await using var daemon = new ApplianceDaemon();
        daemon.ChoosePort();
        await daemon.StartForegroundAsync(["perl", "-e", Listen, $"{daemon.Port}"], Environment(), mode, "--listen", "127.0.0.1:1");
        Assert.Equal(1, daemon.Master.Descriptors.Count(one => one.Key == 3 && one.Value.StartsWith("socket:", StringComparison.Ordinal)));
        await using (var ann = await daemon.JoinAsync())
        {
            _ = await ann.SayAndReadAsync("hello");
        }

        if (mode != "--nofork")
        {
            await ApplianceDaemon.SignalAsync(daemon.Workers()[0], "KILL");
            await ApplianceDaemon.SignalAsync(daemon.Workers()[1], "KILL");
            await using var bob = await daemon.JoinAsync("history=0");
            _ = await bob.SayAndReadAsync("hello again");
        }
    }

    /// <summary>All rights of root are gone for good, in the master and in every worker; the user's own groups are there.</summary>
    [Fact]
    public async Task User_is_taken_on_with_all_its_groups()
    {
        Assert.True(System.Environment.IsPrivilegedProcess, "Only root can become another user.");
        await using var daemon = new ApplianceDaemon();
        Directory.Delete(daemon.StateDirectory);
        Directory.Delete(daemon.RunDirectory);
        var groups = Path.Combine(daemon.Folder, "group");
        await File.WriteAllTextAsync(groups, await File.ReadAllTextAsync("/etc/group") + "chat-one:x:64001:nobody\nchat-two:x:64002:bin,nobody\n");
        var port = await PrivilegedPortAsync();
        var started = await daemon.LaunchThroughAsync(
            ["unshare", "--mount", "sh", "-c", $"mount --bind {groups} /etc/group && exec \"$0\" \"$@\""],
            "--proc=2", "--user", "nobody", "--announce", "off", "--listen", $"127.0.0.1:{port}");
        Assert.True(started.ExitCode == 0, started.ToString());
        var id = (await CommandResult.RunAsync("id", "-u", "nobody")).Output.Trim();
        var group = (await CommandResult.RunAsync("id", "-g", "nobody")).Output.Trim();
        foreach (var process in daemon.Workers().Values.Append(daemon.Master))
        {
            Assert.Equal(Enumerable.Repeat(id, 4), process.Field("Uid").Split('\t'));
            Assert.Equal(Enumerable.Repeat(group, 4), process.Field("Gid").Split('\t'));
            Assert.Equal(new[] { group, "64001", "64002" }.Order(), process.Field("Groups").Split(' ', StringSplitOptions.RemoveEmptyEntries).Order());
            Assert.Equal("0000000000000000", process.Field("CapEff"));
            Assert.Equal("0000000000000000", process.Field("CapPrm"));
        }

        Assert.Equal(["msg", "shm"], (await SystemVObjects.OfDirectoryAsync(daemon.StateDirectory)).Select(one => one.Kind).Order());
        await using var ann = await daemon.JoinWorkerAsync(0);
        await ApplianceDaemon.SignalAsync(daemon.Workers()[1], "KILL");
        await using var bob = await daemon.JoinWorkerAsync(1);
        _ = await bob.SayAndReadAsync("hello");
    }

    /// <summary>As another user it can still do what an administrator asks for: more workers on the same port, new logs, an orderly end.</summary>
    [Fact]
    public async Task User_can_have_more_workers_and_end_in_order()
    {
        Assert.True(System.Environment.IsPrivilegedProcess, "Only root can become another user.");
        await using var daemon = new ApplianceDaemon();
        Directory.Delete(daemon.StateDirectory);
        var path = Path.Combine(daemon.Folder, "chat.sock");
        var configuration = Path.Combine(daemon.Folder, "appliance.conf");
        await File.WriteAllTextAsync(configuration, "proc = 1");
        var started = await daemon.LaunchAsync(
            "--config", configuration, "--user", "nobody", "--announce", "off", "--listen", "127.0.0.1:0", "--listen", $"unix:{path}");
        Assert.True(started.ExitCode == 0, started.ToString());
        await File.WriteAllTextAsync(configuration, "proc = 4");
        _ = await daemon.SucceedAsync("reload");
        var master = daemon.Master;
        await using (var ann = await daemon.JoinWorkerAsync(3))
        {
            _ = await ann.SayAndReadAsync("hello");
        }

        File.Move(daemon.LogFile, daemon.LogFile + ".1");
        _ = await daemon.SucceedAsync("reopen");
        _ = await daemon.WaitForLogAsync("log reopened");
        _ = await daemon.SucceedAsync("stop");
        await daemon.WaitForEndAsync(master);
        Assert.DoesNotContain(await File.ReadAllTextAsync(daemon.LogFile), "Unhandled", StringComparison.Ordinal);

        // A socket file that the user could not remove is in the way of nobody.
        await daemon.StartWorkersAsync(2, "--user", "nobody", "--announce", "off", "--listen", "127.0.0.1:0", "--listen", $"unix:{path}");
        File.Delete(path);
    }

    /// <summary>Any user may ask how the server is.</summary>
    [Fact]
    public async Task Status_is_told_to_every_user()
    {
        Assert.True(System.Environment.IsPrivilegedProcess, "Only root can become another user.");
        await using var daemon = await ApplianceDaemon.StartAsync(1);
        var status = await CommandResult.RunAsync(
            "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
            PublishedBinary.FilePath, "status", "--run-dir", daemon.RunDirectory, "--state-dir", daemon.StateDirectory);
        Assert.True(status.ExitCode == 0, status.ToString());
        Assert.Contains($"pid {daemon.Master.Pid}", status.Output, StringComparison.Ordinal);
        var stop = await CommandResult.RunAsync(
            "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
            PublishedBinary.FilePath, "stop", "--run-dir", daemon.RunDirectory, "--state-dir", daemon.StateDirectory);
        Assert.True(stop.ExitCode == 1, stop.ToString());
        Assert.Contains("EPERM", stop.Error, StringComparison.Ordinal);
        Assert.True(daemon.Master.IsAlive);
    }

    public void Dispose()
    {
        _manager.Dispose();
        _folder.Delete(recursive: true);
    }

    private static Dictionary<string, string> Environment(params string[] variables) =>
        variables.Chunk(2).ToDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal);

    private static string ChildEnvironment(ApplianceDaemon daemon) =>
        string.Concat(daemon.Master.Children().Select(child => File.ReadAllText($"/proc/{child.Pid}/environ")));

    /// <summary>A free port that only root may bind, if there is such a range; otherwise any.</summary>
    private static async Task<int> PrivilegedPortAsync()
    {
        var first = int.Parse(await File.ReadAllTextAsync("/proc/sys/net/ipv4/ip_unprivileged_port_start"), CultureInfo.InvariantCulture);
        for (var port = first - 1; port > first / 2; port--)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
                return port;
            }
            catch (SocketException)
            {
                // Taken.
            }
        }

        return 0;
    }
}
