using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>The opening handshake of RFC 6455 section 4.</summary>
public sealed class HandshakeTests(EchoServer fixture) : IClassFixture<EchoServer>
{
    private const int HeadBytesMax = 16 * 1024;

    private static readonly string[] Fields =
    [
        "Host: 127.0.0.1",
        "Upgrade: websocket",
        "Connection: Upgrade",
        $"Sec-WebSocket-Key: {RawClient.SampleKey}",
        "Sec-WebSocket-Version: 13",
    ];

    private static readonly Dictionary<string, (int Status, byte[] Request)> RequestCases = new()
    {
        ["correct"] = (101, Upgrade(Fields)),
        ["any path"] = (101, RawClient.UpgradeRequest("/demo/server.php?x=1")),
        ["absolute target"] = (101, RawClient.UpgradeRequest("http://127.0.0.1/?room=a")),
        ["names in capitals"] = (101, Upgrade(Fields.Select(field => NameOf(field).ToUpperInvariant() + field[NameOf(field).Length..]))),
        ["tokens in other case"] = (101, Upgrade(With("Upgrade: WebSocket", "Connection: uPGRADE"))),
        ["token list"] = (101, Upgrade(With("Connection: keep-alive, Upgrade"))),
        ["token list without spaces"] = (101, Upgrade(With("Connection: keep-alive,Upgrade,x"))),
        ["token lists on two lines"] = (101, Upgrade([.. Without("Connection"), "Connection: keep-alive", "Connection: Upgrade"])),
        ["list of protocols"] = (101, Upgrade(With("Upgrade: h2c, websocket"))),
        ["no space behind colons"] = (101, Upgrade(Fields.Select(field => field.Replace(": ", ":", StringComparison.Ordinal)))),
        ["tabs and spaces around values"] = (101, Upgrade(Fields.Select(field => field.Replace(": ", ":\t ", StringComparison.Ordinal) + " \t"))),
        ["largest head"] = (101, UpgradeOfBytes(HeadBytesMax)),

        ["empty line in front"] = (101, [.. "\r\n"u8, .. Upgrade(Fields)]),
        ["known protocol"] = (101, Upgrade([.. Fields, "Sec-WebSocket-Protocol: mqtt, chat"])),
        ["unknown protocols"] = (101, Upgrade([.. Fields, "Sec-WebSocket-Protocol: mqtt", "Sec-WebSocket-Protocol: amqp"])),
        ["protocol that is no token"] = (400, Upgrade([.. Fields, "Sec-WebSocket-Protocol: a b"])),

        ["head over the limit"] = (431, UpgradeOfBytes(HeadBytesMax + 1)),
        ["one endless line"] = (431, Encoding.ASCII.GetBytes("GET /" + new string('a', HeadBytesMax))),
        ["many short fields"] = (431, RawClient.Request("GET / HTTP/1.1", Enumerable.Repeat("a: b", HeadBytesMax / 6).ToArray())),

        ["version 8"] = (426, Upgrade(With("Sec-WebSocket-Version: 8"))),
        ["version 14"] = (426, Upgrade(With("Sec-WebSocket-Version: 14"))),
        ["version 130"] = (426, Upgrade(With("Sec-WebSocket-Version: 130"))),
        ["version is not a number"] = (426, Upgrade(With("Sec-WebSocket-Version: x"))),
        ["no version"] = (426, Upgrade(Without("Sec-WebSocket-Version"))),
        ["no key"] = (400, Upgrade(Without("Sec-WebSocket-Key"))),
        ["empty key"] = (400, Upgrade(With("Sec-WebSocket-Key:"))),
        ["key of 15 bytes"] = (400, Upgrade(With("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA"))),
        ["key of 17 bytes"] = (400, Upgrade(With("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAA="))),
        ["key is not base64"] = (400, Upgrade(With("Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!=="))),
        ["key without padding"] = (400, Upgrade(With("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ"))),
        ["two keys"] = (400, Upgrade([.. Fields, $"Sec-WebSocket-Key: {RawClient.SampleKey}"])),
        ["no token Upgrade in Connection"] = (400, Upgrade(With("Connection: keep-alive"))),
        ["no Connection"] = (400, Upgrade(Without("Connection"))),
        ["no Upgrade"] = (400, Upgrade(Without("Upgrade"))),
        ["another protocol"] = (400, Upgrade(With("Upgrade: h2c"))),
        ["half a token"] = (400, Upgrade(With("Connection: Upgraded"))),
        ["HTTP/1.0"] = (400, RawClient.Request("GET / HTTP/1.0", Fields)),
        ["POST"] = (405, RawClient.Request("POST / HTTP/1.1", Fields)),

        ["no Host"] = (400, Upgrade(Without("Host"))),
        ["two Hosts"] = (400, Upgrade([.. Fields, "Host: other"])),
        ["space before a colon"] = (400, Upgrade([.. Fields, "X-A : b"])),
        ["field without colon"] = (400, Upgrade([.. Fields, "hello"])),
        ["field without name"] = (400, Upgrade([.. Fields, ": hello"])),
        ["folded field"] = (400, Upgrade([.. Fields, "X-A: b", " c"])),
        ["control character in a field"] = (400, Upgrade([.. Fields, "X-A: b\0c"])),
        ["encoding without a value"] = (400, Upgrade([.. Fields, "Transfer-Encoding:"])),
        ["garbage"] = (400, Encoding.ASCII.GetBytes("abc\r\n\r\n")),
        ["garbage with a quote"] = (400, Encoding.ASCII.GetBytes("\"abc\"\r\n\r\n")),
        ["body"] = (400, Upgrade([.. Fields, "Content-Length: 5"])),
        ["no HTTP version"] = (400, Encoding.ASCII.GetBytes("GET /\r\n\r\n")),
        ["no target"] = (400, Encoding.ASCII.GetBytes("GET HTTP/1.1\r\n\r\n")),
        ["HTTP/2.0"] = (505, RawClient.Request("GET / HTTP/2.0", Fields)),
        ["TLS hello"] = (400, [0x16, 0x03, 0x01, 0x00, 0x05, 0x01, 0x00, 0x00, 0x01, 0x03, .. "\r\n\r\n"u8]),
    };

    public static TheoryData<string> Requests => new(RequestCases.Keys);

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task Request_gets_its_status(string name)
    {
        var (status, request) = RequestCases[name];
        await using var client = await RawClient.ConnectAsync(fixture.Server);
        await client.SendAsync(request);
        var response = await client.ReadResponseAsync();
        Assert.True(status == response.Status, $"{status} expected: {response.Head}\n{response.Text}");
        if (status == 101)
        {
            Assert.Equal(RawClient.SampleAccept, response.Header("Sec-WebSocket-Accept"));
            Assert.Equal("websocket", response.Header("Upgrade"), ignoreCase: true);
            Assert.Equal("Upgrade", response.Header("Connection"), ignoreCase: true);
        }
        else
        {
            Assert.NotEmpty(response.Body);
            await client.ExpectEndAsync();
        }

        Assert.Equal(status == 426 ? "13" : null, response.Header("Sec-WebSocket-Version"));
        Assert.Equal(status == 405 ? "GET" : null, response.Header("Allow"));
    }

    [Fact]
    public async Task Accept_answers_the_key_of_the_request()
    {
        var key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(16));
        await using var client = await RawClient.ConnectAsync(fixture.Server);
        await client.SendAsync(Upgrade(With($"Sec-WebSocket-Key: {key}")));
        var response = await client.ReadResponseAsync();
        Assert.Equal(101, response.Status);
        Assert.Equal(AcceptOf(key), response.Header("Sec-WebSocket-Accept"));
    }

    [Fact]
    public async Task Offered_extensions_are_not_taken()
    {
        await using var client = await RawClient.ConnectAsync(fixture.Server);
        var response = await client.UpgradeAsync("/", "Sec-WebSocket-Extensions: permessage-deflate");
        Assert.Null(response.Header("Sec-WebSocket-Extensions"));
    }

    [Theory]
    [InlineData("chat", "chat")]
    [InlineData("appliance.v1, chat", "appliance.v1")]
    [InlineData("superchat, chat, appliance.v1", "chat")]
    [InlineData("superchat", null)]
    public async Task First_protocol_that_is_known_is_taken(string offered, string? taken)
    {
        foreach (var target in (string[])["/", "/echo"])
        {
            await using var client = await RawClient.ConnectAsync(fixture.Server);
            var response = await client.UpgradeAsync(target, $"Sec-WebSocket-Protocol: {offered}");
            Assert.Equal(taken, response.Header("Sec-WebSocket-Protocol"));
        }
    }

    [Fact]
    public async Task Request_may_come_byte_by_byte()
    {
        await using var client = await RawClient.ConnectAsync(fixture.Server);
        foreach (var value in RawClient.UpgradeRequest("/echo"))
        {
            await client.SendAsync(new[] { value });
            await client.WaitUntilReadAsync();
        }

        Assert.Equal(101, (await client.ReadResponseAsync()).Status);
        await AssertEchoAsync(client, "after bytes");
    }

    [Fact]
    public async Task Request_with_a_first_frame_may_be_split_anywhere()
    {
        byte[] bytes = [.. RawClient.UpgradeRequest("/echo"), .. ClientFrame.Text("first").Encode()];
        for (var split = 1; split < bytes.Length; split++)
        {
            await using var client = await RawClient.ConnectAsync(fixture.Server);
            await client.SendAsync(bytes.AsMemory(0, split));
            await client.WaitUntilReadAsync();
            await client.SendAsync(bytes.AsMemory(split));
            Assert.Equal(101, (await client.ReadResponseAsync()).Status);
            Assert.Equal("first", (await client.ReadFrameAsync()).Text);
        }
    }

    [Fact]
    public async Task Frames_behind_the_request_in_the_same_packet_are_kept()
    {
        byte[] bytes =
        [
            .. RawClient.UpgradeRequest("/echo"),
            .. ClientFrame.Text("one").Encode(),
            .. ClientFrame.Ping("two").Encode(),
            .. ClientFrame.Close(1000).Encode(),
        ];
        await using var client = await RawClient.ConnectAsync(fixture.Server);
        await client.SendAsync(bytes);
        Assert.Equal(101, (await client.ReadResponseAsync()).Status);
        Assert.Equal("one", (await client.ReadFrameAsync()).Text);
        Assert.Equal("two", (await client.ReadFrameAsync()).Text);
        Assert.Equal(1000, await client.ReadCloseAsync());
        Assert.True(await client.ExpectEndAsync(), "reset instead of an orderly end");
    }

    [Fact]
    public async Task Late_requests_get_408()
    {
        await using var server = await ApplianceServer.StartAsync("--handshake-timeout", "1");
        await using var silent = await RawClient.ConnectAsync(server);
        await using var half = await RawClient.ConnectAsync(server);
        await half.SendAsync(RawClient.UpgradeRequest().AsMemory(0, 60));
        await using var dripping = await RawClient.ConnectAsync(server);
        var drip = DripAsync(dripping);

        Assert.Equal(408, (await silent.ReadResponseAsync()).Status);
        Assert.Equal(408, (await half.ReadResponseAsync()).Status);
        Assert.Equal(408, (await dripping.ReadResponseAsync()).Status);
        await silent.ExpectEndAsync();
        await half.ExpectEndAsync();
        await drip;
    }

    /// <summary>The correct fields, those given in place of the ones of the same name.</summary>
    private static IEnumerable<string> With(params string[] fields) =>
        Fields.Select(field => fields.FirstOrDefault(other => NameOf(other) == NameOf(field)) ?? field);

    private static IEnumerable<string> Without(string name) => Fields.Where(field => NameOf(field) != name);

    private static string NameOf(string field) => field.Split(':')[0];

    private static byte[] Upgrade(IEnumerable<string> fields) => RawClient.Request("GET / HTTP/1.1", [.. fields]);

    private static byte[] UpgradeOfBytes(int bytes)
    {
        var rest = bytes - Upgrade([.. Fields, "X-Filler: "]).Length;
        return Upgrade([.. Fields, "X-Filler: " + new string('a', rest)]);
    }

    /// <summary>RFC 6455 section 4.2.2, item 5.4.</summary>
    [SuppressMessage("Security", "CA5350", Justification = "The RFC prescribes SHA-1.")]
    private static string AcceptOf(string key) =>
        Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));

    private static async Task DripAsync(RawClient client)
    {
        await client.SendAsync("GET / HTTP/1.1\r\nX-A: "u8.ToArray());
        try
        {
            while (true)
            {
                await Task.Delay(100);
                await client.SendAsync("a"u8.ToArray());
            }
        }
        catch (SocketException)
        {
            // The server has closed: the end of the drip.
        }
    }

    private static async Task AssertEchoAsync(RawClient client, string text)
    {
        await client.SendAsync(ClientFrame.Text(text));
        Assert.Equal(text, (await client.ReadFrameAsync()).Text);
    }
}
