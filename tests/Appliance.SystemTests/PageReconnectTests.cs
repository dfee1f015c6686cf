using Appliance.SystemTests.Harness;
using static Microsoft.Playwright.Assertions;

namespace Appliance.SystemTests;

/// <summary>The chat page when its server goes and comes back. The clock of the page is the test's, so that its pauses take as long as needed.</summary>
[Collection(BrowserGroup.Name)]
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class PageReconnectTests(Browser browser)
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Nothing_is_lost_or_repeated_over_a_restart(bool killed)
    {
        await using var server = await ApplianceServer.StartAsync();
        await using var page = await OpenWithClockAsync(server, "ann");
        await page.SayAsync("before");
        await Expect(page.Texts).ToHaveTextAsync(["before"]);

        await page.Page.Clock.PauseAtAsync(await page.NowAsync());
        if (killed)
        {
            await server.KillAsync();
        }

        await server.RestartAsync();
        await Expect(page.Status).ToHaveTextAsync("Reconnecting…");
        await using (var bob = await ChatClient.JoinAsync(server))
        {
            _ = await bob.SayAndReadAsync("between 1", "bob");
            _ = await bob.SayAndReadAsync("between 2", "bob");
        }

        await page.Page.Clock.ResumeAsync();
        await Expect(page.Status).ToHaveTextAsync("Online");
        await page.SayAsync("after");
        await Expect(page.Texts).ToHaveTextAsync(["before", "between 1", "between 2", "after"]);
        await using var newcomer = await ChatPage.OpenAsync(browser, server);
        await Expect(newcomer.Texts).ToHaveTextAsync(["before", "between 1", "between 2", "after"]);
        Assert.DoesNotContain(page.Complaints, complaint => complaint.Contains("Content Security Policy", StringComparison.Ordinal));
    }

    /// <summary>The page holds an id that is higher than any of today's.</summary>
    [Fact]
    public async Task Page_goes_on_when_the_clock_was_ahead_and_memory_is_lost()
    {
        using var clock = new FakeClock(DateTimeOffset.UtcNow.AddYears(10));
        await using var server = await ApplianceServer.StartAsync(clock, "--announce", "off");
        await using var page = await ChatPage.OpenAsync(browser, server, name: "ann");
        await page.SayAsync("from the future");
        await Expect(page.Texts).ToHaveTextAsync(["from the future"]);
        _ = await server.StopAsync();
        _ = await server.RunCommandAsync("stop", "--purge");
        clock.Set(DateTimeOffset.UtcNow);
        await server.RestartAsync();
        await Expect(page.Status).ToHaveTextAsync("Online");
        await page.SayAsync("of today");
        await Expect(page.Texts).ToHaveTextAsync(["from the future", "of today"]);
        await using var bob = await ChatClient.JoinAsync(server);
        _ = await bob.SayAndReadAsync("and again", "bob");
        await Expect(page.Texts).ToHaveTextAsync(["from the future", "of today", "and again"]);
    }

    [Fact]
    public async Task What_is_written_while_away_stays_in_the_box()
    {
        await using var server = await ApplianceServer.StartAsync();
        await using var page = await OpenWithClockAsync(server, "ann");
        await page.Page.Clock.PauseAtAsync(await page.NowAsync());
        _ = await server.StopAsync();
        await Expect(page.Status).ToHaveTextAsync("Reconnecting…");
        await page.Message.FillAsync("written while away");
        await page.Message.PressAsync("Enter");
        await Expect(page.Error).ToContainTextAsync("Not connected.");
        await Expect(page.Message).ToHaveValueAsync("written while away");

        await server.RestartAsync();
        await page.Page.Clock.ResumeAsync();
        await Expect(page.Status).ToHaveTextAsync("Online");
        await Expect(page.Error).ToBeEmptyAsync();
        await page.Message.PressAsync("Enter");
        await Expect(page.Texts).ToHaveTextAsync(["written while away"]);
    }

    [Fact]
    public async Task Message_without_an_echo_is_offered_again()
    {
        await using var server = await ApplianceServer.StartAsync();
        await using var page = await OpenWithClockAsync(server, "ann");
        await server.SignalAsync("STOP");
        await page.SayAsync("into the void");
        await server.KillAsync();
        var offer = page.Page.GetByRole(Microsoft.Playwright.AriaRole.Listitem).Filter(new() { HasText = "Perhaps not sent: into the void" });
        await Expect(offer).ToBeVisibleAsync();

        await server.RestartAsync();
        await Expect(page.Status).ToHaveTextAsync("Online");
        await offer.GetByText("Send again").ClickAsync();
        await Expect(page.Texts).ToHaveTextAsync(["into the void"]);
        await Expect(offer).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task Refused_message_among_many_is_the_one_offered_again()
    {
        await using var server = await ApplianceServer.StartAsync("--max-rate", "1");
        await using var page = await ChatPage.OpenAsync(browser, server, name: "ann");
        _ = await page.Message.EvaluateAsync(
            "box => { for (const text of ['one', 'two', 'three']) { box.value = text; box.form.requestSubmit(); } box.value = 'draft'; }");
        await Expect(page.Error).ToContainTextAsync("Not sent: ");
        await Expect(page.Texts).ToHaveTextAsync(["one", "two"]);
        await Expect(page.Page.Locator("#outbox li span")).ToHaveTextAsync(["Perhaps not sent: three"]);
        await Expect(page.Message).ToHaveValueAsync("draft");
    }

    private async Task<ChatPage> OpenWithClockAsync(ApplianceServer server, string name)
    {
        var page = await ChatPage.PrepareAsync(browser);
        await page.Page.Clock.InstallAsync();
        await page.GoAsync(server);
        await page.Name.FillAsync(name);
        return page;
    }
}
