using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>A heartbeat that scripts can see: the client asks, the server answers the one who asks.</summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class HeartbeatTests
{
    private const string Ping = """{"type":"ping"}""";

    [Fact]
    public async Task Ping_is_answered_to_who_asks_alone()
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "off");
        await using var ann = await ChatClient.JoinAsync(server);
        await using var bob = await ChatClient.JoinAsync(server);
        await ann.SendAsync(Ping);
        Assert.Equal("""{"type":"pong"}""", (await ann.ReadAsync()).ToString());
        _ = await ann.SayAndReadAsync("hello");
        Assert.Equal("hello", (await bob.ReadAsync()).Message);
        await using var newcomer = await ChatClient.JoinAsync(server);
        Assert.Equal("hello", (await newcomer.ReadAsync()).Message);
    }

    /// <summary>A client's library may escape what it likes, in names of members as well.</summary>
    [Theory]
    [InlineData("""{"type":"pi\u006eg"}""", "pong")]
    [InlineData("""{"\u0074ype":"\u0070\u0069\u006E\u0067"}""", "pong")]
    [InlineData("""{"\u006e\u0061me":"\u0061nn","mess\u0061ge":"hello"}""", "usermsg")]
    public async Task Escapes_mean_what_they_stand_for(string text, string type)
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "off");
        await using var ann = await ChatClient.JoinAsync(server);
        await ann.SendAsync(text);
        Assert.Equal(type, (await ann.ReadAsync()).Type);
    }

    [Fact]
    public async Task Pings_do_not_count_as_messages()
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "off", "--max-rate", "1");
        await using var ann = await ChatClient.JoinAsync(server);
        await ann.Raw.SendAsync([.. Enumerable.Repeat(ClientFrame.Text(Ping), 200)]);
        for (var i = 0; i < 200; i++)
        {
            Assert.Equal("pong", (await ann.ReadAsync()).Type);
        }

        _ = await ann.SayAndReadAsync("hello");
    }

    /// <summary>Answers that nobody reads stop the reading of questions: memory stays bounded, and others are served.</summary>
    [Fact]
    public async Task Flood_of_pings_that_reads_nothing_is_not_read()
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "off");
        await using var ann = await ChatClient.JoinAsync(server);
        await using var flood = await ChatClient.JoinAsync(server, receiveBuffer: 4096);
        var piece = ClientFrame.Encode([.. Enumerable.Repeat(ClientFrame.Text(Ping), 10_000)]);
        var sending = await flood.Raw.SendUntilBlockedAsync(Enumerable.Repeat(piece, 100).SelectMany(bytes => bytes).ToArray());
        Assert.False(sending.IsCompleted);
        _ = await ann.SayAndReadAsync("hello");
        for (var i = 0; i < 1000; i++)
        {
            Assert.Contains((await flood.ReadAsync()).Type, (string[])["pong", "usermsg"]);
        }

        flood.Raw.Reset();
        _ = await Record.ExceptionAsync(() => sending);
    }
}
