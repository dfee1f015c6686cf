using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary><c>--auth jwt</c>: who gets in with which token, what is said to those who do not, and what becomes of tokens on open connections.</summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class TokenTests(TokenTests.GuardedServer fixture) : IClassFixture<TokenTests.GuardedServer>
{
    /// <summary>Target and headers in which TOKEN stands for a good token and OTHER for another good one, and the status.</summary>
    public static TheoryData<string, string[], int> Places => new()
    {
        { "/?token=TOKEN", [], 101 },
        { "/?room=lobby&token=TOKEN&history=0", [], 101 },
        { "/", ["Authorization: Bearer TOKEN"], 101 },
        { "/", ["Cookie: a=b; appliance_token=TOKEN"], 101 },
        { "/", ["Sec-WebSocket-Protocol: appliance.v1, appliance.token.TOKEN"], 101 },
        { "/", ["Sec-WebSocket-Protocol: appliance.token.TOKEN"], 101 },
        { "/?token=TOKEN", ["Authorization: Bearer TOKEN", "Cookie: appliance_token=TOKEN"], 101 },
        { "/echo?token=TOKEN", [], 101 },

        { "/", [], 401 },
        { "/echo", [], 401 },
        { "/?token=", [], 401 },
        { "/?token=TOKENx", [], 401 },
        { "/?token=TOKEN&token=OTHER", [], 401 },
        { "/?token=TOKEN", ["Authorization: Bearer OTHER"], 401 },
        { "/", ["Authorization: Basic TOKEN"], 401 },
        { "/", ["Cookie: appliance_token=TOKEN; appliance_token=OTHER"], 401 },
        { "/?room=secret&token=TOKEN", [], 403 },
        { "/?room=a%20b&token=TOKEN", [], 400 },
    };

    /// <summary>The same request without an upgrade says what the handshake gets, and 204 for 101.</summary>
    [Theory]
    [MemberData(nameof(Places))]
    public async Task Check_says_what_a_handshake_gets(string target, string[] headers, int status)
    {
        var (good, other) = (Token("""{"sub":"u7","rooms":{"lobby":"rw"}}"""), Token("""{"sub":"u8"}"""));
        string Fill(string text) => text.Replace("TOKEN", good, StringComparison.Ordinal).Replace("OTHER", other, StringComparison.Ordinal);
        await using var client = await RawClient.ConnectAsync(fixture.Server);
        string query = Fill(target.TrimStart('/').Replace("echo", "", StringComparison.Ordinal));
        await client.SendAsync(RawClient.Request($"GET /check{query} HTTP/1.1", ["Host: localhost", .. headers.Select(Fill)]));
        var answer = await client.ReadResponseAsync();
        Assert.Equal(status == 101 ? 204 : status, answer.Status);
        Assert.Equal(status == 101, answer.Text.Length == 0);
        Assert.True(await client.ExpectEndAsync());
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task Handshake_gets_its_status_and_no_token_is_said_again(string target, string[] headers, int status)
    {
        string token = Token("""{"sub":"u7","rooms":{"lobby":"rw"}}""");
        string other = Token("""{"sub":"u8"}""");
        string Fill(string text) => text.Replace("TOKEN", token, StringComparison.Ordinal).Replace("OTHER", other, StringComparison.Ordinal);
        await using var client = await RawClient.ConnectAsync(fixture.Server);
        await client.SendAsync(RawClient.UpgradeRequest(Fill(target), [.. headers.Select(Fill)]));
        var response = await client.ReadResponseAsync();
        Assert.True(status == response.Status, $"{response.Head}\n{response.Text}");
        Assert.DoesNotContain(token[..20], $"{response.Head}{response.Text}", StringComparison.Ordinal);
        Assert.Equal(status is 401 or 403, response.Header("WWW-Authenticate")?.StartsWith("Bearer ", StringComparison.Ordinal) == true);
        if (status == 101)
        {
            string? selected = headers.Any(header => header.Contains("appliance.v1", StringComparison.Ordinal)) ? "appliance.v1" : null;
            Assert.Equal(selected, response.Header("Sec-WebSocket-Protocol"));
        }
        else
        {
            Assert.True(await client.ExpectEndAsync());
        }

        Assert.DoesNotContain(fixture.Server.Log, line => line.Contains("eyJ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Page_needs_no_token()
    {
        await using var client = await RawClient.ConnectAsync(fixture.Server);
        await client.SendAsync(RawClient.Request("GET / HTTP/1.1", "Host: a"));
        Assert.Equal(200, (await client.ReadResponseAsync()).Status);
    }

    [Fact]
    public async Task Messages_carry_the_name_and_the_id_of_the_token()
    {
        await using var ann = await JoinAsync("""{"sub":"u \"7\"","name":"Ann Lee, who has a long name"}""");
        await using var bob = await JoinAsync("""{"sub":"u8"}""");
        await ann.SayAsync("hello", name: "mallory");
        var message = await bob.ReadMessageAsync("hello");
        Assert.Equal(("Ann Lee, who has a long name", "u \"7\""), (message.Name, message.Json["user"]?.GetValue<string>()));
        await ann.SendAsync("""{"message":"nameless"}""");
        Assert.Equal("Ann Lee, who has a long name", (await bob.ReadMessageAsync("nameless")).Name);
        await bob.SayAsync("mine", name: "bob");
        message = await ann.ReadMessageAsync("mine");
        Assert.Equal(("bob", "u8"), (message.Name, message.Json["user"]?.GetValue<string>()));
        await bob.SendAsync("""{"message":"nameless"}""");
        Assert.Equal("bad_message", (await bob.ReadTypeAsync("error")).Code);
    }

    [Fact]
    public async Task Rights_are_those_of_the_room()
    {
        const string Claims = """{"sub":"u7","name":"Ann","rooms":{"news":"r","team-*":"rw"}}""";
        await using var reader = await JoinAsync(Claims, "room=news&");
        await reader.SayAsync("mine");
        Assert.Equal("forbidden", (await reader.ReadTypeAsync("error")).Code);
        await using var writer = await JoinAsync("""{"sub":"u8","name":"Bob"}""", "room=news&");
        await writer.SayAsync("read me");
        _ = await reader.ReadMessageAsync("read me");
        await using var team = await JoinAsync(Claims, "room=team-a&");
        _ = await team.SayAndReadAsync("ours", name: "Ann");
        await using var client = await RawClient.ConnectAsync(fixture.Server);
        await client.SendAsync(RawClient.UpgradeRequest($"/?room=lobby&token={Token(Claims)}"));
        Assert.Equal(403, (await client.ReadResponseAsync()).Status);
    }

    [Fact]
    public async Task Expired_token_closes_the_connection_with_4401()
    {
        // Without leeway in this token's favour: exp + 5 s have nearly passed.
        long expires = DateTimeOffset.UtcNow.ToUnixTimeSeconds() - 3;
        await using var client = await JoinAsync($$"""{"sub":"u7","exp":{{expires}}}""");
        Assert.Equal(4401, await client.Raw.ReadCloseAsync());
        Assert.True(DateTimeOffset.UtcNow.ToUnixTimeSeconds() >= expires + 5);
    }

    [Fact]
    public async Task Another_token_takes_the_place_of_the_first_one()
    {
        long now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        await using var client = await JoinAsync($$"""{"sub":"u7","name":"Ann","exp":{{now - 3}}}""");
        await client.SendAsync(Renewal($$"""{"sub":"u7","name":"Ann Lee","rooms":{"*":"r"},"exp":{{now + 3600}}}"""));
        var answer = await client.ReadTypeAsync("token");
        Assert.Equal(("u7", now + 3600), (answer.Json["user"]!.GetValue<string>(), answer.Json["expires"]!.GetValue<long>()));

        // The rights are those of the new token, and the time of the former one passes without a close.
        await client.SayAsync("mine");
        Assert.Equal("forbidden", (await client.ReadTypeAsync("error")).Code);
        await using var other = await JoinAsync($$"""{"sub":"u8","exp":{{now - 2}}}""");
        Assert.Equal(4401, await other.Raw.ReadCloseAsync());
        await client.SendAsync(Renewal("""{"sub":"u7","name":"Ann Lee"}"""));
        Assert.Null((await client.ReadTypeAsync("token")).Json["expires"]);
        Assert.Equal("Ann Lee", (await client.SayAndReadAsync("still here", name: "Ann Lee")).Name);
    }

    [Theory]
    [InlineData("""{"sub":"u8"}""", "another user")]
    [InlineData("""{"sub":"u7","rooms":{"news":"r"}}""", "read this room")]
    [InlineData("""{"sub":"u7","exp":1}""", "expired")]
    [InlineData("", "parts")]
    public async Task Token_that_does_not_renew_changes_nothing(string claims, string words)
    {
        await using var client = await JoinAsync("""{"sub":"u7","name":"Ann"}""");
        await client.SendAsync(claims.Length == 0 ? """{"type":"token","token":"x"}""" : Renewal(claims));
        var error = await client.ReadTypeAsync("error");
        Assert.Equal("bad_token", error.Code);
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
        _ = await client.SayAndReadAsync("still here", name: "Ann");
        await client.SendAsync("""{"type":"token"}""");
        Assert.Equal("bad_token", (await client.ReadTypeAsync("error")).Code);
    }

    [Fact]
    public async Task Operators_see_and_kick_a_user()
    {
        await using var server = await ApplianceServer.StartAsync("--auth", "jwt", "--auth-key", fixture.KeyFile);
        await using var client = await ChatClient.JoinAsync(server, $"token={Token("""{"sub":"team \\ \"7\" é"}""")}");
        var listed = await server.RunCommandAsync("clients", "--json");
        Assert.Contains("\"user\":\"team \\\\ \\\"7\\\" é\"", listed.Output, StringComparison.Ordinal);
        Assert.Equal("1 client removed\n", (await server.RunCommandAsync("kick", "team \\ \"7\" é")).Output);
        Assert.Equal(1008, await client.Raw.ReadCloseAsync());
    }

    [Fact]
    public async Task Refusals_are_told_at_a_bounded_rate_and_counted()
    {
        await using var server = await ApplianceServer.StartAsync("--auth", "jwt", "--auth-key", fixture.KeyFile, "--metrics", "127.0.0.1:0");
        for (int i = 0; i < 30; i++)
        {
            await using var client = await RawClient.ConnectAsync(server);
            await client.SendAsync(RawClient.UpgradeRequest($"/?token={Token("""{"sub":"u7","exp":1}""")}"));
            Assert.Equal(401, (await client.ReadResponseAsync()).Status);
        }

        _ = await server.WaitForLogAsync("3018 .* more tokens refused");
        string[] lines = [.. server.Log.Where(line => line.Contains(" 3008 ", StringComparison.Ordinal))];
        Assert.InRange(lines.Length, 1, 29);
        Assert.All(lines, line => Assert.EndsWith("refused with status 401: the token has expired (exp)", line, StringComparison.Ordinal));
    }

    internal static string Token(string claims) => Sign(claims, GuardedServer.Secret);

    internal static string Renewal(string claims) => $$"""{"type":"token","token":"{{Token(claims)}}"}""";

    private static string Sign(string claims, byte[] secret)
    {
        string signed = $"{Base64Url.EncodeToString("{\"alg\":\"HS256\"}"u8)}.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(claims))}";
        return $"{signed}.{Base64Url.EncodeToString(HMACSHA256.HashData(secret, Encoding.ASCII.GetBytes(signed)))}";
    }

    private Task<ChatClient> JoinAsync(string claims, string query = "") => ChatClient.JoinAsync(fixture.Server, $"{query}token={Token(claims)}");

    /// <summary>A server that asks for tokens of a secret.</summary>
    public sealed class GuardedServer : IAsyncLifetime
    {
        internal static readonly byte[] Secret = Encoding.ASCII.GetBytes("a secret of more than 32 bytes, for tests alone");

        private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("appliance-keys-");

        public string KeyFile => Path.Combine(_folder.FullName, "secret");

        internal ApplianceServer Server { get; private set; } = null!;

        public async Task InitializeAsync()
        {
            WriteKey(KeyFile, Secret);
            Server = await ApplianceServer.StartAsync("--auth", "jwt", "--auth-key", KeyFile, "--echo", "--log-level", "debug");
        }

        public async Task DisposeAsync()
        {
            await Server.DisposeAsync();
            _folder.Delete(recursive: true);
        }
    }

    internal static void WriteKey(string path, byte[] key)
    {
        File.WriteAllBytes(path, key);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }
}
