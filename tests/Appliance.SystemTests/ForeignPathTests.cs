using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>Directories, files, links and sockets that another user has made where a server's go: refused in words, and untouched.</summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class ForeignPathTests
{
    private const string Made = "touch {0}";
    private const string Linked = "ln -s {1} {0}";

    /// <summary>A file of a server in a directory where everybody may make files, made or linked by somebody else before.</summary>
    [Theory]
    [InlineData("--log", Made)]
    [InlineData("--log", Linked)]
    [InlineData("--log", "mkfifo {0}")]
    [InlineData("--journal", Made)]
    [InlineData("--journal", Linked)]
    [InlineData("--listen", "perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => shift) or die' {0}")]
    [InlineData("--config", "echo nofork=on > {0}")]
    [InlineData("--config", Linked)]
    [InlineData("--run-dir", "mkdir {0}")]
    [InlineData("--state-dir", "mkdir {0}")]
    [InlineData("--state-dir", "ln -s {2} {0}")]
    public async Task Path_of_another_user(string option, string how)
    {
        Assert.True(Environment.IsPrivilegedProcess, "Only root can become another user.");
        await using var daemon = new ApplianceDaemon();
        var shared = Directory.CreateDirectory(Path.Combine(daemon.Folder, "shared")).FullName;
        File.SetUnixFileMode(shared, (UnixFileMode)0x3FF);
        var secret = Path.Combine(daemon.Folder, "secret");
        await File.WriteAllTextAsync(secret, "history = 1\n");
        var path = Path.Combine(shared, "thing");
        await OtherUser.SucceedAsync(
            OtherUser.Nobody, "sh", "-c",
            how.Replace("{0}", path, StringComparison.Ordinal).Replace("{1}", secret, StringComparison.Ordinal)
                .Replace("{2}", daemon.StateDirectory, StringComparison.Ordinal));
        var value = option == "--listen" ? $"unix:{path}" : path;
        var refused = option is "--run-dir" or "--state-dir"
            ? await CommandResult.ApplianceAsync(
                "--daemon", "--listen", "127.0.0.1:0", "--metrics", "off", "--run-dir", option == "--run-dir" ? path : daemon.RunDirectory,
                "--state-dir", option == "--state-dir" ? path : daemon.StateDirectory)
            : await daemon.LaunchAsync("--proc=1", option, value);
        Assert.True(refused.ExitCode == 1, refused.ToString());
        Assert.Contains(option, refused.Error, StringComparison.Ordinal);
        Assert.Contains($"'{path}'", option == "--listen" ? $"'{path}'" : refused.Error, StringComparison.Ordinal);
        Assert.Contains("user nobody (65534)", refused.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("Unhandled", refused.Error, StringComparison.Ordinal);
        Assert.Equal("history = 1\n", await File.ReadAllTextAsync(secret));
        Assert.Empty(await SystemVObjects.OfDirectoryAsync(daemon.StateDirectory));
    }

    /// <summary>Directories that belong to somebody else, wherever they lie; with <c>--user</c> they may be that user's.</summary>
    [Theory]
    [InlineData("run")]
    [InlineData("state")]
    public async Task Directory_of_another_user(string which)
    {
        await using var daemon = new ApplianceDaemon();
        var given = await CommandResult.RunAsync("chown", OtherUser.Nobody, Path.Combine(daemon.Folder, which));
        Assert.True(given.ExitCode == 0, given.ToString());
        var refused = await daemon.LaunchAsync("--proc=1");
        Assert.True(refused.ExitCode == 1, refused.ToString());
        Assert.Contains($"--{which}-dir {daemon.Folder}/{which}: the directory belongs to user nobody (65534)", refused.Error, StringComparison.Ordinal);
        if (which == "run")
        {
            var log = Path.Combine(daemon.RunDirectory, "server.log");
            var started = await daemon.LaunchAsync("--proc=1", "--user", "nobody", "--log", log);
            Assert.True(started.ExitCode == 0, started.ToString());
            Assert.Contains("room log of", await daemon.SucceedAsync("ipc", "list"), StringComparison.Ordinal);
            Assert.Contains("pid", await daemon.SucceedAsync("status"), StringComparison.Ordinal);
        }
    }

    /// <summary>What an administrator links is followed, over logs, state and journal.</summary>
    [Fact]
    public async Task Link_of_the_administrator_is_followed()
    {
        await using var daemon = new ApplianceDaemon();
        var log = Path.Combine(daemon.Folder, "elsewhere.log");
        var link = Path.Combine(daemon.Folder, "link.log");
        _ = File.CreateSymbolicLink(link, log);
        _ = File.CreateSymbolicLink(Path.Combine(daemon.Folder, "link.journal"), Path.Combine(daemon.Folder, "rooms.journal"));
        var started = await daemon.LaunchAsync("--proc=1", "--log", link, "--journal", Path.Combine(daemon.Folder, "link.journal"));
        Assert.True(started.ExitCode == 0, started.ToString());
        _ = await daemon.SucceedAsync("reopen");
        _ = await daemon.SucceedAsync("stop");
        Assert.Contains("ready on", await File.ReadAllTextAsync(log), StringComparison.Ordinal);
        Assert.NotEmpty(await File.ReadAllBytesAsync(Path.Combine(daemon.Folder, "rooms.journal")));
        Assert.NotNull(new FileInfo(link).LinkTarget);
    }

    /// <summary>A journal that others may write says whatever they like.</summary>
    [Fact]
    public async Task Journal_that_others_may_write()
    {
        await using var daemon = new ApplianceDaemon();
        var journal = Path.Combine(daemon.Folder, "rooms.journal");
        await File.WriteAllTextAsync(journal, "");
        File.SetUnixFileMode(journal, (UnixFileMode)0x1B6);
        var refused = await daemon.LaunchAsync("--proc=1", "--journal", journal);
        Assert.True(refused.ExitCode == 1, refused.ToString());
        Assert.Contains("chmod go-w", refused.Error, StringComparison.Ordinal);
    }

    /// <summary>A user without HOME and XDG_RUNTIME_DIR has a directory below /tmp, where others may have been first.</summary>
    [Theory]
    [InlineData(null, 0)]
    [InlineData("mkdir -m 777 {0}", 1)]
    [InlineData("ln -s {1} {0}", 1)]
    [InlineData("touch {0}", 1)]
    public async Task Directory_below_tmp(string? squatted, int exitCode)
    {
        Assert.True(Environment.IsPrivilegedProcess, "Only root can become another user.");
        await using var daemon = new ApplianceDaemon();
        var place = $"/tmp/appliance-{OtherUser.Service}";
        var target = Directory.CreateDirectory(Path.Combine(daemon.Folder, "target")).FullName;
        File.SetUnixFileMode(target, (UnixFileMode)0x1FF);
        try
        {
            if (squatted is not null)
            {
                await OtherUser.SucceedAsync(
                    OtherUser.Nobody, "sh", "-c", squatted.Replace("{0}", place, StringComparison.Ordinal).Replace("{1}", target, StringComparison.Ordinal));
            }

            string[] own = ["env", "-i", PublishedBinary.FilePath];
            var started = await OtherUser.RunAsync(OtherUser.Service, [.. own, "--daemon", "--proc=1", "--listen", "127.0.0.1:0", "--metrics", "off"]);
            Assert.True(started.ExitCode == exitCode, started.ToString());
            Assert.Empty(Directory.GetFileSystemEntries(target));
            if (exitCode == 0)
            {
                Assert.Equal((UnixFileMode)0x1C0, File.GetUnixFileMode(place));
                await OtherUser.SucceedAsync(OtherUser.Service, [.. own, "status"]);
                await OtherUser.SucceedAsync(OtherUser.Service, [.. own, "stop", "--purge"]);
            }
            else
            {
                Assert.Contains($"'{place}'", started.Error, StringComparison.Ordinal);
                Assert.Contains("user nobody (65534)", started.Error, StringComparison.Ordinal);
            }
        }
        finally
        {
            _ = await CommandResult.RunAsync("rm", "-rf", place);
        }
    }

    [Theory]
    [InlineData(null, 0x1B6)]
    [InlineData("0660", 0x1B0)]
    [InlineData("600", 0x180)]
    public async Task Socket_has_its_mode(string? mode, int permissions)
    {
        await using var daemon = new ApplianceDaemon();
        var path = Path.Combine(daemon.Folder, "chat.sock");
        var metrics = Path.Combine(daemon.Folder, "metrics.sock");
        string[] options = ["--listen", $"unix:{path}", "--metrics", $"unix:{metrics}"];
        await daemon.StartWorkersAsync(1, mode is null ? options : [.. options, "--socket-mode", mode]);
        Assert.Equal((UnixFileMode)permissions, File.GetUnixFileMode(path));
        Assert.Equal((UnixFileMode)permissions, File.GetUnixFileMode(metrics));
        _ = await daemon.SucceedAsync("stop");
        Assert.False(File.Exists(path));
    }

    /// <summary>What has taken the socket's place meanwhile is not the server's to remove.</summary>
    [Fact]
    public async Task File_in_the_place_of_the_socket_stays()
    {
        await using var daemon = new ApplianceDaemon();
        var path = Path.Combine(daemon.Folder, "chat.sock");
        await daemon.StartWorkersAsync(1, "--listen", $"unix:{path}");
        File.Delete(path);
        await File.WriteAllTextAsync(path, "another's");
        _ = await daemon.SucceedAsync("stop");
        Assert.Equal("another's", await File.ReadAllTextAsync(path));
    }
}
