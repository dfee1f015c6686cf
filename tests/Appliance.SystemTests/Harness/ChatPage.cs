using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Appliance.SystemTests.Harness;

/// <summary>The chat page in a browser profile of its own, found by what a user or a screen reader finds it by.</summary>
public sealed class ChatPage : IAsyncDisposable
{
    private readonly IBrowserContext _profile;

    private ChatPage(IBrowserContext profile, IPage page)
    {
        _profile = profile;
        Page = page;
        Complaints = Browser.ComplaintsOf(page);
    }

    public IPage Page { get; }

    /// <summary>What the console holds of errors and warnings, violations of the Content-Security-Policy among them.</summary>
    public IReadOnlyList<string> Complaints { get; }

    public ILocator Name => Page.GetByLabel("Your name");

    public ILocator Message => Page.GetByRole(AriaRole.Textbox, new() { Name = "Message" });

    public ILocator Send => Page.GetByRole(AriaRole.Button, new() { Name = "Send", Exact = true });

    public ILocator Status => Page.GetByRole(AriaRole.Status);

    public ILocator Error => Page.GetByRole(AriaRole.Alert);

    /// <summary>The scrolling list of everything said.</summary>
    public ILocator Log => Page.GetByRole(AriaRole.Log);

    /// <summary>The texts of the chat messages, without system messages.</summary>
    public ILocator Texts => Log.Locator(".text");

    /// <summary>The names of the chat messages, shown or, below one of the same name, only read out.</summary>
    public ILocator Names => Log.Locator(".name");

    /// <summary>Opens a room and waits until it is online.</summary>
    public static async Task<ChatPage> OpenAsync(
        Browser browser, ApplianceServer server, string room = "lobby", string? name = null, BrowserNewContextOptions? options = null)
    {
        var page = await PrepareAsync(browser, options);
        await page.GoAsync(server, room);
        if (name is not null)
        {
            await page.Name.FillAsync(name);
        }

        return page;
    }

    /// <summary>A blank page, for what must be set up before the chat page is loaded.</summary>
    public static async Task<ChatPage> PrepareAsync(Browser browser, BrowserNewContextOptions? options = null)
    {
        var profile = await browser.NewProfileAsync(options);
        return new ChatPage(profile, await profile.NewPageAsync());
    }

    /// <summary>Loads a room and waits until it is online.</summary>
    public async Task GoAsync(ApplianceServer server, string room = "lobby")
    {
        _ = await Page.GotoAsync($"{server.Url}?room={room}");
        await Expect(Status).ToHaveTextAsync("Online");
    }

    /// <summary>Writes a message, presses Enter and waits until the message box is empty again.</summary>
    public async Task SayAsync(string text)
    {
        await Message.FillAsync(text);
        await Message.PressAsync("Enter");
        await Expect(Message).ToHaveValueAsync("");
    }

    /// <summary>The colour that a message is shown with, as the browser has computed it.</summary>
    public Task<string> ColorAsync(string text) => Log.Locator(".message", new() { HasText = text }).Locator(".avatar")
        .EvaluateAsync<string>("avatar => getComputedStyle(avatar).backgroundColor");

    /// <summary>Pixels between what is shown of the log and its end.</summary>
    public Task<double> PixelsToEndAsync() => Log.EvaluateAsync<double>("log => log.scrollHeight - log.scrollTop - log.clientHeight");

    /// <summary>Scrolls the log to its start and waits until the page has noticed.</summary>
    public Task ScrollToStartAsync() => Log.EvaluateAsync(
        "log => new Promise(done => { log.addEventListener('scroll', () => requestAnimationFrame(done), { once: true }); log.scrollTop = 0; })");

    /// <summary>Ahead of the clock of the page, which can only be stopped in its future, however long it takes to ask for that.</summary>
    public async Task<DateTime> NowAsync() => DateTimeOffset.FromUnixTimeMilliseconds(await Page.EvaluateAsync<long>("Date.now()")).UtcDateTime.AddSeconds(10);

    /// <summary>Makes the page believe that its tab was put into the background or the foreground.</summary>
    public Task SetHiddenAsync(bool hidden) => Page.EvaluateAsync(
        "hidden => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });"
        + " document.dispatchEvent(new Event('visibilitychange')); }",
        hidden);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await _profile.DisposeAsync();
}
