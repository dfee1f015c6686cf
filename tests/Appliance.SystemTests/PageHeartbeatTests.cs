using Appliance.SystemTests.Harness;
using static Microsoft.Playwright.Assertions;

namespace Appliance.SystemTests;

/// <summary>The chat page on a path that dies without a word, while its user only reads. The clock of the page is the test's.</summary>
[Collection(BrowserGroup.Name)]
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class PageHeartbeatTests(Browser browser)
{
    private const int SilenceMs = 31_000;
    private const int AnswerMs = 6_000;
    private const int ConnectMs = 13_000;
    private const int StepMs = 500;

    /// <summary>After a silence the page asks by itself; and at once when something says that the path may be another one.</summary>
    [Theory]
    [InlineData(null)]
    [InlineData("online")]
    [InlineData("visibilitychange")]
    [InlineData("pageshow")]
    public async Task Dead_path_is_noticed_while_the_user_only_reads(string? happening)
    {
        await using var server = await ApplianceServer.StartAsync("--announce", "off");
        await using var path = new TcpPath(server);
        await using var page = await ChatPage.PrepareAsync(browser);
        await page.Page.Clock.InstallAsync();
        _ = await page.Page.GotoAsync(path.Url);
        await using var bob = await ChatClient.JoinAsync(server);
        _ = await bob.SayAndReadAsync("before", "bob");
        await Expect(page.Texts).ToHaveTextAsync(["before"]);
        await page.Page.Clock.PauseAtAsync(await page.NowAsync());

        path.Die();
        _ = await bob.SayAndReadAsync("meanwhile", "bob");
        await (happening switch
        {
            "online" => page.Page.EvaluateAsync("dispatchEvent(new Event('online'))"),
            "visibilitychange" => page.SetHiddenAsync(false),
            "pageshow" => page.Page.EvaluateAsync("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))"),
            _ => page.Page.Clock.RunForAsync(SilenceMs),
        });
        await Expect(page.Status).ToHaveTextAsync(happening is null ? "Reconnecting…" : "Online");
        await page.Page.Clock.RunForAsync(AnswerMs);
        await Expect(page.Status).ToHaveTextAsync("Reconnecting…");

        path.Revive();
        await page.Page.Clock.RunForAsync(ConnectMs);
        await page.Page.Clock.ResumeAsync();
        await Expect(page.Status).ToHaveTextAsync("Online");
        await Expect(page.Texts).ToHaveTextAsync(["before", "meanwhile"]);
    }

    /// <summary>A path that lives gives an answer, and the connection stays.</summary>
    [Fact]
    public async Task Silence_alone_ends_nothing()
    {
        await using var server = await ApplianceServer.StartAsync();
        await using var path = new TcpPath(server);
        await using var page = await ChatPage.PrepareAsync(browser);
        var ping = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var pong = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        page.Page.WebSocket += (_, socket) =>
        {
            socket.FrameSent += (_, frame) => _ = frame.Text?.Contains("ping", StringComparison.Ordinal) == true && ping.TrySetResult();
            socket.FrameReceived += (_, frame) => _ = frame.Text?.Contains("pong", StringComparison.Ordinal) == true && pong.TrySetResult();
        };
        await page.Page.Clock.InstallAsync();
        _ = await page.Page.GotoAsync(path.Url);
        await Expect(page.Status).ToHaveTextAsync("Online");
        await page.Page.Clock.PauseAtAsync(await page.NowAsync());
        for (var waited = 0; !ping.Task.IsCompleted && waited < SilenceMs; waited += StepMs)
        {
            await page.Page.Clock.RunForAsync(StepMs);
        }

        await TimeLimit.GuardAsync("answer to the heartbeat", async limit =>
        {
            await pong.Task.WaitAsync(limit);
            return true;
        });
        await page.Page.Clock.RunForAsync(AnswerMs);
        await Expect(page.Status).ToHaveTextAsync("Online");
        await using var bob = await ChatClient.JoinAsync(server);
        var seen = await bob.ReadUntilAsync(message => message.Type == "system");
        Assert.DoesNotContain(seen, message => message.Message!.Contains("disconnected", StringComparison.Ordinal));
        await Expect(page.Log).Not.ToContainTextAsync("disconnected");
        Assert.Empty(page.Complaints);
    }
}
