using System.Text;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>Identities and keys in a daemon: over upgrades, moves and deaths of workers, reloads, and what key files must be.</summary>
public sealed class TokenDaemonTests : IDisposable
{
    private static readonly byte[] OtherSecret = Encoding.ASCII.GetBytes("another secret, also of more than 32 bytes");

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("appliance-keys-");

    private string KeyFile => Path.Combine(_folder.FullName, "secret");

    /// <summary>What is wrong with a key file, and what is said of it.</summary>
    public static TheoryData<string, string> BadFiles => new()
    {
        { "missing", "ENOENT" },
        { "empty", "at least 32 bytes" },
        { "readable", "chmod 0640" },
        { "writable", "chmod 0640" },
        { "directory", "directory" },
        { "private", "private key" },
    };

    public void Dispose() => _folder.Delete(recursive: true);

    /// <summary>Name, rights and expiry go along: to the workers of the next process, to fewer workers and to more.</summary>
    [Fact]
    public async Task Identity_goes_wherever_the_connection_goes()
    {
        await using var daemon = await StartAsync(2);
        long expires = DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 3600;
        List<ChatClient> readers = [];
        for (int i = 0; i < 8; i++)
        {
            readers.Add(await JoinAsync(daemon, $$"""{"sub":"r{{i}}","name":"Reader","rooms":{"lobby":"r"},"exp":{{expires}}}"""));
        }

        await using var writer = await JoinAsync(daemon, """{"sub":"w","name":"Writer"}""");
        for (int round = 0; round < 3; round++)
        {
            if (round > 0)
            {
                _ = await daemon.SucceedAsync("upgrade");
            }

            await writer.SayAsync($"round {round}", name: "other");
            foreach (var reader in readers)
            {
                var message = await reader.ReadMessageAsync($"round {round}");
                Assert.Equal(("Writer", "w"), (message.Name, message.Json["user"]?.GetValue<string>()));
                await reader.SayAsync("not allowed");
                Assert.Equal("forbidden", (await reader.ReadTypeAsync("error")).Code);
            }
        }

        string clients = await daemon.SucceedAsync("clients", "--json");
        Assert.All(readers.Select((_, i) => $"\"user\":\"r{i}\""), user => Assert.Contains(user, clients, StringComparison.Ordinal));
        foreach (var reader in readers)
        {
            await reader.DisposeAsync();
        }
    }

    [Fact]
    public async Task Expiry_holds_behind_an_upgrade()
    {
        await using var daemon = await StartAsync(2);
        await using var client = await JoinAsync(daemon, $$"""{"sub":"u7","exp":{{DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 1}}}""");
        _ = await daemon.SucceedAsync("upgrade");
        Assert.Equal(4401, await client.Raw.ReadCloseAsync());
    }

    [Fact]
    public async Task Worker_that_follows_a_dead_one_knows_the_keys()
    {
        await using var daemon = await StartAsync(1);
        await using var client = await JoinAsync(daemon, """{"sub":"u7","name":"Ann"}""");
        await ApplianceDaemon.SignalAsync(daemon.Workers()[0], "KILL");
        _ = await Assert.ThrowsAnyAsync<IOException>(() => client.Raw.ReadCloseAsync());
        await daemon.WaitUntilAsync("another worker", () => daemon.Workers().Count == 1);
        await using var again = await JoinAsync(daemon, """{"sub":"u7","name":"Ann"}""");
        Assert.Equal("u7", (await again.SayAndReadAsync("back", name: "Ann")).Json["user"]?.GetValue<string>());
    }

    [Fact]
    public async Task Reload_takes_other_keys_and_a_bad_file_changes_nothing()
    {
        await using var daemon = await StartAsync(2);
        await using var client = await JoinAsync(daemon, """{"sub":"u7","name":"Ann"}""");
        File.WriteAllText(KeyFile, "short");
        var failed = await daemon.RunCommandAsync("reload");
        Assert.Equal(1, failed.ExitCode);
        Assert.Contains("at least 32 bytes", failed.Error, StringComparison.Ordinal);
        await using var other = await JoinAsync(daemon, """{"sub":"u8","name":"Bob"}""");

        File.WriteAllBytes(KeyFile, OtherSecret);
        _ = await daemon.SucceedAsync("reload");
        for (int worker = 0; worker < 4; worker++)
        {
            await using var refused = await RawClient.ConnectAsync(daemon.Address);
            await refused.SendAsync(RawClient.UpgradeRequest($"/?token={TokenTests.Token("""{"sub":"u9"}""")}"));
            Assert.Equal(401, (await refused.ReadResponseAsync()).Status);
        }

        // Who is in stays in.
        _ = await client.SayAndReadAsync("still here", name: "Ann");
        string token = (await daemon.SucceedAsync("token", "--sub", "u9", "--auth-key", KeyFile)).Trim();
        await using var third = await daemon.JoinAsync($"token={token}");
        _ = await third.SayAndReadAsync("new key");
    }

    [Theory]
    [MemberData(nameof(BadFiles))]
    public async Task Key_file_that_is_not_in_order_is_refused(string fault, string words)
    {
        string path = Path.Combine(_folder.FullName, fault);
        switch (fault)
        {
            case "missing":
                break;
            case "directory":
                _ = Directory.CreateDirectory(path);
                break;
            case "private":
                TokenTests.WriteKey(path, Encoding.ASCII.GetBytes("-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n"));
                break;
            default:
                TokenTests.WriteKey(path, fault == "empty" ? [] : OtherSecret);
                File.SetUnixFileMode(path, (UnixFileMode)(fault == "readable" ? 0x1A4 : fault == "writable" ? 0x1B0 : 0x180)); // 0644, 0660, 0600
                break;
        }

        foreach (string[] arguments in (string[][])[["--nofork", "--listen", "127.0.0.1:0"], ["--check"]])
        {
            var result = await CommandResult.RunAsync(
                PublishedBinary.FilePath,
                [.. arguments, "--metrics", "off", "--run-dir", _folder.FullName, "--state-dir", _folder.FullName, "--auth", "jwt", "--auth-key", path]);
            Assert.Equal(1, result.ExitCode);
            Assert.Contains($"--auth-key {path}", $"{result.Output}{result.Error}", StringComparison.Ordinal);
            Assert.Contains(words, $"{result.Output}{result.Error}", StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Command_makes_tokens_of_what_it_is_told()
    {
        await using var daemon = await StartAsync(1);
        string token = (await daemon.SucceedAsync(
            "token", "--sub", "u7", "--name", "Ann", "--room", "news=r", "--room", "team-*=rw", "--info", """{"a":1}""", "--expires", "60",
            "--auth-key", KeyFile)).Trim();
        string claims = Encoding.UTF8.GetString(System.Buffers.Text.Base64Url.DecodeFromChars(token.Split('.')[1]));
        Assert.StartsWith("""{"sub":"u7","name":"Ann","rooms":{"news":"r","team-*":"rw"},"info":{"a":1},"exp":""", claims, StringComparison.Ordinal);
        await using var client = await daemon.JoinAsync($"room=team-a&token={token}");
        Assert.Equal("Ann", (await client.SayAndReadAsync("hello", name: "Ann")).Name);
        string[][] wrongs = [[], ["--sub", ""], ["--sub", "u", "--room", "a b"], ["--sub", "u", "--info", "{"], ["--sub", "u", "--name", "server"]];
        foreach (string[] wrong in wrongs)
        {
            var result = await daemon.RunCommandAsync(["token", "--auth-key", KeyFile, .. wrong]);
            Assert.Equal((2, ""), (result.ExitCode, result.Output));
            Assert.NotEqual("", result.Error);
        }
    }

    [Fact]
    public async Task Token_of_the_php_example_lets_in()
    {
        await using var daemon = await StartAsync(1);
        var made = await CommandResult.RunAsync("php", PhpScript.Example("token.php", KeyFile, "u7", "Ann Lee"));
        Assert.Equal((0, ""), (made.ExitCode, made.Error));
        await using var client = await daemon.JoinAsync($"token={made.Output.Trim()}");
        var message = await client.SayAndReadAsync("from PHP", name: "Ann Lee");
        Assert.Equal(("Ann Lee", "u7"), (message.Name, message.Json["user"]?.GetValue<string>()));
        Assert.Equal(2, (await CommandResult.RunAsync("php", PhpScript.Example("token.php"))).ExitCode);
    }

    private static Task<ChatClient> JoinAsync(ApplianceDaemon daemon, string claims) => daemon.JoinAsync($"token={TokenTests.Token(claims)}");

    private Task<ApplianceDaemon> StartAsync(int workers)
    {
        TokenTests.WriteKey(KeyFile, TokenTests.GuardedServer.Secret);
        return ApplianceDaemon.StartAsync(workers, "--announce", "off", "--auth", "jwt", "--auth-key", KeyFile);
    }
}
