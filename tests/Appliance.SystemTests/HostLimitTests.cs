using System.Globalization;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>
/// Hosts that lack something or limit it, a row each: the server serves and delivers a message, or it says in words which limit stands against
/// it and how to raise it, with exit status 1 and without a stack trace.
/// </summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class HostLimitTests
{
    private const string NoIpv6 = "exec strace -f -o /dev/null -e trace=socket -e inject=socket:error=EAFNOSUPPORT:when=1 \"$0\" \"$@\"";
    private const string NoShm = "exec strace -f -o /dev/null -e trace=shmget -e inject=shmget:error=";
    private const string NoQueues = "exec strace -f -o /dev/null -e trace=msgget,semget -e inject=msgget,semget:error=ENOSYS \"$0\" \"$@\"";
    private const string Start = "exec \"$0\" \"$@\"";

    /// <summary>What a shell does first (FOLDER stands for the server's folder), the options, and what the log says besides, if anything.</summary>
    public static TheoryData<string, string, string> Serving => new()
    {
        { $"ulimit -Sn 16; {Start}", "--nofork", "" },
        { $"ulimit -n 64; {Start}", "--nofork --journal FOLDER/state/rooms", "" },
        { $"ulimit -n 100; {Start}", "--proc=2 --metrics 127.0.0.1:0", "" },
        { $"ulimit -n 400; {Start}", "--proc=8 --journal FOLDER/state/rooms", "" },
        { $"prlimit --fsize=4096 {Start["exec ".Length..]}", "--proc=1 --log-level debug --journal FOLDER/state/rooms --journal-sync always", "" },
        { $"ulimit -v 1500000; {Start}", "--proc=1 --max-rooms 16", "" },
        { $"sysctl -qw kernel.msgmni=0; {Start}", "--nofork", "no control queue: .*ENOSPC" },
        { $"sysctl -qw kernel.sem='250 32000 32 0'; {Start}", "--nofork", "" },
        { $"chmod 777 FOLDER/run; {Start}", "--nofork", "--run-dir FOLDER/run: anybody may write to it.*chmod o-w" },
        { $"chmod 777 FOLDER/state; {Start}", "--proc=1", "--state-dir FOLDER/state: anybody may write to it.*chmod o-w" },
        { NoQueues, "--nofork", "no control queue: .*ENOSYS" },
        { $"mount -t tmpfs none /proc; {Start}", "--proc=2 --metrics 127.0.0.1:0", "/proc is not mounted" },
        { $"mount -t tmpfs none /dev; {Start}", "--proc=2", "" },
        { $"mount -t tmpfs none /sys; {Start}", "--proc=2", "" },
        { NoIpv6, "--nofork --listen *:0", "this kernel has no IPv6" },
        { $"sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1; {Start}", "--nofork --listen *:0 --metrics *:0", "" },
    };

    /// <summary>What a shell does first, the options, and what stderr says.</summary>
    public static TheoryData<string, string, string> Refusing => new()
    {
        { $"ulimit -n 16; {Start}", "--nofork", "may have 16 descriptors, and this configuration .* needs [0-9]+.*ulimit -Hn.*LimitNOFILE=" },
        { $"ulimit -n 64; {Start}", "--proc=40", "40 workers.* needs [0-9]+.*LimitNOFILE=" },
        { $"prlimit --fsize=0 {Start["exec ".Length..]}", "--nofork", "EFBIG.*ulimit -f.*LimitFSIZE=" },
        { $"ulimit -v 1000000; {Start}", "--nofork", "address space .* 1024000000 bytes and needs about [0-9]+: ulimit -v unlimited, LimitAS=infinity" },
        { $"ulimit -v 2850000; {Start}", "--nofork", "address space .* is limited to 2918400000 bytes.*: ulimit -v unlimited, LimitAS=infinity" },
        { $"sysctl -qw kernel.shmmax=1000000; {Start}", "--nofork", "kernel.shmmax is 1000000: sysctl -w kernel.shmmax=[0-9]+, or lower --max-rooms" },
        { $"sysctl -qw kernel.shmall=1000; {Start}", "--proc=1", "kernel.shmall is 1000 pages.*sysctl -w kernel.shmall=[0-9]+, or lower --max-rooms" },
        { $"sysctl -qw kernel.shmmni=0; {Start}", "--nofork", @"kernel.shmmni \(0\).*'ipcs -m'" },
        { $"{NoShm}ENOSYS \"$0\" \"$@\"", "--nofork", "System V shared memory.*ENOSYS.*CONFIG_SYSVIPC" },
        { $"{NoShm}EPERM \"$0\" \"$@\"", "--proc=1", "System V shared memory.*EPERM.*seccomp" },
        { $"mkdir FOLDER/state/rooms.key; {Start}", "--nofork", "--state-dir FOLDER/state: 'FOLDER/state/rooms.key' .*a directory is there .*; remove it" },
        { $"mkdir FOLDER/run/appliance.pid; {Start}", "--nofork", "--run-dir FOLDER/run: 'FOLDER/run/appliance.pid' is a directory; remove it" },
        { NoIpv6, "--nofork --listen [::]:0", @"--listen \[::\]:0.*no IPv6: choose an address of IPv4" },
        { $"mount -t tmpfs -o ro none FOLDER/state; {Start}", "--nofork", "--state-dir FOLDER/state: .*EROFS" },
        { $"mount -t tmpfs -o ro none FOLDER/run; {Start}", "--nofork", "--run-dir FOLDER/run: .*EROFS" },
        { $"mount -t tmpfs -o ro none /mnt; {Start}", "--nofork --log /mnt/log", "--log /mnt/log: .*EROFS" },
    };

    [Theory]
    [MemberData(nameof(Serving))]
    public async Task Serves(string setup, string options, string remark)
    {
        await using var daemon = new ApplianceDaemon();
        var socket = Path.Combine(daemon.Folder, "chat");
        await daemon.StartForegroundAsync(
            Wrapper(daemon, setup), new Dictionary<string, string>(StringComparer.Ordinal),
            [.. Options(daemon, options), "--max-rate", "0", "--listen", $"unix:{socket}"]);
        var raw = await RawClient.ConnectAsync(new UnixDomainSocketEndPoint(socket));
        _ = await raw.UpgradeAsync("/");
        await using (var ann = ChatClient.Over(raw))
        {
            // More than a file of 4 KiB holds, be it log or journal.
            for (var i = 0; i < 100; i++)
            {
                _ = await ann.SayAndReadAsync($"message {i}");
            }
        }

        if (remark.Length > 0)
        {
            _ = await daemon.WaitForLogAsync(remark.Replace("FOLDER", daemon.Folder, StringComparison.Ordinal));
        }

        Assert.DoesNotContain(daemon.Log, line => line.StartsWith("   at ", StringComparison.Ordinal) || line.Contains("Unhandled", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Refusing))]
    public async Task Says_what_is_missing(string setup, string options, string words)
    {
        await using var daemon = new ApplianceDaemon();
        string[] command =
        [
            .. Wrapper(daemon, setup), daemon.Binary, "--state-dir", daemon.StateDirectory, "--run-dir", daemon.RunDirectory, "--metrics", "off",
            .. options.Contains("--listen", StringComparison.Ordinal) ? [] : (string[])["--listen", "127.0.0.1:0"], .. Options(daemon, options),
        ];
        var result = await CommandResult.RunAsync(command[0], command[1..]);
        Assert.True(result.ExitCode == 1, result.ToString());
        Assert.Matches(new Regex(words.Replace("FOLDER", daemon.Folder, StringComparison.Ordinal), RegexOptions.None, TimeSpan.FromSeconds(1)), result.Error);
        Assert.DoesNotContain("   at ", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("Unhandled", result.Error, StringComparison.Ordinal);
    }

    /// <summary>What cannot be read is said as such, and no number stands for it.</summary>
    [Theory]
    [InlineData("--check", 0, "net.core.somaxconn +cannot be read")]
    [InlineData("--check", 0, "kernel.shmmax +cannot be read")]
    [InlineData("ipc list", 1, "'/proc/sysvipc/msg'.* cannot be read: mount /proc")]
    [InlineData("queue list", 1, "'/proc/sysvipc/msg'.* cannot be read: mount /proc")]
    public async Task Commands_do_without_proc(string command, int status, string words)
    {
        await using var folder = new IpcFolder();
        var places = command == "--check" ? "--listen 127.0.0.1:0 --metrics off --io epoll" : "";
        var line = $"mount -t tmpfs none /proc; exec \"$0\" {command} {places} --run-dir \"$1\" --state-dir \"$1\"";
        string[] namespaces = ["--ipc", "--mount", "sh", "-c", line, PublishedBinary.FilePath, folder.FullName];
        var result = await CommandResult.RunAsync("unshare", namespaces);
        Assert.True(result.ExitCode == status, result.ToString());
        Assert.Matches(new Regex(words, RegexOptions.None, TimeSpan.FromSeconds(1)), result.Output + result.Error);
    }

    /// <summary>Where System V objects are missing, or a filter forbids them, a command says so and what to do.</summary>
    [Theory]
    [InlineData("msgget", "ENOSYS", "queue send --path \"$1\" x", "CONFIG_SYSVIPC")]
    [InlineData("shmget", "ENOSYS", "shm list --path \"$1\"", "CONFIG_SYSVIPC")]
    [InlineData("semget", "ENOSYS", "sem run --path \"$1\" -- true", "CONFIG_SYSVIPC")]
    [InlineData("msgget", "EPERM", "queue receive --path \"$1\"", "seccomp")]
    public async Task Commands_say_that_there_is_no_SystemV(string call, string error, string command, string words)
    {
        await using var folder = new IpcFolder();
        var line = $"exec strace -f -o /dev/null -e trace={call} -e inject={call}:error={error} \"$0\" {command}";
        var result = await CommandResult.RunAsync("sh", "-c", line, PublishedBinary.FilePath, folder.FullName);
        Assert.True(result.ExitCode == 1, result.ToString());
        Assert.Contains($"({error})", result.Error, StringComparison.Ordinal);
        Assert.Contains(words, result.Error, StringComparison.Ordinal);
    }

    /// <summary>A daemon has no terminal to say anything on: its launcher does.</summary>
    [Theory]
    [InlineData("mount -t tmpfs none /dev;", 0, "")]
    [InlineData("mount -t tmpfs none /proc;", 0, "")]
    [InlineData("ulimit -n 30;", 1, "LimitNOFILE=")]
    [InlineData("sysctl -qw kernel.shmmax=1000000;", 1, "kernel.shmmax is 1000000")]
    public async Task Launcher_tells_how_it_went(string setup, int status, string words)
    {
        await using var daemon = new ApplianceDaemon();
        var result = await daemon.LaunchThroughAsync(["unshare", "--ipc", "--mount", "sh", "-c", $"{setup} {Start}"], "--proc=2");
        Assert.True(result.ExitCode == status, result.ToString());
        Assert.Contains(words, result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", result.Error, StringComparison.Ordinal);
    }

    /// <summary>
    /// Nobody has more descriptors than there are: clients are refused, the log is opened anew all the same, and a worker that dies is replaced.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(0)]
    public async Task Clients_leave_the_server_the_descriptors_that_it_needs(int workers)
    {
        await using var daemon = new ApplianceDaemon();
        var log = Path.Combine(daemon.Folder, "log");
        daemon.ChoosePort();
        var started = await daemon.LaunchThroughAsync(
            ["prlimit", "--nofile=80"], workers == 0 ? "--nofork" : $"--proc={workers}", "--log", log, "--announce", "off");
        Assert.True(started.ExitCode == 0, started.ToString());
        await using var ann = await daemon.JoinAsync();
        List<RawClient> crowd = [];
        var refused = 0;
        for (var i = 0; i < 100; i++)
        {
            var client = await RawClient.ConnectAsync(daemon.Address);
            crowd.Add(client);
            await client.SendAsync(RawClient.UpgradeRequest());
            refused += await IsRefusedAsync(client, "places that the descriptors of this process allow are taken") ? 1 : 0;
        }

        Assert.InRange(refused, 40, 99);
        await daemon.WaitUntilAsync("a full server", () => File.ReadAllText(log).Contains(" 3004 ", StringComparison.Ordinal));
        await AssertToldAsync(daemon, "worker 0 has no descriptor left for another client");
        File.Move(log, $"{log}.1");
        _ = await daemon.SucceedAsync("reopen");
        Assert.True(File.Exists(log));
        _ = await ann.SayAndReadAsync("still here");
        foreach (var one in crowd)
        {
            await one.DisposeAsync();
        }

        await AssertToldAsync(daemon, "");
        await using var bob = await daemon.JoinAsync();
        _ = await bob.SayAndReadAsync("there is room again");
        Assert.Equal(1, File.ReadAllText($"{log}.1").Split(" 3004 ").Length - 1);
    }

    /// <summary>A limit that falls to what is in use: whoever comes gets an answer all the same, in both modes, and is let in when it is raised.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(0)]
    public async Task Whoever_comes_when_there_is_no_descriptor_is_answered(int workers)
    {
        await using var daemon = await ApplianceDaemon.StartInModeAsync(workers, ["--announce", "off"]);
        await using var ann = await daemon.JoinAsync();
        var serving = workers == 0 ? daemon.Master.Pid : daemon.Workers()[0].Pid;
        var open = Directory.GetFileSystemEntries($"/proc/{serving}/fd").Select(path => int.Parse(Path.GetFileName(path), CultureInfo.InvariantCulture))
            .ToHashSet();
        await LimitAsync(serving, Enumerable.Range(0, open.Count + 1).First(descriptor => !open.Contains(descriptor)));
        for (var i = 0; i < 30; i++)
        {
            await using var client = await RawClient.ConnectAsync(daemon.Address);
            await client.SendAsync(RawClient.UpgradeRequest());
            Assert.True(await IsRefusedAsync(client, "this process has no descriptor left for another client"));
        }

        await AssertToldAsync(daemon, "worker 0 has no descriptor left for another client");
        _ = await ann.SayAndReadAsync("still here");
        Assert.Single(daemon.Log, line => line.Contains(" 3004 ", StringComparison.Ordinal));
        await LimitAsync(serving, 1024);
        await using var bob = await daemon.JoinAsync();
        _ = await bob.SayAndReadAsync("there is room again");
        await AssertToldAsync(daemon, "");
    }

    private static async Task LimitAsync(int pid, int descriptors)
    {
        var limited = await CommandResult.RunAsync("prlimit", "--pid", $"{pid}", $"--nofile={descriptors}:1024");
        Assert.True(limited.ExitCode == 0, limited.ToString());
    }

    private static async Task<bool> IsRefusedAsync(RawClient client, string words)
    {
        var response = await client.ReadResponseAsync();
        Assert.True(
            response.Status == 101 || (response.Status == 503 && response.Text.Contains(words, StringComparison.Ordinal)), response.Head + response.Text);
        return response.Status == 503;
    }

    /// <summary>What is wrong by the command, which asks what the port asks; nothing when the words are empty.</summary>
    private static Task AssertToldAsync(ApplianceDaemon daemon, string words) => daemon.WaitUntilAsync($"'{words}' in the status", () =>
    {
        var status = daemon.RunCommandAsync("status", "--json").Result;
        Assert.True(status.ExitCode == 0, status.ToString());
        return words.Length > 0
            ? status.Output.Contains(words, StringComparison.Ordinal) && status.Output.Contains("\"healthy\": false", StringComparison.Ordinal)
            : status.Output.Contains("\"healthy\": true", StringComparison.Ordinal);
    });

    private static string[] Wrapper(ApplianceDaemon daemon, string setup) =>
        ["unshare", "--ipc", "--net", "--mount", "sh", "-c", $"ip link set lo up; {setup.Replace("FOLDER", daemon.Folder, StringComparison.Ordinal)}"];

    private static string[] Options(ApplianceDaemon daemon, string options) =>
        options.Replace("FOLDER", daemon.Folder, StringComparison.Ordinal).Split(' ');
}
