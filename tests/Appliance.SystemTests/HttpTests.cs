using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>Plain HTTP on the chat port.</summary>
public sealed class HttpTests(EchoServer fixture) : IClassFixture<EchoServer>
{
    private const string Policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    [Theory]
    [InlineData("/", "text/html; charset=utf-8", "<title>")]
    [InlineData("/?room=support", "text/html; charset=utf-8", "<title>")]
    [InlineData("/chat.js", "text/javascript; charset=utf-8", "WebSocket")]
    [InlineData("/chat.css", "text/css; charset=utf-8", "{")]
    public async Task Page_and_its_files_are_served_with_a_strict_policy(string target, string type, string part)
    {
        await using var client = await RawClient.ConnectAsync(fixture.Server);
        await client.SendAsync(Get(target));
        var response = await client.ReadResponseAsync();
        Assert.Equal(200, response.Status);
        Assert.Equal(type, response.Header("Content-Type"));
        Assert.Equal(Policy, response.Header("Content-Security-Policy"));
        Assert.Equal("no-cache", response.Header("Cache-Control"));
        Assert.Contains(part, response.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Page_needs_no_other_server_and_has_no_inline_code()
    {
        await using var client = await RawClient.ConnectAsync(fixture.Server);
        await client.SendAsync(Get("/"));
        var page = (await client.ReadResponseAsync()).Text;
        Assert.DoesNotContain("//", page.Replace("http://www.w3.org/2000/svg", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.DoesNotContain("<style", page, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("style=", page, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("onclick", page, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("<script>", page, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("/nothing")]
    [InlineData("/chat.js/")]
    [InlineData("/../etc/passwd")]
    [InlineData("/%2e%2e/%2e%2e/etc/passwd")]
    [InlineData("//")]
    public async Task Other_targets_get_404(string target)
    {
        await using var client = await RawClient.ConnectAsync(fixture.Server);
        await client.SendAsync(Get(target));
        Assert.Equal(404, (await client.ReadResponseAsync()).Status);
    }

    [Theory]
    [InlineData("POST")]
    [InlineData("PUT")]
    [InlineData("DELETE")]
    [InlineData("TRACE")]
    [InlineData("get")]
    public async Task Other_methods_get_405(string method)
    {
        await using var client = await RawClient.ConnectAsync(fixture.Server);
        await client.SendAsync(RawClient.Request($"{method} / HTTP/1.1", "Host: 127.0.0.1"));
        var response = await client.ReadResponseAsync();
        Assert.Equal(405, response.Status);
        Assert.Equal("GET, HEAD, OPTIONS", response.Header("Allow"));
    }

    [Fact]
    public async Task Head_gets_the_head_alone()
    {
        await using var client = await RawClient.ConnectAsync(fixture.Server);
        await client.SendAsync(RawClient.Request("HEAD / HTTP/1.1", "Host: 127.0.0.1"));
        var head = await client.ReadResponseAsync(toHead: true);
        await client.SendAsync(Get("/"));
        var page = await client.ReadResponseAsync();
        Assert.Equal(200, head.Status);
        Assert.Equal(page.Header("Content-Length"), head.Header("Content-Length"));
        Assert.Equal(page.Header("Content-Type"), head.Header("Content-Type"));
    }

    [Fact]
    public async Task Pipelined_requests_are_answered_in_order_and_the_last_may_upgrade()
    {
        byte[] bytes = [.. Get("/chat.js"), .. Get("/"), .. Get("/chat.css"), .. RawClient.UpgradeRequest("/echo"), .. ClientFrame.Text("hello").Encode()];
        await using var client = await RawClient.ConnectAsync(fixture.Server);
        await client.SendAsync(bytes);
        Assert.StartsWith("text/javascript", (await client.ReadResponseAsync()).Header("Content-Type"), StringComparison.Ordinal);
        Assert.StartsWith("text/html", (await client.ReadResponseAsync()).Header("Content-Type"), StringComparison.Ordinal);
        Assert.StartsWith("text/css", (await client.ReadResponseAsync()).Header("Content-Type"), StringComparison.Ordinal);
        Assert.Equal(101, (await client.ReadResponseAsync()).Status);
        Assert.Equal("hello", (await client.ReadFrameAsync()).Text);
    }

    /// <summary>A client may ask for more than the server keeps waiting answers: then it is cut off, but only behind a whole answer.</summary>
    [Theory]
    [InlineData(20, true)]
    [InlineData(400, false)]
    public async Task Many_pipelined_requests_get_whole_answers(int count, bool allAnswered)
    {
        await using var client = await RawClient.ConnectAsync(fixture.Server);
        await client.SendAsync(Enumerable.Repeat(Get("/"), count).SelectMany(bytes => bytes).ToArray());
        var answered = 0;
        string? connection = null;
        try
        {
            for (; answered < count; answered++)
            {
                var response = await client.ReadResponseAsync();
                Assert.Equal(200, response.Status);
                Assert.Null(connection);
                connection = response.Header("Connection");
            }
        }
        catch (EndOfStreamException) when (client.BufferedBytes == 0)
        {
            Assert.False(allAnswered, $"ended behind {answered} answers");
        }

        Assert.InRange(answered, 20, count);
        Assert.Equal(allAnswered ? null : "close", connection);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1", "Connection: close")]
    [InlineData("GET / HTTP/1.0", "X-A: b")]
    [InlineData("GET / HTTP/1.0", "Connection: keep-alive")]
    [InlineData("OPTIONS / HTTP/1.0", "Connection: keep-alive")]
    public async Task Connection_is_closed_where_the_client_asks_for_it(string line, string field)
    {
        await using var client = await RawClient.ConnectAsync(fixture.Server);

        // The second one is not answered any more.
        byte[] request = RawClient.Request(line, "Host: 127.0.0.1", field);
        await client.SendAsync((byte[])[.. request, .. request]);
        var response = await client.ReadResponseAsync();
        Assert.InRange(response.Status, 200, 204);
        Assert.Equal("close", response.Header("Connection"));
        Assert.True(await client.ExpectEndAsync(), "reset instead of an orderly end");
    }

    [Fact]
    public async Task Idle_connection_is_closed_without_a_word()
    {
        await using var server = await ApplianceServer.StartAsync("--handshake-timeout", "1");
        await using var client = await RawClient.ConnectAsync(server);
        await client.SendAsync(Get("/"));
        Assert.Equal(200, (await client.ReadResponseAsync()).Status);
        Assert.True(await client.ExpectEndAsync(), "reset instead of an orderly end");
    }

    [Fact]
    public async Task Client_that_ends_its_sending_still_gets_the_page()
    {
        await using var client = await RawClient.ConnectAsync(fixture.Server);
        await client.SendAsync(Get("/"));
        client.EndSending();
        Assert.Equal(200, (await client.ReadResponseAsync()).Status);
        await client.ExpectEndAsync();
    }

    private static byte[] Get(string target) => RawClient.Request($"GET {target} HTTP/1.1", "Host: 127.0.0.1");
}
