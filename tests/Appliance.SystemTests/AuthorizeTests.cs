using System.Net.Sockets;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary><c>--auth ask</c>: what a back end is asked, and what becomes of its answers, good, bad, late or none.</summary>
public sealed class AuthorizeTests(AuthorizeTests.AskingServer fixture) : IClassFixture<AuthorizeTests.AskingServer>
{
    private const string Ann = """{"sub":"u7","name":"Ann Lee","rooms":{"lobby":"rw","news":"r"},"info":{"a":1},"more":[1]}""";

    /// <summary>What a back end sends, and the status that a client gets.</summary>
    public static TheoryData<string, int> Answers => new()
    {
        { AuthBackEnd.Yes, 101 },
        { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK", 101 },
        { "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nOK", 101 },
        { "HTTP/1.0 200 OK\r\n\r\n<html>END", 101 },
        { Json(Ann), 101 },
        { $"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n{Json(Ann)}", 101 },
        { $"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{Ann}END", 101 },
        { $"HTTP/1.1 200 OK\r\nContent-Type: Application/JSON; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n{Chunks(Ann)}", 101 },

        { "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", 401 },
        { "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n", 401 },
        { $"HTTP/1.1 403 Forbidden\r\nContent-Length: 1000000\r\n\r\n{new string('x', 1000000)}", 403 },
        { Json("""{"sub":"u7","rooms":{"news":"r"}}"""), 403 },
    };

    /// <summary>What no back end should send, and words of the log.</summary>
    public static TheoryData<string, string> BadAnswers => new()
    {
        { "HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n", "answers 302" },
        { "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", "answers 500" },
        { "SSH-2.0-OpenSSH_9.9\r\n", "not HTTP" },
        { "HTTP/1.1 101 Switching Protocols\r\n\r\n", "not HTTP" },
        { "HTTP/1.1 200 OK\r\nA b\r\n\r\n", "not HTTP" },
        { "HTTP/1.1 2xx OK\r\n\r\n", "not HTTP" },
        { "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}", "not HTTP" },
        { "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "not HTTP" },
        { "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "not HTTP" },
        { "END", "after 0 bytes" },
        { "HTTP/1.1 200 OEND", "after 14 bytes" },
        { "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{\"sub\":END", "is not whole" },
        { $"HTTP/1.1 200 OK\r\nA: {new string('x', 1 << 20)}\r\n\r\n", "is longer than" },
        { Json($$"""{"sub":"u7","a":"{{new string('x', 1 << 20)}}"}"""), "is longer than" },
        { Json("{}"), "sub of its answer" },
        { Json("[1]"), "claims of its answer" },
        { Json("""{"sub":"u7","sub":"u8"}"""), "claims of its answer" },
        { Json("""{"sub":"u7","exp":1}"""), "has expired" },
        { Json("""{"sub":"u7","name":"server"}"""), "name of its answer" },
        { Json("\"u7\""), "claims of its answer" },
    };

    [Theory]
    [MemberData(nameof(Answers))]
    public async Task Answer_decides(string answer, int status)
    {
        fixture.Answer = answer;
        await using var client = await RawClient.ConnectAsync(fixture.Server);
        await client.SendAsync(RawClient.UpgradeRequest());
        var response = await client.ReadResponseAsync();
        Assert.True(status == response.Status, $"{response.Head}\n{response.Text}");
        string? challenge = status != 401 ? null : answer.Contains("Basic", StringComparison.Ordinal) ? "Basic realm=\"x\"" : "Bearer realm=\"appliance\"";
        Assert.Equal(challenge, status == 401 ? response.Header("WWW-Authenticate") : null);
        Assert.DoesNotContain("127.0.0.1", response.Text, StringComparison.Ordinal);
        if (status != 101)
        {
            Assert.True(await client.ExpectEndAsync());
        }

        Assert.DoesNotContain(fixture.Server.Log, line => line.Contains(" 3012 ", StringComparison.Ordinal));
    }

    /// <summary>A server for each, because lines of the log are limited.</summary>
    [Theory]
    [MemberData(nameof(BadAnswers))]
    public async Task Answer_that_is_none_lets_nobody_in_and_is_told(string answer, string words)
    {
        await using var backEnd = new AuthBackEnd(question => AnswerAsync(question, answer));
        await using var server = await ApplianceServer.StartAsync("--auth", "ask", "--auth-url", backEnd.Url);
        await using var client = await RawClient.ConnectAsync(server);
        await client.SendAsync(RawClient.UpgradeRequest());
        var response = await client.ReadResponseAsync();
        Assert.Equal((503, "5"), (response.Status, response.Header("Retry-After")));
        Assert.DoesNotContain(backEnd.Url, response.Text, StringComparison.Ordinal);
        _ = await server.WaitForLogAsync($"3012 .*{System.Text.RegularExpressions.Regex.Escape(words)}.*--auth-url http://127");
    }

    [Fact]
    public async Task Identity_of_the_answer_is_that_of_the_connection()
    {
        fixture.Answer = Json(Ann);
        await using var ann = await ChatClient.JoinAsync(fixture.Server);
        fixture.Answer = AuthBackEnd.Yes;
        await using var guest = await ChatClient.JoinAsync(fixture.Server, "room=news");
        fixture.Answer = Json(Ann);
        await using var reader = await ChatClient.JoinAsync(fixture.Server, "room=news");
        var message = await ann.SayAndReadAsync("hello", name: "Ann Lee");
        Assert.Equal(("Ann Lee", "u7"), (message.Name, message.Json["user"]?.GetValue<string>()));
        await reader.SayAsync("mine");
        Assert.Equal("forbidden", (await reader.ReadTypeAsync("error")).Code);
        Assert.Equal("anybody", (await guest.SayAndReadAsync("hello", name: "anybody")).Name);
    }

    [Fact]
    public async Task End_of_the_identity_closes_the_connection()
    {
        fixture.Answer = Json($$"""{"sub":"u7","exp":{{DateTimeOffset.UtcNow.ToUnixTimeSeconds() - 4}}}""");
        await using var client = await ChatClient.JoinAsync(fixture.Server);
        Assert.Equal(4401, await client.Raw.ReadCloseAsync());
    }

    [Fact]
    public async Task Question_has_what_the_client_has_sent_and_nothing_that_it_could_forge()
    {
        fixture.Answer = AuthBackEnd.Yes;
        int asked = fixture.BackEnd.Questions.Count;
        await using var client = await RawClient.ConnectAsync(fixture.Server);
        await client.SendAsync(RawClient.UpgradeRequest(
            "/a/b?room=lobby&x=%20", "Origin: http://127.0.0.1", "Cookie: s=1", "Cookie: t=2", "authorization: Bearer x", "User-Agent: test",
            "X-Original-URI: /forged", "X-Forwarded-For: 6.6.6.6", "X-Other: 1", "Sec-WebSocket-Protocol: chat"));
        Assert.Equal(101, (await client.ReadResponseAsync()).Status);
        var question = await fixture.BackEnd.WaitForQuestionAsync(asked);
        Assert.Equal(
            [
                "GET /auth?a=b HTTP/1.1", "X-Original-URI: /a/b?room=lobby&x=%20", "X-Original-Method: GET", "X-Forwarded-For: 127.0.0.1",
                "X-Forwarded-Proto: http", "Accept: application/json", "Connection: keep-alive", "Host: 127.0.0.1", "Origin: http://127.0.0.1",
                "Cookie: s=1", "Cookie: t=2", "authorization: Bearer x", "User-Agent: test", "Sec-WebSocket-Protocol: chat",
            ],
            question.Head.Split("\r\n"));
    }

    [Fact]
    public async Task Pages_and_refused_handshakes_ask_nobody()
    {
        int asked = fixture.BackEnd.Questions.Count;
        foreach (var (request, status) in new[]
        {
            (RawClient.Request("GET / HTTP/1.1", "Host: a"), 200), (RawClient.UpgradeRequest("/", "Origin: http://elsewhere"), 403),
        })
        {
            await using var client = await RawClient.ConnectAsync(fixture.Server);
            await client.SendAsync(request);
            Assert.Equal(status, (await client.ReadResponseAsync()).Status);
        }

        Assert.Equal(asked, fixture.BackEnd.Questions.Count);
    }

    [Fact]
    public async Task Connections_are_used_again_and_one_that_the_back_end_has_closed_costs_nobody_anything()
    {
        bool closes = false;
        await using var backEnd = new AuthBackEnd(question => closes
            ? question.SendLastAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") : question.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
        await using var server = await ApplianceServer.StartAsync("--auth", "ask", "--auth-url", backEnd.Url);
        for (int i = 0; i < 20; i++)
        {
            await using var client = await RawClient.OpenAsync(server);
        }

        Assert.Equal((20, 1), (backEnd.Questions.Count, backEnd.Connections));
        closes = true;
        for (int i = 0; i < 20; i++)
        {
            await using var client = await RawClient.OpenAsync(server);
        }

        Assert.DoesNotContain(server.Log, line => line.Contains(" 3012 ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Answer_in_single_bytes_counts_when_it_is_whole()
    {
        await using var backEnd = new AuthBackEnd(async question =>
        {
            foreach (char letter in Json(Ann))
            {
                await question.SendAsync(letter.ToString());
                await Task.Yield();
            }
        });
        await using var server = await ApplianceServer.StartAsync("--auth", "ask", "--auth-url", backEnd.Url);
        await using var client = await ChatClient.JoinAsync(server);
        Assert.Equal("Ann Lee", (await client.SayAndReadAsync("hello", name: "Ann Lee")).Name);
    }

    [Fact]
    public async Task Unix_socket_is_asked_too()
    {
        string path = Path.Combine(Path.GetTempPath(), $"ask-{Guid.NewGuid():N}.sock");
        await using var backEnd = new AuthBackEnd(question => question.SendAsync(AuthBackEnd.Yes), new UnixDomainSocketEndPoint(path));
        await using var server = await ApplianceServer.StartAsync("--auth", "ask", "--auth-url", backEnd.Url);
        await using var client = await RawClient.OpenAsync(server);
        Assert.StartsWith("GET /auth?a=b HTTP/1.1\r\n", (await backEnd.WaitForQuestionAsync()).Head, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "--auth-url URL")]
    [InlineData("https://127.0.0.1/", "must be http://")]
    [InlineData("http://example.org/", "no other name")]
    [InlineData("http://127.0.0.1:0/", "must be http://")]
    [InlineData("127.0.0.1:80", "must be http://")]
    public async Task Url_that_cannot_be_asked_is_wrong_usage(string url, string words)
    {
        string[] given = url.Length == 0 ? [] : ["--auth-url", url];
        var result = await CommandResult.RunAsync(PublishedBinary.FilePath, ["--nofork", "--auth", "ask", .. given]);
        Assert.Equal(2, result.ExitCode);
        Assert.Contains(words, result.Error, StringComparison.Ordinal);
    }

    /// <summary>Sends an answer, of which END stands for the end of the connection.</summary>
    private static Task AnswerAsync(AuthBackEnd.Question question, string answer) =>
        answer.EndsWith("END", StringComparison.Ordinal) ? question.SendLastAsync(answer[..^3]) : question.SendAsync(answer);

    private static string Json(string json) =>
        $"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {System.Text.Encoding.UTF8.GetByteCount(json)}\r\n\r\n{json}";

    private static string Chunks(string text) => $"5;a=b\r\n{text[..5]}\r\n{text.Length - 5:X}\r\n{text[5..]}\r\n0\r\nTrailer: 1\r\n\r\n";

    /// <summary>A server that asks a back end whose answer a test sets.</summary>
    public sealed class AskingServer : IAsyncLifetime
    {
        internal string Answer { get; set; } = AuthBackEnd.Yes;

        internal AuthBackEnd BackEnd { get; private set; } = null!;

        internal ApplianceServer Server { get; private set; } = null!;

        public async Task InitializeAsync()
        {
            BackEnd = new AuthBackEnd(question => AnswerAsync(question, Answer));
            Server = await ApplianceServer.StartAsync("--auth", "ask", "--auth-url", BackEnd.Url, "--announce", "off", "--log-level", "debug");
        }

        public async Task DisposeAsync()
        {
            await Server.DisposeAsync();
            await BackEnd.DisposeAsync();
        }
    }
}
