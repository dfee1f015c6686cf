using System.Net;
using System.Net.Sockets;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>A daemon that cannot start says why, fails, and leaves nothing: no process, no pid file, no System V object, no socket file.</summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class DaemonRefusalTests
{
    /// <summary>User of every system that owns nothing.</summary>
    private const string Nobody = "65534";

    [Fact]
    public async Task Port_of_another_program()
    {
        using var holder = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        holder.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        holder.Listen();
        var address = holder.LocalEndPoint!.ToString()!;
        await AssertRefusedAsync(1, ["--listen", address], $"--listen {address}", "in use");
    }

    /// <summary>Its listeners use SO_REUSEPORT, so the kernel alone would not refuse it.</summary>
    [Fact]
    public async Task Port_of_another_appliance()
    {
        await using var other = await ApplianceDaemon.StartAsync(2, "--announce", "off");
        await AssertRefusedAsync(1, ["--listen", other.Address.ToString()], $"--listen {other.Address}", "in use");
        await using var ann = await other.JoinAsync();
        _ = await ann.SayAndReadAsync("still here");
    }

    [Fact]
    public async Task Address_of_another_host() =>
        await AssertRefusedAsync(1, ["--listen", "203.0.113.1:9000"], "--listen 203.0.113.1:9000");

    /// <summary>What was bound before the address that fails is given up again.</summary>
    [Fact]
    public async Task Second_of_two_addresses()
    {
        await using var other = await ApplianceDaemon.StartAsync(1);
        await using var daemon = new ApplianceDaemon();
        var path = Path.Combine(daemon.Folder, "chat.sock");
        await AssertRefusedAsync(daemon, 1, ["--listen", $"unix:{path}", "--listen", other.Address.ToString()], "in use");
        Assert.False(File.Exists(path), "The Unix socket is left behind.");
    }

    [Fact]
    public async Task Unix_socket_of_another_server()
    {
        await using var other = new ApplianceDaemon();
        var path = Path.Combine(other.Folder, "chat.sock");
        await other.StartWorkersAsync(2, "--listen", $"unix:{path}");
        await AssertRefusedAsync(1, ["--listen", $"unix:{path}"], $"--listen unix:{path}", "in use");
        await using var raw = await RawClient.ConnectAsync(new UnixDomainSocketEndPoint(path));
        _ = await raw.UpgradeAsync();
    }

    /// <summary>Who listens at an address, and what lies at a path, is named.</summary>
    [Fact]
    public async Task What_is_in_the_way_is_named()
    {
        await using var other = new ApplianceDaemon();
        var path = Path.Combine(other.Folder, "chat.sock");
        await other.StartWorkersAsync(2, "--listen", $"unix:{path}", "--listen", "127.0.0.1:0");
        var words = $"another appliance (pid {other.ReadPidFile().Trim()}) listens there: end it";
        await AssertRefusedAsync(1, ["--listen", other.Address.ToString()], words);
        await AssertRefusedAsync(1, ["--listen", $"unix:{path}"], words);
        var (link, folder, file) = ($"{other.Folder}/link", $"{other.Folder}/folder", $"{other.Folder}/file");
        _ = File.CreateSymbolicLink(link, "nowhere");
        _ = Directory.CreateDirectory(folder);
        await File.WriteAllTextAsync(file, "x");
        var squatted = new[] { (link, "a symbolic link is there: name"), (folder, "a directory is there"), (file, "a file is there") };
        foreach (var (taken, what) in squatted)
        {
            await AssertRefusedAsync(1, ["--listen", $"unix:{taken}"], $"--listen unix:{taken}", what);
        }
    }

    /// <summary>The kernel would say that the address is in use, and it is: by this very server.</summary>
    [Theory]
    [InlineData(2, "given twice", "--listen", "127.0.0.1:45871", "--listen", "127.0.0.1:45871")]
    [InlineData(2, "'127.0.0.1:45871' and '*:45871'", "--listen", "*:45871", "--listen", "127.0.0.1:45871")]
    [InlineData(2, "--metrics 127.0.0.1:45871", "--listen", "127.0.0.1:45871", "--metrics", "127.0.0.1:45871")]
    public async Task Address_that_is_given_twice(int exitCode, string named, params string[] options) =>
        await AssertRefusedAsync(exitCode, options, named);

    [Theory]
    [InlineData("--proc=0", "--proc")]
    [InlineData("--proc=65", "--proc")]
    [InlineData("--proc=many", "--proc")]
    [InlineData("--demon", "--demon")]
    [InlineData("--history=-1", "--history")]
    public async Task Wrong_command_line(string option, string named) => await AssertRefusedAsync(2, [option], named);

    [Theory]
    [InlineData("histroy = 5")]
    [InlineData("history = many")]
    [InlineData("history")]
    public async Task Bad_configuration(string line)
    {
        await using var daemon = new ApplianceDaemon();
        var file = Path.Combine(daemon.Folder, "appliance.conf");
        await File.WriteAllTextAsync(file, $"# a comment\n{line}\n");
        await AssertRefusedAsync(daemon, 1, ["--config", file], $"{file}:2: ", line.Split(' ')[0]);
    }

    [Theory]
    [InlineData("--user", "no-such-user")]
    [InlineData("--log", "/proc/no/such/file")]
    [InlineData("--state-dir", "/proc/no/such/directory")]
    [InlineData("--run-dir", "/proc/no/such/directory")]
    [InlineData("--room-size 1073741824 --max-rooms", "100000")]
    public async Task What_cannot_be_had(string options, string value) =>
        await AssertRefusedAsync(1, [.. options.Split(' '), value], options == "--room-size 1073741824 --max-rooms" ? "shm" : value);

    [Theory]
    [InlineData("run")]
    [InlineData("state")]
    public async Task No_permission(string directory)
    {
        await using var daemon = new ApplianceDaemon();
        Assert.True(Environment.IsPrivilegedProcess, "Only root can become a user who may not write there.");
        foreach (var path in new[] { daemon.RunDirectory, daemon.StateDirectory }.Where(path => Path.GetFileName(path) != directory))
        {
            var given = await CommandResult.RunAsync("chown", Nobody, path);
            Assert.True(given.ExitCode == 0, given.ToString());
        }

        var refused = await daemon.LaunchThroughAsync(["setpriv", $"--reuid={Nobody}", $"--regid={Nobody}", "--clear-groups"], "--proc=2");
        await AssertRefusedAsync(daemon, refused, 1, $"--{directory}-dir", "EACCES");
    }

    /// <summary>Whoever owns the directory must not be given, by a start as root, what he links there.</summary>
    [Theory]
    [InlineData("ln -s", "run/appliance.pid")]
    [InlineData("ln -s", "state/appliance.lock")]
    [InlineData("ln", "run/appliance.pid")]
    [InlineData("mkfifo", "state/appliance.lock")]
    public async Task Link_in_the_place_of_a_pid_file(string how, string place)
    {
        await using var daemon = new ApplianceDaemon();
        Assert.True(Environment.IsPrivilegedProcess, "Only root can become another user.");
        var secret = Path.Combine(daemon.Folder, "secret");
        await File.WriteAllTextAsync(secret, "4194304\n");
        File.SetUnixFileMode(secret, UnixFileMode.UserRead);
        var before = await StatAsync(secret);
        var path = Path.Combine(daemon.Folder, place);
        var made = await CommandResult.RunAsync("sh", "-c", how == "mkfifo" ? $"mkfifo {path}" : $"{how} {secret} {path}");
        Assert.True(made.ExitCode == 0, made.ToString());
        var refused = await daemon.LaunchAsync("--proc=2", "--user", "nobody");
        Assert.Equal(before, await StatAsync(secret));
        Assert.Equal("4194304\n", await File.ReadAllTextAsync(secret));
        File.Delete(path);
        await AssertRefusedAsync(daemon, refused, 1, path);
    }

    /// <summary>Each of the two folders belongs to one server: the pid file in one, the shared memory of the other.</summary>
    [Theory]
    [InlineData("--run-dir")]
    [InlineData("--state-dir")]
    public async Task Second_start(string shared)
    {
        await using var first = await ApplianceDaemon.StartAsync(2, "--announce", "off");
        var directory = shared == "--run-dir" ? first.RunDirectory : first.StateDirectory;
        var master = first.Master;
        var workers = first.Workers();
        await AssertRefusedAsync(1, [shared, directory], $"{shared} {directory}");
        Assert.Equal(master, first.Master);
        Assert.Equal(workers, first.Workers());
        await using var ann = await first.JoinAsync();
        _ = await ann.SayAndReadAsync("still here");
    }

    private static async Task<string> StatAsync(string path) => (await CommandResult.RunAsync("stat", "--format=%u %g %a %s", path)).Output;

    private static async Task AssertRefusedAsync(int exitCode, string[] options, params string[] reasons)
    {
        await using var daemon = new ApplianceDaemon();
        await AssertRefusedAsync(daemon, exitCode, options, reasons);
    }

    private static async Task AssertRefusedAsync(ApplianceDaemon daemon, int exitCode, string[] options, params string[] reasons) =>
        await AssertRefusedAsync(daemon, await daemon.LaunchAsync(["--proc=2", .. options]), exitCode, reasons);

    private static async Task AssertRefusedAsync(ApplianceDaemon daemon, CommandResult result, int exitCode, params string[] reasons)
    {
        Assert.True(result.ExitCode == exitCode, result.ToString());
        Assert.Empty(result.Output);
        Assert.StartsWith("appliance: ", result.Error, StringComparison.Ordinal);
        Assert.All(reasons, reason => Assert.Contains(reason, result.Error, StringComparison.Ordinal));
        await daemon.WaitUntilAsync("end of all processes", () => ProcessStatus.Using(daemon.Folder).Count == 0);
        Assert.False(File.Exists(daemon.PidFile), "The pid file is left behind.");
        Assert.Empty(await SystemVObjects.OfDirectoryAsync(daemon.StateDirectory));
    }
}
