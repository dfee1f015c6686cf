using Appliance.SystemTests.Harness;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Appliance.SystemTests;

/// <summary>The chat page in Chromium: what its users see and do.</summary>
[Collection(BrowserGroup.Name)]
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class PageTests(Browser browser)
{
    /// <summary>Set to 1, the picture for the README is written to docs instead of artifacts.</summary>
    private const string ScreenshotVariable = "APPLIANCE_SCREENSHOT";

    [Fact]
    public async Task Two_pages_chat_and_see_the_same()
    {
        await using var server = await ApplianceServer.StartAsync();
        await using var ann = await ChatPage.OpenAsync(browser, server, name: "ann");
        await using var bob = await ChatPage.OpenAsync(browser, server, name: "bob");
        for (var i = 0; i < 5; i++)
        {
            await Task.WhenAll(ann.SayAsync($"a{i}"), bob.SayAsync($"b{i}"));
        }

        await Expect(ann.Texts).ToHaveCountAsync(10);
        await Expect(bob.Texts).ToHaveTextAsync(await ann.Texts.AllTextContentsAsync());
        await Expect(bob.Names).ToHaveTextAsync(await ann.Names.AllTextContentsAsync());
        var said = (await ann.Names.AllTextContentsAsync()).Zip(await ann.Texts.AllTextContentsAsync()).ToList();
        Assert.Equal(["a0", "a1", "a2", "a3", "a4"], said.Where(pair => pair.First == "ann").Select(pair => pair.Second));
        Assert.Equal(["b0", "b1", "b2", "b3", "b4"], said.Where(pair => pair.First == "bob").Select(pair => pair.Second));
        Assert.Empty(ann.Complaints);
        Assert.Empty(bob.Complaints);
    }

    [Fact]
    public async Task Name_has_a_colour_of_its_own_that_stays()
    {
        await using var server = await ApplianceServer.StartAsync();
        await using var ann = await ChatPage.OpenAsync(browser, server, name: "ann");
        await using var bob = await ChatPage.OpenAsync(browser, server, name: "bob");
        await ann.SayAsync("from ann");
        await bob.SayAsync("from bob");
        await Expect(ann.Texts).ToHaveCountAsync(2);
        await Expect(bob.Texts).ToHaveCountAsync(2);
        Assert.Equal(await ann.ColorAsync("from ann"), await bob.ColorAsync("from ann"));
        Assert.NotEqual(await ann.ColorAsync("from ann"), await ann.ColorAsync("from bob"));

        await using var later = await ChatPage.OpenAsync(browser, server, name: "ann");
        await later.SayAsync("ann again");
        await Expect(later.Texts).ToHaveCountAsync(3);
        Assert.Equal(await later.ColorAsync("from ann"), await later.ColorAsync("ann again"));
    }

    [Fact]
    public async Task Message_is_sent_by_button_and_by_keyboard_alone()
    {
        await using var server = await ApplianceServer.StartAsync();
        await using var page = await ChatPage.OpenAsync(browser, server);
        await page.Name.FocusAsync();
        await page.Page.Keyboard.TypeAsync("ann");
        await page.Page.Keyboard.PressAsync("Tab");
        await page.Page.Keyboard.TypeAsync("by Enter");
        await page.Page.Keyboard.PressAsync("Enter");
        await Expect(page.Texts).ToHaveTextAsync(["by Enter"]);
        await Expect(page.Message).ToHaveValueAsync("");
        await page.Message.FillAsync("by Send");
        await page.Send.ClickAsync();
        await Expect(page.Texts).ToHaveTextAsync(["by Enter", "by Send"]);
        await Expect(page.Message).ToBeFocusedAsync();
        _ = await page.Page.ReloadAsync();
        await Expect(page.Name).ToHaveValueAsync("ann");
        await Expect(page.Texts).ToHaveTextAsync(["by Enter", "by Send"]);
    }

    [Fact]
    public async Task What_the_page_can_not_send_stays_in_the_box_with_the_reason()
    {
        await using var server = await ApplianceServer.StartAsync("--max-message", "10");
        await using var page = await ChatPage.OpenAsync(browser, server);
        await page.Message.FillAsync("hello");
        await page.Send.ClickAsync();
        await Expect(page.Error).ToHaveTextAsync("Enter your name first.");
        await Expect(page.Message).ToHaveValueAsync("hello");

        await page.Name.FillAsync("ann");
        await page.Message.FillAsync(string.Concat(Enumerable.Repeat("😀", 101)));
        await page.Send.ClickAsync();
        await Expect(page.Error).ToHaveTextAsync("At most 10 characters: 91 too many.");

        // A page that was loaded before the server's limit was lowered.
        _ = await page.Message.EvaluateAsync("input => input.dataset.limit = '100'");
        await page.Message.FillAsync("too long for this server");
        await page.Send.ClickAsync();
        await Expect(page.Error).ToContainTextAsync("Not sent: ");
        await Expect(page.Message).ToHaveValueAsync("too long for this server");

        await page.SayAsync("😀 short");
        await Expect(page.Texts).ToHaveTextAsync(["😀 short"]);
        await Expect(page.Error).ToBeEmptyAsync();
    }

    [Fact]
    public async Task Rooms_of_different_addresses_are_apart()
    {
        await using var server = await ApplianceServer.StartAsync();
        await using var garden = await ChatPage.OpenAsync(browser, server, "garden", "ann");
        await using var cellar = await ChatPage.OpenAsync(browser, server, "cellar", "bob");
        await garden.SayAsync("in the garden");
        await Expect(garden.Texts).ToHaveTextAsync(["in the garden"]);
        await cellar.SayAsync("in the cellar");
        await Expect(cellar.Texts).ToHaveTextAsync(["in the cellar"]);
        await Expect(cellar.Page.GetByRole(AriaRole.Heading)).ToContainTextAsync("cellar");

        await cellar.Page.GetByRole(AriaRole.Button, new() { Name = "Rooms" }).ClickAsync();
        await cellar.Page.GetByLabel("Go to a room").FillAsync("garden");
        await cellar.Page.Keyboard.PressAsync("Enter");
        await Expect(cellar.Texts).ToHaveTextAsync(["in the garden"]);
        Assert.EndsWith("/?room=garden", cellar.Page.Url, StringComparison.Ordinal);

        _ = await cellar.Page.GotoAsync($"{server.Url}?room=a%20b");
        await Expect(cellar.Error).ToContainTextAsync("“a b” is not a room name");
        await Expect(cellar.Status).ToHaveTextAsync("Not connected");
    }

    [Fact]
    public async Task Log_follows_only_at_its_end_and_counts_what_was_missed()
    {
        await using var server = await ApplianceServer.StartAsync("--max-rate", "0");
        await using var page = await ChatPage.OpenAsync(browser, server);
        await using var bob = await ChatClient.JoinAsync(server);
        for (var i = 1; i <= 40; i++)
        {
            await bob.SayAsync($"message {i}", "bob");
        }

        await Expect(page.Texts).ToHaveCountAsync(40);
        await Expect(page.Texts.Last).ToBeInViewportAsync();
        Assert.InRange(await page.PixelsToEndAsync(), -1, 1);

        await page.ScrollToStartAsync();
        await bob.SayAsync("missed", "bob");
        await bob.SayAsync("missed too", "bob");
        await Expect(page.Page).ToHaveTitleAsync("(2) #lobby · appliance chat");
        await Expect(page.Texts).ToHaveCountAsync(42);
        Assert.Equal(0, await page.Log.EvaluateAsync<double>("log => log.scrollTop"));

        await page.Page.GetByRole(AriaRole.Button, new() { Name = "2 new messages" }).ClickAsync();
        await Expect(page.Page).ToHaveTitleAsync("#lobby · appliance chat");
        await Expect(page.Texts.Last).ToBeInViewportAsync();
        Assert.InRange(await page.PixelsToEndAsync(), -1, 1);
    }

    [Fact]
    public async Task Title_counts_what_comes_while_the_tab_is_hidden()
    {
        await using var server = await ApplianceServer.StartAsync();
        await using var page = await ChatPage.OpenAsync(browser, server);
        await using var bob = await ChatClient.JoinAsync(server);
        _ = await bob.SayAndReadAsync("seen", "bob");
        await Expect(page.Texts).ToHaveCountAsync(1);
        await Expect(page.Page).ToHaveTitleAsync("#lobby · appliance chat");
        await page.SetHiddenAsync(true);
        await bob.SayAsync("unseen", "bob");
        await Expect(page.Page).ToHaveTitleAsync("(1) #lobby · appliance chat");
        await page.SetHiddenAsync(false);
        await Expect(page.Page).ToHaveTitleAsync("#lobby · appliance chat");
    }

    /// <summary>The text goes from the page at once, and a page that is opened later has its place without it.</summary>
    [Fact]
    public async Task Deleted_message_is_shown_as_such()
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "off");
        await using var page = await ChatPage.OpenAsync(browser, server);
        await using var bob = await ChatClient.JoinAsync(server);
        var said = await bob.SayAndReadAsync("what must go", "bob");
        _ = await bob.SayAndReadAsync("what stays", "bob");
        await Expect(page.Texts).ToHaveTextAsync(["what must go", "what stays"]);
        Assert.Equal(0, (await server.RunCommandAsync("delete", said.Id!)).ExitCode);
        await Expect(page.Texts).ToHaveTextAsync(["deleted", "what stays"]);
        await using var later = await ChatPage.OpenAsync(browser, server);
        await Expect(later.Texts).ToHaveTextAsync(["what stays"]);
        await Expect(later.Log).Not.ToContainTextAsync("what must go");
        await Expect(later.Log).ToContainTextAsync("deleted");
    }

    [Theory]
    [InlineData(320, 568)]
    [InlineData(360, 740)]
    public async Task Phone_never_scrolls_sideways(int width, int height)
    {
        await using var server = await ApplianceServer.StartAsync();
        await using var page = await ChatPage.OpenAsync(browser, server, new string('r', 64), new string('n', 15), new()
        {
            ViewportSize = new() { Width = width, Height = height },
            IsMobile = true,
            HasTouch = true,
        });
        await page.SayAsync(new string('w', 100));
        await Expect(page.Texts).ToHaveCountAsync(1);
        foreach (var scroller in new[] { page.Page.Locator("html"), page.Log })
        {
            Assert.Equal(0, await scroller.EvaluateAsync<int>("element => element.scrollWidth - element.clientWidth"));
        }

        Assert.Equal(width, await page.Page.EvaluateAsync<int>("innerWidth"));
        await Expect(page.Send).ToBeInViewportAsync(new() { Ratio = 1 });
        await Expect(page.Name).ToBeInViewportAsync(new() { Ratio = 1 });
        await page.Page.GetByRole(AriaRole.Button, new() { Name = "Rooms" }).TapAsync();
        await Expect(page.Page.GetByLabel("Go to a room")).ToBeInViewportAsync(new() { Ratio = 1 });
    }

    [Fact]
    public async Task Picture_for_the_README_is_made()
    {
        var root = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(root, "global.json")))
        {
            root = Path.GetDirectoryName(root)!;
        }

        var folder = Environment.GetEnvironmentVariable(ScreenshotVariable) == "1" ? "docs" : "artifacts";
        var path = Path.Combine(root, folder, "chat.png");
        await using var server = await ApplianceServer.StartAsync("--announce", "off");
        var options = new BrowserNewContextOptions
        {
            Locale = "en-GB",
            ReducedMotion = ReducedMotion.Reduce,
            ViewportSize = new() { Width = 960, Height = 600 },
            DeviceScaleFactor = 2,
        };
        await using var ida = await ChatPage.OpenAsync(browser, server, name: "Ida", options: options);
        await using var ravi = await ChatPage.OpenAsync(browser, server, name: "Ravi");
        await using var sofia = await ChatPage.OpenAsync(browser, server, name: "Sofia");
        (ChatPage Page, string Text)[] talk =
        [
            (ida, "Good morning! Is the new chat up?"),
            (ravi, "It is. One binary, one command, and here we are."),
            (ravi, "Restart it if you like: nobody loses a message."),
            (sofia, "Works on my phone, too."),
            (ida, "And how many of us fit in here?"),
            (sofia, "Let us find out."),
        ];
        foreach (var (page, text) in talk)
        {
            await page.SayAsync(text);
            await Expect(ida.Texts.Last).ToHaveTextAsync(text);
        }

        await ida.Message.FillAsync("Everybody, bring your friends!");
        _ = Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var picture = await ida.Page.ScreenshotAsync(new() { Path = path });
        Assert.True(picture.Length > 20_000, $"A picture of {picture.Length} bytes shows no chat.");
    }
}
