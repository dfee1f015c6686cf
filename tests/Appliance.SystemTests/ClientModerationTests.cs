using System.Text;
using System.Text.Json.Nodes;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>Clients with the right <c>m</c> moderate over the chat protocol, in a single process and over two workers.</summary>
public sealed class ClientModerationTests : IDisposable
{
    private const string Moderator = """{"sub":"mod","name":"Mod","rooms":{"lobby":"rwm","news":"rw"}}""";
    private const string Admin = """{"sub":"adm","name":"Admin","rooms":{"*":"rwm"}}""";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("appliance-moderate-");

    public static TheoryData<int> Modes => [0, 2];

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task Mute_and_ban_hold_in_the_room_of_the_moderator_alone(int workers)
    {
        await using var server = await StartAsync(workers);
        await using var moderator = await JoinAsync(server, Moderator);
        List<ChatClient> lobby = [await JoinUserAsync(server, "u7"), await JoinUserAsync(server, "u7"), await JoinUserAsync(server, "u7")];
        await using var news = await JoinUserAsync(server, "u7", "room=news&");
        Assert.Equal(0, await ModerateAsync(moderator, """{"action":"mute","user":"u7","seconds":600,"reason":"loud"}"""));
        foreach (var client in lobby)
        {
            await client.SayAsync("not this");
            var error = await client.ReadTypeAsync("error");
            Assert.Equal(("muted", "muted by an operator: loud"), (error.Code, error.Message));
        }

        _ = await news.SayAndReadAsync("in another room", name: "u7");
        var rule = Assert.Single(JsonNode.Parse(await server.SucceedAsync("bans", "--json"))!.AsArray())!;
        Assert.Equal(("mute", "u7", "lobby"), (rule["action"]!.GetValue<string>(), rule["subject"]!.GetValue<string>(), rule["room"]!.GetValue<string>()));
        Assert.Equal(0, await ModerateAsync(moderator, """{"action":"unmute","user":"u7"}"""));
        _ = await lobby[0].SayAndReadAsync("again", name: "u7");

        Assert.Equal(3, await ModerateAsync(moderator, """{"action":"ban","user":"u7","reason":"spam"}"""));
        foreach (var client in lobby)
        {
            Assert.Equal((1008, "banned by an operator: spam"), await ReadCloseAsync(client));
            await client.DisposeAsync();
        }

        Assert.Contains("banned by an operator: spam", await RefusedAsync(server, "u7"), StringComparison.Ordinal);
        await using var other = await JoinUserAsync(server, "u7", "room=news&");
        _ = await other.SayAndReadAsync("still in news", name: "u7");
        _ = await server.SucceedAsync("unban", "user:u7", "--room", "lobby");
        await using var back = await JoinUserAsync(server, "u7");
        _ = await server.WaitForLogAsync(
            "moderation by a client: mute user:u7 in lobby until .* because loud, user 'mod' at 127.0.0.1, name 'Mod', client .* in room lobby");
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task Kick_closes_a_user_in_the_room_at_all_workers(int workers)
    {
        await using var server = await StartAsync(workers);
        await using var moderator = await JoinAsync(server, Moderator);
        List<ChatClient> lobby = [];
        for (int i = 0; i < 6; i++)
        {
            lobby.Add(await JoinUserAsync(server, "u7"));
        }

        await using var bystander = await JoinUserAsync(server, "u8");
        await using var news = await JoinUserAsync(server, "u7", "room=news&");
        Assert.Equal(6, await ModerateAsync(moderator, """{"action":"kick","user":"u7","reason":"go"}"""));
        foreach (var client in lobby)
        {
            Assert.Equal((1008, "removed by an operator: go"), await ReadCloseAsync(client));
            await client.DisposeAsync();
        }

        _ = await news.SayAndReadAsync("not kicked here", name: "u7");
        _ = await bystander.SayAndReadAsync("nor I", name: "u8");
        await using var back = await JoinUserAsync(server, "u7");
        _ = await back.SayAndReadAsync("back", name: "u7");
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task Room_is_slowed_locked_closed_and_opened(int workers)
    {
        await using var server = await StartAsync(workers);
        await using var moderator = await JoinAsync(server, Moderator);
        await using var user = await JoinUserAsync(server, "u7");
        Assert.Equal(0, await ModerateAsync(moderator, """{"action":"room","read_only":true,"locked":true,"slow":3600}"""));
        Assert.Equal("slow=3600 read-only locked\n", await server.SucceedAsync("room", "lobby"));
        await user.SayAsync("not this");
        Assert.Equal("read_only", (await user.ReadTypeAsync("error")).Code);
        Assert.Contains("locked", await RefusedAsync(server, "u8"), StringComparison.Ordinal);
        Assert.Equal(0, await ModerateAsync(moderator, """{"action":"room"}"""));
        Assert.Equal("open\n", await server.SucceedAsync("room", "lobby"));
        _ = await user.SayAndReadAsync("open again", name: "u7");
        await moderator.SendAsync("""{"type":"moderate","action":"room","closed":true}""");
        Assert.Equal((1008, "an operator has closed this room"), await ReadCloseAsync(user));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task Message_of_the_room_is_deleted(int workers)
    {
        await using var server = await StartAsync(workers);
        await using var moderator = await JoinAsync(server, Moderator);
        await using var user = await JoinUserAsync(server, "u7");
        string id = (await user.SayAndReadAsync("to be deleted", name: "u7")).Id!;
        Assert.Equal(0, await ModerateAsync(moderator, $$"""{"action":"delete","id":"{{id}}"}"""));
        Assert.Equal(id, (await user.ReadTypeAsync("delete")).Json["deleted"]!.GetValue<string>());
        Assert.DoesNotContain("to be deleted", await server.SucceedAsync("history"), StringComparison.Ordinal);
        await moderator.SendAsync("""{"type":"moderate","action":"delete","id":"17"}""");
        Assert.Equal("bad_moderation", (await moderator.ReadTypeAsync("error")).Code);
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task Without_the_right_it_is_refused_and_counted(int workers)
    {
        await using var server = await StartAsync(workers);
        await using var user = await JoinUserAsync(server, "u7");
        await using var moderator = await JoinAsync(server, Moderator);
        await using var elsewhere = await JoinAsync(server, Moderator, "room=news&");
        await using var admin = await JoinAsync(server, Admin, "room=other&");
        foreach (var (client, json, code, words) in new[]
        {
            (user, """{"action":"mute","user":"mod"}""", "forbidden", "does not let you moderate this room"),
            (elsewhere, """{"action":"mute","user":"u7"}""", "forbidden", "does not let you moderate this room"),
            (moderator, """{"action":"ban","user":"u7","everywhere":true}""", "forbidden", "does not let you moderate all rooms"),
            (moderator, """{"action":"mute"}""", "bad_moderation", "One of user, name and address"),
            (moderator, """{"action":"unmute","user":"nobody"}""", "bad_moderation", "There is no mute of 'user:nobody' in room 'lobby'"),
        })
        {
            await client.SendAsync("""{"type":"moderate",""" + json[1..]);
            var error = await client.ReadTypeAsync("error");
            Assert.Equal(code, error.Code);
            Assert.Contains(words, error.Message, StringComparison.Ordinal);
        }

        Assert.Equal("", (await server.SucceedAsync("bans")).Trim());
        Assert.Equal(1, await ModerateAsync(admin, """{"action":"kick","user":"u7","everywhere":true}"""));
        Assert.Equal((1008, "removed by an operator"), await ReadCloseAsync(user));
        Assert.Equal(0, await ModerateAsync(admin, """{"action":"ban","user":"u7","everywhere":true}"""));
        Assert.Contains("banned", await RefusedAsync(server, "u7"), StringComparison.Ordinal);
    }

    /// <summary>Without <c>--auth jwt</c> nobody has rights.</summary>
    [Fact]
    public async Task Client_without_a_token_is_refused()
    {
        await using var server = await ApplianceDaemon.StartInModeAsync(0, "--announce", "off");
        await using var client = await server.JoinAsync();
        await client.SendAsync("""{"type":"moderate","action":"room","locked":true}""");
        Assert.Equal("forbidden", (await client.ReadTypeAsync("error")).Code);
        Assert.Equal("open\n", await server.SucceedAsync("room", "lobby"));
    }

    private static Task<ChatClient> JoinAsync(ApplianceDaemon server, string claims, string query = "") =>
        server.JoinAsync($"{query}token={TokenTests.Token(claims)}");

    private static Task<ChatClient> JoinUserAsync(ApplianceDaemon server, string user, string query = "") =>
        JoinAsync(server, $$"""{"sub":"{{user}}","name":"{{user}}"}""", query);

    /// <summary>Asks for something and returns how many clients were closed.</summary>
    private static async Task<int> ModerateAsync(ChatClient moderator, string json)
    {
        await moderator.SendAsync("""{"type":"moderate",""" + json[1..]);
        var answer = (await moderator.ReadUntilAsync(message => message.Type is "moderated" or "error"))[^1];
        Assert.True(answer.Type == "moderated", answer.ToString());
        Assert.Equal(JsonNode.Parse(json)!["action"]!.GetValue<string>(), answer.Json["action"]!.GetValue<string>());
        return answer.Json["clients"]!.GetValue<int>();
    }

    private static async Task<string> RefusedAsync(ApplianceDaemon server, string user)
    {
        string token = TokenTests.Token($$"""{"sub":"{{user}}","name":"{{user}}"}""");
        await using var raw = await RawClient.ConnectAsync(server.Address);
        await raw.SendAsync(RawClient.UpgradeRequest($"/?token={token}"));
        var response = await raw.ReadResponseAsync();
        Assert.Equal(403, response.Status);
        return response.Text;
    }

    private static async Task<(int? Code, string Reason)> ReadCloseAsync(ChatClient client)
    {
        ServerFrame frame;
        do
        {
            frame = await client.Raw.ReadFrameAsync();
        }
        while (frame.Opcode != Opcode.Close);
        return (frame.CloseCode, Encoding.UTF8.GetString(frame.Payload.AsSpan(2)));
    }

    private Task<ApplianceDaemon> StartAsync(int workers)
    {
        string keyFile = Path.Combine(_folder.FullName, "secret");
        TokenTests.WriteKey(keyFile, TokenTests.GuardedServer.Secret);
        return ApplianceDaemon.StartInModeAsync(workers, "--announce", "off", "--auth", "jwt", "--auth-key", keyFile);
    }
}
