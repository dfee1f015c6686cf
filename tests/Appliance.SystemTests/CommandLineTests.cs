using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Appliance.SystemTests.Harness;
using static VerifyXunit.Verifier;

namespace Appliance.SystemTests;

/// <summary>What the binary says and how it exits; the texts are snapshots.</summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class CommandLineTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("appliance-cli-");

    [Fact]
    public async Task Usage()
    {
        var bare = await CommandResult.ApplianceAsync();
        Assert.Equal((0, ""), (bare.ExitCode, bare.Error));
        var help = await CommandResult.ApplianceAsync("--help");
        Assert.Equal((0, bare.Output), (help.ExitCode, help.Output));
        await Verify(Scrub(bare.Output)).UseDirectory("Snapshots");
    }

    [Fact]
    public async Task Version()
    {
        var version = await CommandResult.ApplianceAsync("--version");
        Assert.Equal((0, ""), (version.ExitCode, version.Error));
        await Verify(Scrub(version.Output)).UseDirectory("Snapshots");
    }

    [Fact]
    public async Task Settings()
    {
        var file = WriteConfig("# comment", "", "history = 7", "  max-name=20  ", "listen = 127.0.0.1:9100", "listen = [::1]:9100");
        var settings = await CommandResult.ApplianceAsync(
            "--settings", "--config", file, "--max-message", "50", "--max-name", "30", "--state-dir", Path("state"), "--run-dir", Path("run"), "--echo");
        Assert.Equal((0, ""), (settings.ExitCode, settings.Error));
        await Verify(Scrub(settings.Output)).UseDirectory("Snapshots");
    }

    [Fact]
    public async Task Wrong_usage()
    {
        var transcript = await RefusalsAsync(
            2,
            ["--nothing"],
            ["--histroy", "5"],
            ["nothing"],
            ["--history"],
            ["--history", "many"],
            ["--history", "-1"],
            ["--history", "99999999999"],
            ["--max-message", "0"],
            ["--max-message", "1000000"],
            ["--room-size", "1"],
            ["--announce", "loud"],
            ["--log-level", "chatty"],
            ["--listen", "here"],
            ["--listen", "127.0.0.1"],
            ["--listen", "127.0.0.1:99999"],
            ["--listen", "unix:"],
            ["--metrics", "nowhere"],
            ["--proc=none"],
            ["--proc=100000"],
            ["--echo=maybe"],
            ["--ping", "60", "--timeout", "30"]);
        await Verify(Scrub(transcript)).UseDirectory("Snapshots");
    }

    [Fact]
    public async Task Wrong_configuration()
    {
        var transcript = await RefusalsAsync(
            1,
            ["--settings", "--config", Path("missing.conf")],
            ["--settings", "--config", WriteConfig("# fine", "histroy = 5")],
            ["--settings", "--config", WriteConfig("history = many")],
            ["--settings", "--config", WriteConfig("history")],
            ["--settings", "--config", WriteConfig("= 5")],
            ["--settings", "--config", WriteConfig("history =")],
            ["--settings", "--config", WriteConfig("listen = 127.0.0.1:9000", "listen = here")],
            ["--settings", "--config", WriteConfig("ping = 60", "timeout = 30")],
            ["--settings", "--config", WriteConfig("echo = maybe")],
            ["--settings", "--config", WriteConfig("settings = on")],
            ["--settings", "--config", WriteConfig("config = other.conf")]);
        await Verify(Scrub(transcript)).UseDirectory("Snapshots");
    }

    [Fact]
    public async Task Configuration_file_is_applied_and_the_command_line_wins()
    {
        var file = WriteConfig("announce = off", "max-message = 5", "max-name = 3");
        await using var server = await ApplianceServer.StartAsync("--config", file, "--max-name", "4");
        await using var ann = await ChatClient.JoinAsync(server);
        Assert.Equal("12345", (await ann.SayAndReadAsync("12345", "1234")).Message);
        await ann.SayAsync("123456", "1234");
        Assert.Equal("too_long", (await ann.ReadAsync()).Code);
        await ann.SayAsync("12345", "12345");
        Assert.Equal("too_long", (await ann.ReadAsync()).Code);
    }

    [Theory]
    [InlineData("off", "on", "--echo")]
    [InlineData("on", "off", "--echo=off")]
    [InlineData("off", "on", "--echo=on", "--nofork")]
    public async Task Switch_of_the_command_line_wins_either_way(string inFile, string inForce, params string[] arguments)
    {
        var settings = await CommandResult.ApplianceAsync([.. arguments, "--settings", "--config", WriteConfig($"echo = {inFile}")]);
        Assert.Equal((0, ""), (settings.ExitCode, settings.Error));
        Assert.Matches($"(?m)^echo += {inForce} ", settings.Output);
    }

    [Fact]
    public async Task Port_of_another_program_is_refused()
    {
        using var holder = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        holder.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        holder.Listen();
        await AssertPortIsRefusedAsync(((IPEndPoint)holder.LocalEndPoint!).Port);
    }

    [Fact]
    public async Task Port_of_another_appliance_is_refused()
    {
        await using var server = await ApplianceServer.StartAsync();
        await AssertPortIsRefusedAsync(server.Port);
        await using var ann = await ChatClient.JoinAsync(server);
        Assert.Equal("still here", (await ann.SayAndReadAsync("still here")).Message);
    }

    [Fact]
    public async Task Check_tells_a_good_host_from_a_taken_port()
    {
        await using var server = await ApplianceServer.StartAsync();
        string[] folders = ["--metrics", "off", "--state-dir", Path("state"), "--run-dir", Path("run")];
        var good = await CommandResult.ApplianceAsync(["--check", "--listen", "127.0.0.1:0", .. folders]);
        Assert.True(good.ExitCode == 0, good.Output + good.Error);
        Assert.NotEmpty(good.Output);
        var taken = await CommandResult.ApplianceAsync(["--check", "--listen", $"127.0.0.1:{server.Port}", .. folders]);
        Assert.True(taken.ExitCode == 1, taken.Output + taken.Error);
        Assert.Contains($":{server.Port}", taken.Output + taken.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("stop")]
    [InlineData("stop", "--purge")]
    public async Task Stop_of_nothing_is_fine_even_where_no_directory_is_left(params string[] command)
    {
        var stop = await CommandResult.ApplianceAsync([.. command, "--run-dir", Path("gone/run"), "--state-dir", Path("gone/state")]);
        Assert.Equal((0, "", ""), (stop.ExitCode, stop.Output, stop.Error));
    }

    [Fact]
    public async Task More_memory_than_the_kernel_gives_is_refused_with_the_way_out()
    {
        var result = await CommandResult.ApplianceAsync(
            "--nofork", "--listen", "127.0.0.1:0", "--metrics", "off", "--state-dir", Path("state"), "--run-dir", Path("run"),
            "--max-rooms", "100000", "--room-size", "1073741824");
        Assert.True(result.ExitCode == 1, result.Output + result.Error);
        Assert.Contains("lower --max-rooms or --room-size", result.Error, StringComparison.Ordinal);
        Assert.Empty(await SystemVObjects.OfDirectoryAsync(Path("state")));
    }

    [Fact]
    public async Task Nothing_is_created_in_a_state_directory_that_cannot_be_written()
    {
        var file = WriteConfig("# in the way");
        var result = await CommandResult.ApplianceAsync(
            "--nofork", "--listen", "127.0.0.1:0", "--metrics", "off", "--state-dir", file, "--run-dir", Path("run"));
        Assert.True(result.ExitCode == 1, result.Output + result.Error);
        Assert.Contains(file, result.Error, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private async Task AssertPortIsRefusedAsync(int port)
    {
        var result = await CommandResult.ApplianceAsync(
            "--nofork", "--listen", $"127.0.0.1:{port}", "--metrics", "off", "--state-dir", Path("state"), "--run-dir", Path("run"));
        Assert.True(result.ExitCode == 1, result.Error);
        Assert.Contains($"127.0.0.1:{port}", result.Error, StringComparison.Ordinal);
        Assert.Contains("in use", result.Error, StringComparison.Ordinal);
        Assert.Contains("choose another", result.Error, StringComparison.Ordinal);
        Assert.Empty(Directory.Exists(Path("state")) ? await SystemVObjects.OfDirectoryAsync(Path("state")) : []);
    }

    private string Path(string name) => System.IO.Path.Combine(_folder.FullName, name);

    private string WriteConfig(params string[] lines)
    {
        var file = Path($"{_folder.GetFiles("*.conf").Length + 1}.conf");
        File.WriteAllLines(file, lines);
        return file;
    }

    /// <summary>What the binary says to commands that it must refuse with an exit status and nothing on stdout.</summary>
    private static async Task<string> RefusalsAsync(int exitCode, params string[][] commands)
    {
        var transcript = new StringBuilder();
        foreach (var arguments in commands)
        {
            var result = await CommandResult.ApplianceAsync(arguments);
            Assert.True((exitCode, "") == (result.ExitCode, result.Output), $"{string.Join(' ', arguments)}: {result}");
            _ = transcript.Append("$ appliance ").AppendJoin(' ', arguments).Append('\n').Append(result.Error).Append('\n');
        }

        return transcript.ToString();
    }

    /// <summary>Takes out what differs from run to run, from build to build, or from user to user: folders, version and commit.</summary>
    private string Scrub(string text)
    {
        var limit = TimeSpan.FromSeconds(1);
        text = text.Replace(_folder.FullName, "{folder}", StringComparison.Ordinal);
        text = Regex.Replace(text, @"(?<=^appliance (version )?)[0-9]+\.[0-9]+\.[0-9]+\S*", "{version}", RegexOptions.ExplicitCapture, limit);
        text = Regex.Replace(text, @"(?<=^ +--(run|state)-dir .*)\[.*\]$", "[{default}]", RegexOptions.ExplicitCapture | RegexOptions.Multiline, limit);
        return Regex.Replace(text, @"(?<= )([0-9a-f]{12}\S*|unknown)(?=\n$)", "{commit}", RegexOptions.ExplicitCapture, limit);
    }
}
