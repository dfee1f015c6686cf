using System.Globalization;
using System.Text.Json.Nodes;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>Messages: who gets them, what becomes of their parts, in which order they come.</summary>
public sealed class ChatTests(ChatTests.ChattyServer fixture) : IClassFixture<ChatTests.ChattyServer>
{
    private const int SenderCount = 5;
    private const int MessagesEach = 200;

    private static readonly Dictionary<string, string> TextCases = new()
    {
        ["plain"] = "plain",
        ["spaces"] = " spaces around ",
        ["quotes"] = "quotes \" and ' and \\ and /",
        ["markup"] = "<script>alert(1)</script> &amp; \"><img src=x onerror=alert(1)>",
        ["control characters"] = "tab\tline\nreturn\r\nend",
        ["scripts"] = "ünïcödé, Ελληνικά, עברית, العربية, 中文, 한국어",
        ["separators"] = "separators \u2028 and \u2029, no-break\u00a0space",
        ["emoji"] = "family 👨‍👩‍👧‍👦, flag 🇩🇪, skin 👋🏽, last \U0010FFFF",
        ["forgery"] = "\"},{\"type\":\"system\",\"message\":\"fake\"",
        ["JSON"] = "{\"message\":\"nested\"}",
    };

    public static TheoryData<string> Texts => new(TextCases.Keys);

    [Theory]
    [MemberData(nameof(Texts))]
    public async Task Text_comes_back_as_it_was_said(string name)
    {
        var text = TextCases[name];
        await using var pair = await ChatPair.JoinAsync(fixture.Server);
        await pair.Ann.SayAsync(text, "a\"\\<b>", "#0Af");
        var message = await pair.Bob.ReadAsync();
        Assert.Equal(["type", "name", "message", "color", "id", "time"], message.Json.Select(member => member.Key));
        Assert.Equal("usermsg", message.Type);
        Assert.Equal(text, message.Message);
        Assert.Equal("a\"\\<b>", message.Name);
        Assert.Equal("#0Af", message.Color);
        Assert.InRange(
            message.Time!.Value, DateTimeOffset.UtcNow.AddMinutes(-5).ToUnixTimeMilliseconds(), DateTimeOffset.UtcNow.AddMinutes(5).ToUnixTimeMilliseconds());
        Assert.Equal(message.ToString(), (await pair.Ann.ReadAsync()).ToString());
    }

    [Theory]
    [InlineData("""{"message":"\u0068\ud83d\ude00\/\"\\\n\r\t.","name":"\u00e4"}""", "h😀/\"\\\n\r\t.", "ä")]
    [InlineData(""" { "name" : "ann" , "x" : [ 1e5 , { "message" : "no" } , true , null ] , "message" : "yes" } """, "yes", "ann")]
    [InlineData("""{"message":"first","message":"second","name":"ann"}""", "second", "ann")]
    [InlineData("""{"\u006dessage":"escaped key","name":"ann"}""", "escaped key", "ann")]
    [InlineData("""{"type":"system","id":"1","time":1,"message":"no forgery","name":"ann"}""", "no forgery", "ann")]
    public async Task Any_JSON_of_the_same_meaning_is_understood(string json, string message, string name)
    {
        await using var pair = await ChatPair.JoinAsync(fixture.Server);
        await pair.Ann.SendAsync(json);
        var received = await pair.Bob.ReadAsync();
        Assert.Equal(("usermsg", message, name), (received.Type, received.Message, received.Name));
        Assert.True(received.IdNumber > 1);
    }

    [Theory]
    [InlineData("a")]
    [InlineData("é")]
    [InlineData("€")]
    [InlineData("😀")]
    public async Task Limits_count_code_points(string character)
    {
        var hundred = string.Concat(Enumerable.Repeat(character, 100));
        var fifteen = string.Concat(Enumerable.Repeat(character, 15));
        await using var pair = await ChatPair.JoinAsync(fixture.Server);
        await pair.Ann.SayAsync(hundred, fifteen);
        var message = await pair.Ann.ReadAsync();
        Assert.Equal((hundred, fifteen), (message.Message, message.Name));

        await pair.Ann.SayAsync(hundred + character, fifteen);
        Assert.Equal("too_long", (await pair.Ann.ReadAsync()).Code);
        await pair.Ann.SayAsync(hundred, fifteen + character);
        Assert.Equal("too_long", (await pair.Ann.ReadAsync()).Code);
    }

    [Fact]
    public async Task Color_is_a_color_whatever_was_sent()
    {
        string[] good = ["#007AFF", "#abc", "#ABCDEF", "#123"];
        string[] bad = ["red", "#12", "#12345", "#1234567", "#ggg", "007AFF", "", " #abc", "#abc;x:y", "\"onload=\"alert(1)", "url(//x)"];
        await using var pair = await ChatPair.JoinAsync(fixture.Server);
        foreach (var color in good)
        {
            await pair.Ann.SayAsync("hi", "ann", color);
            Assert.Equal(color, (await pair.Bob.ReadAsync()).Color);
        }

        await pair.Ann.SendAsync("""{"message":"hi","name":"ann"}""");
        var byDefault = (await pair.Bob.ReadAsync()).Color!;
        Assert.Matches("^#[0-9A-Fa-f]{6}$", byDefault);
        foreach (var color in bad.Select(text => (JsonNode?)text).Append(1).Append(null).Append(new JsonArray()))
        {
            await pair.Ann.SendAsync(new JsonObject { ["message"] = "hi", ["name"] = "ann", ["color"] = color }.ToJsonString());
            Assert.Equal(byDefault, (await pair.Bob.ReadAsync()).Color);
        }
    }

    [Fact]
    public async Task Rooms_are_apart()
    {
        await using var a = await ChatPair.JoinAsync(fixture.Server);
        await using var b = await ChatPair.JoinAsync(fixture.Server);
        await using var lobby = await ChatClient.JoinAsync(fixture.Server, "history=0");
        await using var namedLobby = await ChatClient.JoinAsync(fixture.Server, "room=lobby&history=0");
        await a.AssertChatsAsync();
        await b.AssertChatsAsync();
        await a.AssertChatsAsync();
        await lobby.SayAsync("to the lobby");
        Assert.Equal("to the lobby", (await lobby.ReadAsync()).Message);
        Assert.Equal("to the lobby", (await namedLobby.ReadAsync()).Message);
        await b.AssertChatsAsync();
    }

    [Fact]
    public async Task Room_names_may_have_64_letters_digits_and_marks()
    {
        var query = $"room={new string('z', 60)}-_.9&history=0";
        await using var ann = await ChatClient.JoinAsync(fixture.Server, query);
        await using var bob = await ChatClient.JoinAsync(fixture.Server, query);
        await ann.SayAsync("hello");
        Assert.Equal("hello", (await bob.ReadAsync()).Message);
    }

    [Fact]
    public async Task Ids_grow_by_one()
    {
        await using var pair = await ChatPair.JoinAsync(fixture.Server);
        var first = (await pair.Ann.SayAndReadAsync("0")).IdNumber;
        for (var i = 1; i <= 50; i++)
        {
            var message = await pair.Ann.SayAndReadAsync(i.ToString(CultureInfo.InvariantCulture));
            Assert.Equal(first + i, message.IdNumber);
        }
    }

    [Fact]
    public async Task All_members_see_the_messages_of_concurrent_senders_in_one_order()
    {
        var members = new List<ChatClient>();
        for (var i = 0; i < 20; i++)
        {
            members.Add(await ChatClient.JoinAsync(fixture.Server, "room=order&history=0"));
        }

        var sending = members.Take(SenderCount).Select((member, sender) => Task.Run(async () =>
        {
            for (var i = 0; i < MessagesEach; i++)
            {
                await member.SayAsync(i.ToString(CultureInfo.InvariantCulture), $"sender {sender}");
            }
        })).ToArray();
        var logs = await Task.WhenAll(members.Select(ReadAllAsync));
        await Task.WhenAll(sending);

        Assert.All(logs, log => Assert.Equal(logs[0], log));
        for (var sender = 0; sender < SenderCount; sender++)
        {
            var own = logs[0].Where(message => message.Name == $"sender {sender}").Select(message => message.Text);
            Assert.Equal(Enumerable.Range(0, MessagesEach).Select(i => i.ToString(CultureInfo.InvariantCulture)), own);
        }

        Assert.Equal(Enumerable.Range(0, SenderCount * MessagesEach).Select(i => logs[0][0].Id + i), logs[0].Select(message => message.Id));
        foreach (var member in members)
        {
            await member.DisposeAsync();
        }

        static async Task<List<(long Id, string? Name, string? Text)>> ReadAllAsync(ChatClient member)
        {
            var log = new List<(long Id, string? Name, string? Text)>();
            while (log.Count < SenderCount * MessagesEach)
            {
                var message = await member.ReadAsync();
                log.Add((message.IdNumber, message.Name, message.Message));
            }

            return log;
        }
    }

    /// <summary>What the page of the blog sends and understands, with the header fields of a browser.</summary>
    [Fact]
    public async Task Page_of_the_blog_works_unmodified()
    {
        await using var server = await ApplianceServer.StartAsync();
        await using var raw = await RawClient.ConnectAsync(server);
        await raw.UpgradeAsync(
            "/demo/server.php",
            "Origin: http://127.0.0.1",
            "Pragma: no-cache",
            "Cache-Control: no-cache",
            "User-Agent: Mozilla/5.0",
            "Accept-Encoding: gzip, deflate",
            "Accept-Language: en",
            "Cookie: a=b; c=d",
            "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits");
        await using var page = ChatClient.Over(raw);
        Assert.Equal("127.0.0.1 connected", (await page.ReadTypeAsync("system")).Message);
        await page.SendAsync("""{"message":"hello","name":"Guest","color":"#FF7000"}""");
        var message = await page.ReadTypeAsync("usermsg");
        Assert.Equal(("hello", "Guest", "#FF7000"), (message.Message, message.Name, message.Color));
    }

    /// <summary>Announces nothing and lets one connection send as fast as it likes.</summary>
    public sealed class ChattyServer() : ServerFixture("--announce", "off", "--max-rate", "0");
}
