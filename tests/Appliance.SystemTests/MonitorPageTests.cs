using Appliance.SystemTests.Harness;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Appliance.SystemTests;

/// <summary>The monitor page in Chromium: live plots of the last ten minutes, and what is wrong.</summary>
[Collection(BrowserGroup.Name)]
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class MonitorPageTests(Browser browser)
{
    /// <summary>Set to 1, the picture for the README is written to docs instead of artifacts.</summary>
    private const string ScreenshotVariable = "APPLIANCE_SCREENSHOT";

    private static readonly string[] Titles = ["Messages a second", "Deliveries a second", "Latency", "Idle", "Connections", "Memory of the workers"];

    [Fact]
    public async Task Plots_move_with_the_traffic()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(2, ["--announce", "off", "--max-rate", "0", .. MonitoringPort.Options]);
        await using var page = await OpenAsync(daemon);
        await using var ann = await daemon.JoinWorkerAsync(0);
        await using var bob = await daemon.JoinWorkerAsync(1);
        using var enough = new CancellationTokenSource();
        var talking = TalkAsync(ann, enough.Token);
        await Expect(page.State).ToHaveTextAsync("Healthy");
        await Expect(page.Page.Locator(".card h2")).ToHaveTextAsync([.. Titles, "Workers"]);
        await Expect(page.Now("Connections")).ToHaveTextAsync("2");
        await Expect(page.Now("Messages a second")).Not.ToHaveTextAsync("0");
        await Expect(page.Now("Deliveries a second")).Not.ToHaveTextAsync("0");
        await Expect(page.Now("Latency")).ToContainTextAsync("ms");
        await Expect(page.Plot("Memory of the workers").Locator(".legend li")).ToHaveCountAsync(2);
        var path = page.Plot("Messages a second").Locator("path.line");
        var before = await path.GetAttributeAsync("d");
        await Expect(path).Not.ToHaveAttributeAsync("d", before!);
        await Expect(page.Page.Locator("#workers tr")).ToHaveCountAsync(2);
        await Expect(page.Page.Locator("#total")).ToContainTextAsync("All");
        await enough.CancelAsync();
        await talking;
        Assert.Empty(page.Complaints);
    }

    /// <summary>What was before the page was opened is there at once.</summary>
    [Fact]
    public async Task Freshly_opened_page_shows_what_was_before()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(1, ["--announce", "off", .. MonitoringPort.Options]);
        var port = await MonitoringPort.OfAsync(daemon);
        var began = (await port.StatusAsync()).GetProperty("time").GetInt64();
        _ = await port.WaitForStatusAsync("five samples", status => status.GetProperty("time").GetInt64() > began + 5000);
        await using var page = await OpenAsync(daemon);
        await Expect(page.State).ToHaveTextAsync("Healthy");
        var line = await page.Plot("Idle").Locator("path.line").GetAttributeAsync("d");
        Assert.InRange(line!.Split('L').Length, 5, 30);
    }

    [Fact]
    public async Task Trouble_and_silence_are_told()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(2, ["--announce", "off", .. MonitoringPort.Options]);
        await using var page = await OpenAsync(daemon);
        await Expect(page.State).ToHaveTextAsync("Healthy");
        var worker = daemon.Workers()[1];
        await ApplianceDaemon.SignalAsync(worker, "STOP");
        await Expect(page.State).ToHaveTextAsync("worker 1 is stuck");
        await Expect(page.Page.Locator("#workers tr.trouble")).ToContainTextAsync("stuck");
        await ApplianceDaemon.SignalAsync(worker, "CONT");
        await Expect(page.State).ToHaveTextAsync("Healthy");
        _ = await daemon.SucceedAsync("stop");
        await Expect(page.State).ToHaveTextAsync("No answer");
    }

    [Theory]
    [InlineData(320, 568)]
    [InlineData(360, 740)]
    public async Task Phone_never_scrolls_sideways(int width, int height)
    {
        await using var daemon = await ApplianceDaemon.StartAsync(4, ["--announce", "off", .. MonitoringPort.Options]);
        await using var page = await OpenAsync(daemon, new() { ViewportSize = new() { Width = width, Height = height }, IsMobile = true, HasTouch = true });
        await Expect(page.State).ToHaveTextAsync("Healthy");
        Assert.Equal(0, await page.Page.Locator("html").EvaluateAsync<int>("element => element.scrollWidth - element.clientWidth"));
        Assert.Equal(width, await page.Page.EvaluateAsync<int>("innerWidth"));
        await page.Page.Locator("#total").ScrollIntoViewIfNeededAsync();
        await Expect(page.Page.Locator("#total")).ToBeInViewportAsync();
    }

    /// <summary>Nothing is inline and nothing comes from elsewhere: the policy allows neither, and the page has no need of it.</summary>
    [Fact]
    public async Task Page_comes_with_a_strict_policy_and_from_one_server()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(1, ["--announce", "off", .. MonitoringPort.Options]);
        var port = await MonitoringPort.OfAsync(daemon);
        var response = await port.GetAsync("/");
        var policy = response.Header("Content-Security-Policy")!;
        Assert.StartsWith("default-src 'none'; script-src 'self'; style-src 'self';", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        List<string> asked = [];
        await using var page = await OpenAsync(daemon, prepare: opened => opened.Request += (_, request) => asked.Add(request.Url));
        await Expect(page.State).ToHaveTextAsync("Healthy");
        Assert.All(asked, url => Assert.True(url.StartsWith(port.Url, StringComparison.Ordinal) || url.StartsWith("data:", StringComparison.Ordinal), url));
        Assert.Empty(page.Complaints);
    }

    [Fact]
    public async Task Picture_for_the_README_is_made()
    {
        var root = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(root, "global.json")))
        {
            root = Path.GetDirectoryName(root)!;
        }

        var isForDocs = Environment.GetEnvironmentVariable(ScreenshotVariable) == "1";
        var folder = isForDocs ? "docs" : "artifacts";
        await using var daemon = await ApplianceDaemon.StartAsync(3, ["--announce", "off", "--max-rate", "0", .. MonitoringPort.Options]);
        var clients = new List<ChatClient>();
        for (var i = 0; i < 30; i++)
        {
            clients.Add(await daemon.JoinWorkerAsync(i % 3, "history=0"));
        }

        using var enough = new CancellationTokenSource();
        var talking = Task.WhenAll(clients.Select((client, i) => TalkAsync(client, enough.Token, i)));
        var port = await MonitoringPort.OfAsync(daemon);
        var began = (await port.StatusAsync()).GetProperty("time").GetInt64();
        foreach (var seconds in isForDocs ? (int[])[15, 30, 45, 60] : [3])
        {
            _ = await port.WaitForStatusAsync("some traffic", status => status.GetProperty("time").GetInt64() > began + (1000 * seconds));
        }

        await using var page = await OpenAsync(daemon, new()
        {
            Locale = "en-GB",
            ReducedMotion = ReducedMotion.Reduce,
            ViewportSize = new() { Width = 1200, Height = 820 },
            DeviceScaleFactor = 1.5f,
        });
        await Expect(page.State).ToHaveTextAsync("Healthy");
        await Expect(page.Page.Locator("#workers tr")).ToHaveCountAsync(3);
        var path = Path.Combine(root, folder, "monitor.png");
        _ = Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var picture = await page.Page.ScreenshotAsync(new() { Path = path });
        await enough.CancelAsync();
        await talking;
        foreach (var client in clients)
        {
            await client.DisposeAsync();
        }

        Assert.True(picture.Length > 20_000, $"A picture of {picture.Length} bytes shows no plots.");
    }

    /// <summary>Says something now and then, more and less, and reads what comes.</summary>
    private static Task TalkAsync(ChatClient client, CancellationToken enough, int seed = 1) => Task.Run(async () =>
    {
        var random = new Random(seed);
        for (var i = 0; !enough.IsCancellationRequested; i++)
        {
            _ = await client.SayAndReadAsync($"message {i} of {seed}", $"client {seed}");
            await Task.Delay(random.Next(20, 60 + (400 * (1 + (int)(i / 50.0 % 2)))), CancellationToken.None);
        }
    }, CancellationToken.None);

    private async Task<MonitorPage> OpenAsync(ApplianceDaemon daemon, BrowserNewContextOptions? options = null, Action<IPage>? prepare = null)
    {
        var port = await MonitoringPort.OfAsync(daemon);
        var profile = await browser.NewProfileAsync(options);
        var page = new MonitorPage(profile, await profile.NewPageAsync());
        prepare?.Invoke(page.Page);
        _ = await page.Page.GotoAsync(port.Url);
        return page;
    }

    /// <summary>The page in a profile of its own.</summary>
    private sealed class MonitorPage : IAsyncDisposable
    {
        private readonly IBrowserContext _profile;

        public MonitorPage(IBrowserContext profile, IPage page)
        {
            _profile = profile;
            Page = page;
            Complaints = Browser.ComplaintsOf(page);
        }

        public IPage Page { get; }

        public IReadOnlyList<string> Complaints { get; }

        public ILocator State => Page.GetByRole(AriaRole.Status);

        public ILocator Plot(string title) =>
            Page.Locator("article.card").Filter(new() { Has = Page.GetByRole(AriaRole.Heading, new() { Name = title, Exact = true }) });

        public ILocator Now(string title) => Plot(title).Locator(".now");

        public async ValueTask DisposeAsync() => await _profile.DisposeAsync();
    }
}
