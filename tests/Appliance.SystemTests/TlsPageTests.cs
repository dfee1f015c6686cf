using Appliance.SystemTests.Harness;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Appliance.SystemTests;

/// <summary>The chat page by https in Chromium.</summary>
[Collection(BrowserGroup.Name)]
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class TlsPageTests(Browser browser)
{
    [Fact]
    public async Task Page_chats_by_https()
    {
        await using var scene = await TlsScene.StartAsync();
        await using var profile = await browser.NewProfileAsync(new() { IgnoreHTTPSErrors = true });
        var page = await profile.NewPageAsync();
        var complaints = Browser.ComplaintsOf(page);
        _ = await page.GotoAsync($"https://localhost:{scene.Address.Port}/");
        await page.GetByLabel("Your name").FillAsync("ann");
        await page.GetByRole(AriaRole.Textbox, new() { Name = "Message" }).FillAsync("by https");
        await page.GetByRole(AriaRole.Button, new() { Name = "Send", Exact = true }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Log)).ToContainTextAsync("by https");
        Assert.Empty(complaints);
    }
}
