using System.Net;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary><c>--unique-names</c>: a name is one's alone, over workers, moves and deaths of them.</summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class UniqueNameTests
{
    private static readonly IPAddress Elsewhere = IPAddress.Parse("127.0.0.2");

    [Fact]
    public async Task Name_belongs_to_who_uses_it_first_until_it_has_another_one()
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "off", "--unique-names", "--metrics", "127.0.0.1:0");
        await using var ann = await ChatClient.JoinAsync(server);
        await using var bob = await ChatClient.JoinAsync(server, "room=other");
        _ = await ann.SayAndReadAsync("mine", "Ann");
        foreach (string name in (string[])["Ann", "ANN", " a.n-n "])
        {
            await AssertTakenAsync(bob, name);
        }

        _ = await bob.SayAndReadAsync("mine", "Bob");
        await AssertTakenAsync(ann, "bob");
        _ = await ann.SayAndReadAsync("still mine", "ANN");
        _ = await ann.SayAndReadAsync("another", "Anna");
        _ = await bob.SayAndReadAsync("free now", "Ann");
        _ = await ann.SayAndReadAsync("free, too", "Bob");
    }

    [Fact]
    public async Task Name_is_kept_for_who_comes_again()
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "off", "--unique-names");
        await using var bob = await JoinAsync(server.Address, Elsewhere);
        await using (var ann = await JoinAsync(server.Address))
        {
            _ = await ann.SayAndReadAsync("mine", "Ann");
            await ann.Raw.SendAsync(ClientFrame.Close(1000));
            Assert.Equal(1000, await ann.Raw.ReadCloseAsync());
        }

        await AssertTakenAsync(bob, "Ann");
        await using var again = await JoinAsync(server.Address);
        _ = await again.SayAndReadAsync("mine again", "Ann");
        await AssertTakenAsync(bob, "Ann");
    }

    [Fact]
    public async Task Name_goes_along_over_workers_and_upgrades_and_falls_to_its_address_when_a_worker_dies()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(2, "--announce", "off", "--unique-names");
        await using var ann = await daemon.JoinWorkerAsync(0, "room=a");
        await using var bob = await daemon.JoinWorkerAsync(1, "room=b");
        _ = await ann.SayAndReadAsync("mine", "Ann");
        await AssertTakenAsync(bob, "Ann");
        _ = await daemon.SucceedAsync("upgrade");
        await AssertTakenAsync(bob, "Ann");
        _ = await ann.SayAndReadAsync("still mine", "Ann");
        _ = await ann.SayAndReadAsync("another", "Anna");
        _ = await bob.SayAndReadAsync("free now", "Ann");

        await using var other = await JoinAsync(daemon.Address, Elsewhere);
        foreach (var worker in daemon.Workers().Values)
        {
            await ApplianceDaemon.SignalAsync(worker, "KILL");
        }

        _ = await Assert.ThrowsAnyAsync<IOException>(() => other.Raw.ReadCloseAsync());
        await daemon.WaitUntilAsync("other workers", () => daemon.Workers().Count == 2);
        await using var late = await JoinAsync(daemon.Address, Elsewhere);
        await AssertTakenAsync(late, "Ann");
        await using var again = await daemon.JoinAsync();
        _ = await again.SayAndReadAsync("mine again", "Ann");
    }

    /// <summary>A user has one name at all of its connections; a token with a name of somebody else's gets 409.</summary>
    [Fact]
    public async Task Name_of_a_user_is_the_users()
    {
        await using var backEnd = new AuthBackEnd(question => question.SendAsync(Identity(question.Target[^1])));
        await using var server = await ApplianceServer.StartAsync("--announce", "off", "--unique-names", "--auth", "ask", "--auth-url", backEnd.Url);
        await using var first = await ChatClient.JoinAsync(server, "room=lobby&user=1");
        await using var second = await ChatClient.JoinAsync(server, "room=lobby&user=1");
        await using var other = await RawClient.ConnectAsync(server);
        await other.SendAsync(RawClient.UpgradeRequest("/?room=lobby&user=2"));
        var response = await other.ReadResponseAsync();
        Assert.Equal(409, response.Status);
        Assert.Contains("--unique-names", response.Text, StringComparison.Ordinal);
        _ = await server.WaitForLogAsync("refused with status 409: name 'Ann'");
        Assert.Equal("Ann", (await first.SayAndReadAsync("one", "Ann")).Name);
        Assert.Equal("Ann", (await second.SayAndReadAsync("two", "Ann")).Name);
    }

    [Fact]
    public async Task Without_the_option_anybody_has_any_name()
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "off");
        await using var ann = await ChatClient.JoinAsync(server);
        await using var bob = await ChatClient.JoinAsync(server, "room=other");
        _ = await ann.SayAndReadAsync("mine", "Ann");
        _ = await bob.SayAndReadAsync("mine, too", "Ann");
    }

    private static string Identity(char user)
    {
        string json = $$"""{"sub":"u{{user}}","name":"Ann"}""";
        return $"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {json.Length}\r\n\r\n{json}";
    }

    private static async Task<ChatClient> JoinAsync(IPEndPoint address, IPAddress? from = null)
    {
        var raw = await RawClient.ConnectAsync(address, from: from);
        _ = await raw.UpgradeAsync();
        return ChatClient.Over(raw);
    }

    private static async Task AssertTakenAsync(ChatClient client, string name)
    {
        await client.SayAsync("not mine", name);
        var error = await client.ReadTypeAsync("error");
        Assert.Equal("name_taken", error.Code);
    }
}
