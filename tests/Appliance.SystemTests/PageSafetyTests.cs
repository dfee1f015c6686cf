using System.Text.Json;
using Appliance.SystemTests.Harness;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Appliance.SystemTests;

/// <summary>The chat page against what others send: it shows text, and text only.</summary>
[Collection(BrowserGroup.Name)]
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class PageSafetyTests(Browser browser)
{
    private const string Attack = "<img src=x onerror=\"pwned=1\"><script>pwned=1</script>";

    [Fact]
    public async Task Name_is_shown_literally()
    {
        await using var server = await ApplianceServer.StartAsync("--max-name", "100");
        await using var reader = await ChatPage.OpenAsync(browser, server);
        await using var raw = await ChatClient.JoinAsync(server);
        _ = await raw.SayAndReadAsync("raw", name: Attack);
        await using var writer = await ChatPage.OpenAsync(browser, server, name: "<b>\"&amp;'</b>");
        await writer.SayAsync("typed");
        await Expect(reader.Names).ToHaveTextAsync([Attack, "<b>\"&amp;'</b>"]);
        await AssertUnharmedAsync(reader, writer);
    }

    [Fact]
    public async Task Message_is_shown_literally()
    {
        await using var server = await ApplianceServer.StartAsync();
        await using var reader = await ChatPage.OpenAsync(browser, server);
        await using var raw = await ChatClient.JoinAsync(server);
        _ = await raw.SayAndReadAsync(Attack);
        await using var writer = await ChatPage.OpenAsync(browser, server, name: "eve");
        await writer.SayAsync("<svg onload=pwned=1> &lt;b&gt; javascript:pwned=1");
        await Expect(reader.Texts).ToHaveTextAsync([Attack, "<svg onload=pwned=1> &lt;b&gt; javascript:pwned=1"]);
        await AssertUnharmedAsync(reader, writer);
    }

    [Fact]
    public async Task Colour_that_is_none_becomes_the_default()
    {
        string[] colors =
        [
            "red;background-image:url(/stolen)", "#fff\" onmouseover=\"pwned=1", "url(javascript:pwned=1)",
            "#fff;position:fixed;inset:0", "<img src=x onerror=pwned=1>", "#ffff", "red", "",
        ];
        await using var server = await ApplianceServer.StartAsync("--max-rate", "0");
        await using var page = await ChatPage.PrepareAsync(browser);
        // The server lets no such colour pass: these go to the page without it.
        await page.Page.RouteWebSocketAsync("**/*", socket =>
        {
            var toServer = socket.ConnectToServer();
            toServer.OnMessage(frame => socket.Send(frame.Text!));
            foreach (var color in colors)
            {
                socket.Send(JsonSerializer.Serialize(new { type = "usermsg", name = "eve", message = "past the server", color }));
            }
        });
        await page.GoAsync(server);
        await using var raw = await ChatClient.JoinAsync(server);
        foreach (var color in colors)
        {
            Assert.Matches("^#[0-9A-Fa-f]{6}$", (await raw.SayAndReadAsync("by " + color, color: color)).Color);
        }

        await Expect(page.Texts).ToHaveTextAsync([.. colors.Select(_ => "past the server"), .. colors.Select(color => "by " + color)]);
        var backgrounds = await page.Log.Locator(".avatar").EvaluateAllAsync<string[]>(
            "all => all.map(avatar => getComputedStyle(avatar).backgroundColor)");
        Assert.All(backgrounds[..colors.Length], background => Assert.Equal("rgb(107, 114, 128)", background));
        var styles = await page.Log.Locator(".message").EvaluateAllAsync<string[]>("all => all.map(item => item.style.cssText)");
        Assert.All(styles[..colors.Length], style => Assert.Equal("", style));
        await AssertUnharmedAsync(page);
    }

    [Theory]
    [InlineData(ColorScheme.Light)]
    [InlineData(ColorScheme.Dark)]
    public async Task Name_can_be_read_in_any_colour(ColorScheme scheme)
    {
        await using var server = await ApplianceServer.StartAsync("--max-rate", "0");
        await using var page = await ChatPage.OpenAsync(browser, server, options: new() { ColorScheme = scheme });
        await using var raw = await ChatClient.JoinAsync(server);
        string[] colors = ["#fff", "#000", "#ff0", "#0f0", "#00f", "#f00", "#808080", "#0fb", "#c23", "#007AFF"];
        foreach (var color in colors)
        {
            _ = await raw.SayAndReadAsync("colour " + color, name: color, color: color);
        }

        await Expect(page.Texts).ToHaveCountAsync(colors.Length);
        // WCAG 2.2, success criterion 1.4.3: 4.5 to 1.
        const string Contrasts = """
            names => {
                const pen = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
                const luminance = color => {
                    pen.fillStyle = color;
                    pen.fillRect(0, 0, 1, 1);
                    const [r, g, b] = [...pen.getImageData(0, 0, 1, 1).data].map(v => v / 255)
                        .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
                    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
                };
                const page = luminance(getComputedStyle(document.body).backgroundColor);
                return names.map(name => luminance(getComputedStyle(name).color))
                    .map(name => (Math.max(name, page) + 0.05) / (Math.min(name, page) + 0.05));
            }
            """;
        var measured = await page.Names.EvaluateAllAsync<double[]>(Contrasts);
        Assert.All(colors.Zip(measured), pair => Assert.True(pair.Second >= 4.5, $"{pair.First} has a contrast of {pair.Second:0.00}"));
    }

    [Fact]
    public async Task Policy_is_kept_by_the_page_and_stops_inline_code()
    {
        await using var server = await ApplianceServer.StartAsync();
        await using var page = await ChatPage.OpenAsync(browser, server, name: "ann");
        await page.SayAsync("hello");
        await Expect(page.Texts).ToHaveTextAsync(["hello"]);
        await page.Page.GetByRole(AriaRole.Button, new() { Name = "Rooms" }).ClickAsync();
        await page.Page.GetByLabel("Go to a room").FillAsync("other");
        await page.Page.Keyboard.PressAsync("Enter");
        await Expect(page.Page.GetByRole(AriaRole.Heading)).ToContainTextAsync("other");
        await Expect(page.Status).ToHaveTextAsync("Online");
        Assert.Empty(page.Complaints);

        var directive = await page.Page.EvaluateAsync<string>("""
            () => new Promise(done => {
                addEventListener('securitypolicyviolation', event => done(event.effectiveDirective));
                document.body.insertAdjacentHTML('beforeend', '<p onclick="pwned=1">');
            })
            """);
        Assert.Equal("script-src-attr", directive);
        Assert.Contains(page.Complaints, complaint => complaint.Contains("Content Security Policy", StringComparison.Ordinal));
    }

    private static async Task AssertUnharmedAsync(params ChatPage[] pages)
    {
        foreach (var page in pages)
        {
            Assert.Empty(page.Complaints);
            Assert.Equal("undefined", await page.Page.EvaluateAsync<string>("typeof pwned"));
            var tags = await page.Log.Locator("ol *").EvaluateAllAsync<string[]>("all => [...new Set(all.map(e => e.localName))]");
            Assert.Subset(new HashSet<string> { "li", "span", "p", "bdi", "time" }, tags.ToHashSet());
        }
    }
}
