using Microsoft.Playwright;

namespace Appliance.SystemTests.Harness;

/// <summary>Debian's Chromium, one process for all tests of the page.</summary>
public sealed class Browser : IAsyncLifetime
{
    /// <summary>Environment variable that names another Chromium.</summary>
    public const string PathVariable = "APPLIANCE_CHROMIUM";

    private static readonly string[] Switches =
    [
        "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ];

    private string _path = "";
    private IPlaywright? _playwright;
    private IBrowser? _chromium;

    /// <inheritdoc/>
    public async Task InitializeAsync()
    {
        var path = Environment.GetEnvironmentVariable(PathVariable) is { Length: > 0 } named ? named : "/usr/bin/chromium";
        Assert.True(File.Exists(path), $"'{path}' is not there: run './build.sh prerequisites' first, or set {PathVariable}.");
        Assertions.SetDefaultExpectTimeout((float)TimeLimit.Event.TotalMilliseconds);
        _playwright = await Playwright.CreateAsync();
        _path = path;
        _chromium = await LaunchAsync();
    }

    /// <summary>A process of its own, for switches that all its pages share.</summary>
    public Task<IBrowser> LaunchAsync(params string[] switches) =>
        _playwright!.Chromium.LaunchAsync(new() { ExecutablePath = _path, Args = [.. Switches, .. switches] });

    /// <summary>A new profile: nothing remembered, nothing shared with other pages.</summary>
    public async Task<IBrowserContext> NewProfileAsync(BrowserNewContextOptions? options = null)
    {
        var profile = await _chromium!.NewContextAsync(options ?? new() { Locale = "en-GB", ReducedMotion = ReducedMotion.Reduce });
        profile.SetDefaultTimeout((float)TimeLimit.Event.TotalMilliseconds);
        return profile;
    }

    /// <summary>What a page's console will hold of errors and warnings, violations of the Content-Security-Policy among them.</summary>
    public static IReadOnlyList<string> ComplaintsOf(IPage page)
    {
        var complaints = new List<string>();
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning")
            {
                complaints.Add(message.Text);
            }
        };
        page.PageError += (_, error) => complaints.Add(error);
        return complaints;
    }

    /// <inheritdoc/>
    public async Task DisposeAsync()
    {
        if (_chromium is not null)
        {
            await _chromium.CloseAsync();
        }

        _playwright?.Dispose();
    }
}

/// <summary>The test classes that share the browser.</summary>
[CollectionDefinition(Name)]
public sealed class BrowserGroup : ICollectionFixture<Browser>
{
    public const string Name = "Browser";
}
