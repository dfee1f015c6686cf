using Appliance.SystemTests.Harness;
using static Microsoft.Playwright.Assertions;

namespace Appliance.SystemTests;

/// <summary>The chat page where a token lets in (<c>--auth jwt</c>).</summary>
[Collection(BrowserGroup.Name)]
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class PageTokenTests(Browser browser) : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("appliance-keys-");

    public void Dispose() => _folder.Delete(recursive: true);

    /// <summary>The token stands in the address, before or behind the #; its name is the user's, and goes along to another room.</summary>
    [Theory]
    [InlineData("?token=")]
    [InlineData("?room=lobby#token=")]
    public async Task Page_passes_its_token_on(string place)
    {
        string key = Path.Combine(_folder.FullName, "secret");
        TokenTests.WriteKey(key, TokenTests.GuardedServer.Secret);
        await using var server = await ApplianceServer.StartAsync("--auth", "jwt", "--auth-key", key);
        await using var ann = await ChatPage.PrepareAsync(browser);
        await ann.Page.GotoAsync($"{server.Url}{place}{TokenTests.Token("""{"sub":"u7","name":"Änne Lee, with a long name"}""")}");
        await Expect(ann.Status).ToHaveTextAsync("Online");
        await Expect(ann.Name).ToHaveValueAsync("Änne Lee, with a long name");
        await Expect(ann.Name).Not.ToBeEditableAsync();
        await ann.SayAsync("hello");
        await Expect(ann.Texts).ToHaveTextAsync(["hello"]);
        await Expect(ann.Names).ToHaveTextAsync(["Änne Lee, with a long name"]);
        await ann.Page.Locator("#rooms-toggle").ClickAsync();
        await ann.Page.GetByLabel("Go to a room").FillAsync("other");
        await ann.Page.GetByLabel("Go to a room").PressAsync("Enter");
        await Expect(ann.Page.Locator("#room")).ToHaveTextAsync("other");
        await Expect(ann.Status).ToHaveTextAsync("Online");
        await ann.SayAsync("here, too");
        await Expect(ann.Texts).ToHaveTextAsync(["here, too"]);
        Assert.Empty(ann.Complaints);
        Assert.DoesNotContain(server.Log, line => line.Contains("eyJ", StringComparison.Ordinal));
    }

    /// <summary>Whoever is not let in reads why; it goes when the way is free.</summary>
    [Fact]
    public async Task Page_says_why_it_is_not_let_in()
    {
        string key = Path.Combine(_folder.FullName, "secret");
        TokenTests.WriteKey(key, TokenTests.GuardedServer.Secret);
        await using var daemon = await ApplianceDaemon.StartAsync(1, "--auth", "jwt", "--auth-key", key);
        var url = $"http://{daemon.Address}/";
        await using var ann = await ChatPage.PrepareAsync(browser);
        await ann.Page.GotoAsync(url);
        await Expect(ann.Error).ToContainTextAsync("Not let in: a token is needed (--auth jwt)");
        await Expect(ann.Status).ToHaveTextAsync("Reconnecting…");
        await ann.Page.GotoAsync($"{url}?room=secret&token={TokenTests.Token("""{"sub":"u7","rooms":{"lobby":"rw"}}""")}");
        await Expect(ann.Error).ToHaveTextAsync("Not let in: room 'secret': the token does not let its user read it (rooms).");
        _ = await daemon.SucceedAsync("room", "lobby", "--lock");
        await ann.Page.GotoAsync($"{url}?token={TokenTests.Token("""{"sub":"u7"}""")}");
        await Expect(ann.Error).ToHaveTextAsync("Not let in: room 'lobby': an operator has locked it.");
        _ = await daemon.SucceedAsync("room", "lobby", "--open");
        await Expect(ann.Status).ToHaveTextAsync("Online");
        await Expect(ann.Error).ToBeEmptyAsync();
    }
}
