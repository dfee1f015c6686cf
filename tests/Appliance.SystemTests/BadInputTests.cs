using System.Text;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>What a client must not do gets a clear answer and harms nobody else.</summary>
public sealed class BadInputTests(BadInputTests.QuietServer fixture) : IClassFixture<BadInputTests.QuietServer>
{
    private const int FrameBytesMax = 65536;

    private static readonly Dictionary<string, (string Code, string Text)> NotChatCases = new()
    {
        ["no JSON"] = ("bad_json", "hello"),
        ["nothing"] = ("bad_json", ""),
        ["half an object"] = ("bad_json", """{"message":"hi","name":"ann" """),
        ["text behind the object"] = ("bad_json", ChatClient.Json("hi") + "x"),
        ["two objects"] = ("bad_json", ChatClient.Json("hi") + ChatClient.Json("hi")),
        ["single quotes"] = ("bad_json", "{'message':'hi','name':'ann'}"),
        ["trailing comma"] = ("bad_json", """{"message":"hi","name":"ann",}"""),
        ["line feed in a string"] = ("bad_json", "{\"message\":\"a\nb\",\"name\":\"ann\"}"),
        ["unknown escape"] = ("bad_json", """{"message":"\x41","name":"ann"}"""),
        ["half an escape"] = ("bad_json", """{"message":"\u00","name":"ann"}"""),
        ["lone surrogate"] = ("bad_json", """{"message":"\ud800","name":"ann"}"""),
        ["an array"] = ("bad_json", "[]"),
        ["a string"] = ("bad_json", "\"abc\""),
        ["10,000 brackets"] = ("bad_json", """{"message":"hi","name":"ann","x":""" + new string('[', 10_000)),
        ["empty object"] = ("bad_message", "{}"),
        ["no name"] = ("bad_message", """{"message":"hi"}"""),
        ["no message"] = ("bad_message", """{"name":"ann"}"""),
        ["empty name"] = ("bad_message", ChatClient.Json("hi", name: "")),
        ["empty message"] = ("bad_message", ChatClient.Json("")),
        ["message is a number"] = ("bad_message", """{"message":1,"name":"ann"}"""),
        ["name is an object"] = ("bad_message", """{"message":"hi","name":{"name":"ann"}}"""),
        ["message of 101"] = ("too_long", ChatClient.Json(new string('a', 101))),
        ["message over 1,024 bytes"] = ("too_long", ChatClient.Json(new string('a', 1025))),
        ["message of the largest frame"] = ("too_long", ChatClient.Json(new string('a', FrameBytesMax - ChatClient.Json("").Length))),
        ["name of 16"] = ("too_long", ChatClient.Json("hi", name: new string('a', 16))),
    };

    private static readonly Dictionary<string, (int Code, ClientFrame[] Frames)> FatalCases = new()
    {
        ["binary"] = (1003, [ClientFrame.Binary("hello"u8.ToArray())]),
        ["unmasked"] = (1002, [ClientFrame.Text(ChatClient.Json("hi")) with { Mask = null }]),
        ["reserved bit"] = (1002, [ClientFrame.Text(ChatClient.Json("hi")) with { Reserved = 4 }]),
        ["reserved opcode"] = (1002, [new((Opcode)3, default)]),
        ["nothing to continue"] = (1002, [new(Opcode.Continuation, "hi"u8.ToArray())]),
        ["not UTF-8"] = (1007, [new(Opcode.Text, new byte[] { (byte)'{', 0xFF })]),
        ["frame over the limit"] = (1009, [new(Opcode.Text, default) { ClaimedLength = FrameBytesMax + 1 }]),
        ["frame of 4 EiB"] = (1009, [new(Opcode.Text, default) { ClaimedLength = 1UL << 62 }]),
        ["fragments over the limit"] = (1009,
        [
            new(Opcode.Text, new byte[FrameBytesMax / 2]) { Final = false },
            new(Opcode.Continuation, new byte[FrameBytesMax / 2]) { Final = false },
            new(Opcode.Continuation, new byte[1]),
        ]),
    };

    public static TheoryData<string> NotChat => new(NotChatCases.Keys);

    public static TheoryData<string> Fatal => new(FatalCases.Keys);

    [Theory]
    [MemberData(nameof(NotChat))]
    public async Task Text_that_is_not_chat_gets_a_private_error(string name)
    {
        var (code, text) = NotChatCases[name];
        await using var pair = await ChatPair.JoinAsync(fixture.Server);
        await pair.Ann.SendAsync(text);
        var error = await pair.Ann.ReadAsync();
        Assert.True(error is { Type: "error", Id: null } && error.Code == code, error.ToString());
        Assert.NotEmpty(error.Message!);
        await pair.AssertChatsAsync();
    }

    [Theory]
    [MemberData(nameof(Fatal))]
    public async Task Frame_that_must_not_be_closes_its_connection_alone(string name)
    {
        var (code, frames) = FatalCases[name];
        await using var pair = await ChatPair.JoinAsync(fixture.Server);
        await using var bad = await ChatClient.JoinAsync(fixture.Server, pair.Query);
        await bad.Raw.SendAsync(frames);
        Assert.Equal(code, await bad.Raw.ReadCloseAsync());
        await bad.Raw.ExpectEndAsync();
        await pair.AssertChatsAsync();
    }

    [Fact]
    public async Task Quoted_abc_without_a_frame_closes_its_connection_alone()
    {
        await using var pair = await ChatPair.JoinAsync(fixture.Server);
        await using var bad = await ChatClient.JoinAsync(fixture.Server, pair.Query);
        await bad.Raw.SendAsync("\"abc\""u8.ToArray());
        Assert.Equal(1002, await bad.Raw.ReadCloseAsync());
        await bad.Raw.ExpectEndAsync();
        await pair.AssertChatsAsync();
    }

    [Fact]
    public async Task Quoted_abc_without_a_handshake_gets_400()
    {
        await using var pair = await ChatPair.JoinAsync(fixture.Server);
        await using var bad = await RawClient.ConnectAsync(fixture.Server);
        await bad.SendAsync("\"abc\""u8.ToArray());
        Assert.Equal(400, (await bad.ReadResponseAsync()).Status);
        await bad.ExpectEndAsync();
        await pair.AssertChatsAsync();
    }

    [Fact]
    public async Task Silent_connections_hold_nobody_up()
    {
        var silent = new List<RawClient>();
        for (var i = 0; i < 50; i++)
        {
            silent.Add(await RawClient.ConnectAsync(fixture.Server));
        }

        await using (var pair = await ChatPair.JoinAsync(fixture.Server))
        {
            await pair.AssertChatsAsync();
        }

        foreach (var client in silent)
        {
            await client.DisposeAsync();
        }
    }

    [Fact]
    public async Task Two_frames_in_one_packet_are_two_messages()
    {
        await using var pair = await ChatPair.JoinAsync(fixture.Server);
        await pair.Ann.Raw.SendAsync(ClientFrame.Text(ChatClient.Json("one")), ClientFrame.Text(ChatClient.Json("two")));
        Assert.Equal("one", (await pair.Bob.ReadAsync()).Message);
        Assert.Equal("two", (await pair.Bob.ReadAsync()).Message);
    }

    [Fact]
    public async Task One_frame_in_many_packets_is_one_message()
    {
        await using var pair = await ChatPair.JoinAsync(fixture.Server);
        foreach (var value in ClientFrame.Text(ChatClient.Json("bit by bit")).Encode())
        {
            await pair.Ann.Raw.SendAsync(new[] { value });
            await pair.Ann.Raw.WaitUntilReadAsync();
        }

        Assert.Equal("bit by bit", (await pair.Bob.ReadAsync()).Message);
    }

    [Fact]
    public async Task Pings_and_fragments_are_not_broadcast()
    {
        await using var pair = await ChatPair.JoinAsync(fixture.Server);
        var fragments = ClientFrame.Fragments(Opcode.Text, Encoding.UTF8.GetBytes(ChatClient.Json("in five parts 😀")), 20).ToArray();
        foreach (var fragment in fragments)
        {
            await pair.Ann.Raw.SendAsync(fragment, ClientFrame.Ping("secret"), ClientFrame.Pong("secret"));
        }

        foreach (var _ in fragments)
        {
            Assert.Equal(Opcode.Pong, (await pair.Ann.Raw.ReadFrameAsync()).Opcode);
        }

        Assert.Equal("in five parts 😀", (await pair.Bob.ReadAsync()).Message);
        Assert.Equal("in five parts 😀", (await pair.Ann.ReadAsync()).Message);
        await pair.AssertChatsAsync();
    }

    [Fact]
    public async Task Message_over_1024_bytes_passes_where_the_limit_allows_it()
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "off", "--max-message", "5000");
        await using var pair = await ChatPair.JoinAsync(server);
        foreach (var length in new[] { 1024, 1025, 5000 })
        {
            var text = string.Concat(Enumerable.Repeat("é", length));
            await pair.Ann.SayAsync(text);
            Assert.Equal(text, (await pair.Bob.ReadAsync()).Message);
        }
    }

    [Theory]
    [InlineData("a%20b")]
    [InlineData("a/b")]
    [InlineData("%C3%A4")]
    [InlineData("..%2F..%2Fetc%00")]
    [InlineData("%zz")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    public async Task Bad_room_name_gets_400(string name)
    {
        await using var client = await RawClient.ConnectAsync(fixture.Server);
        await client.SendAsync(RawClient.UpgradeRequest($"/?room={name}"));
        var response = await client.ReadResponseAsync();
        Assert.True(response.Status == 400, response.Head);
        Assert.Contains("room", response.Text, StringComparison.Ordinal);
    }

    /// <summary>No announcements, so that a room holds only what its members say.</summary>
    public sealed class QuietServer() : ServerFixture("--announce", "off");
}
