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
}
