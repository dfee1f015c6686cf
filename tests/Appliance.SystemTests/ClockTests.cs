using System.Globalization;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>
/// The chat on hosts whose clock is wrong, or is put right while it runs: a board without a battery starts in 1970. Ids have 16 digits, grow by
/// one, and are exact as a JavaScript number; every frame is JSON; nothing waits for the clock.
/// </summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class ClockTests
{
    private const long ExactMax = 1L << 53;

    private static readonly string[] Dates =
        ["1970-01-01T00:00:10Z", "2000-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2286-11-20T17:46:30Z", "2300-01-01T00:00:00Z"];

    /// <summary>A moment before the nanoseconds since 1970 take another bit: 2^62, 2^63, 2^64.</summary>
    private static readonly string[] Turns = ["2116-02-20T23:53:36Z", "2262-04-11T23:47:15Z", "2554-07-21T23:34:32Z"];

    /// <summary>Each date with the host's monotonic clock, and with one that counts from 1970 as well.</summary>
    public static TheoryData<string, bool> Times
    {
        get
        {
            var times = new TheoryData<string, bool>();
            Array.ForEach(Dates, date => times.Add(date, false));
            Array.ForEach([.. Dates, .. Turns], date => times.Add(date, true));
            return times;
        }
    }

    [Theory]
    [MemberData(nameof(Times))]
    public async Task Chat_works_at_any_time(string time, bool fakesMonotonic)
    {
        using var clock = new FakeClock(DateTimeOffset.Parse(time, CultureInfo.InvariantCulture), fakesMonotonic);
        await using var server = await ApplianceServer.StartAsync(clock, "--max-rate", "5");
        var said = new List<ChatMessage>();
        await using var ann = await ChatClient.JoinAsync(server, "history=0");
        said.Add(await ann.ReadAsync());
        await SayAsync(ann, clock, said, 3);
        foreach (var day in (int[])[1, -2, 1])
        {
            clock.Set(clock.Now.AddDays(day));
            await SayAsync(ann, clock, said, 2);
        }

        Assert.Equal(Enumerable.Range(0, said.Count).Select(i => said[0].IdNumber + i), said.Select(message => message.IdNumber));
        Assert.InRange(said[^1].IdNumber, 1_000_000_000_000_000, ExactMax);
        await using (var newcomer = await ChatClient.JoinAsync(server))
        {
            foreach (var message in said.Skip(1))
            {
                Assert.Equal(message.ToString(), (await newcomer.ReadAsync()).ToString());
            }
        }

        var history = await server.RunCommandAsync("history", "--json", "-n", "100");
        Assert.True(history.ExitCode == 0, history.Error);
        var lines = history.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.All(said.Skip(1), message => Assert.Contains(message.ToString(), lines));
        var shown = await server.RunCommandAsync("history");
        Assert.True(shown.ExitCode == 0, shown.Error);
        Assert.Contains("ann: 1", shown.Output, StringComparison.Ordinal);
    }

    /// <summary>Time limits are of a clock that nobody sets: none ends early, and none for ever, when the other one jumps.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    [InlineData(3653)]
    public async Task Time_limits_do_not_jump_with_the_clock(int days)
    {
        using var clock = new FakeClock(DateTimeOffset.UtcNow);
        await using var server = await ApplianceServer.StartAsync(clock, "--max-rate", "1", "--ping", "1", "--timeout", "60");
        await using var ann = await ChatClient.JoinAsync(server);
        _ = await ann.SayAndReadAsync("before");
        clock.Set(clock.Now.AddDays(days));
        _ = await ann.SayAndReadAsync("after");
        ServerFrame frame;
        do
        {
            frame = await ann.Raw.ReadFrameAsync();
        }
        while (frame.Opcode != Opcode.Ping);
        await using var bob = await ChatClient.JoinAsync(server);
        Assert.Equal("before", (await bob.ReadTypeAsync("usermsg")).Message);
    }

    /// <summary>The monotonic clock is past 2^63 nanoseconds, or begins anew at 0: what waits for it goes on.</summary>
    [Theory]
    [InlineData("2300-01-01T00:00:00Z", 0)]
    [InlineData("2262-04-11T23:47:10Z", 60)]
    [InlineData("2300-01-01T00:00:00Z", -86_400)]
    public async Task Time_limits_need_no_monotonic_clock_of_a_certain_size(string time, int jumpSeconds)
    {
        using var clock = new FakeClock(DateTimeOffset.Parse(time, CultureInfo.InvariantCulture), fakesMonotonic: true);
        await using var server = await ApplianceServer.StartAsync(clock, [.. MonitoringPort.Options, "--ping", "1", "--timeout", "60"]);
        var port = await MonitoringPort.OfAsync(server);
        await using var ann = await ChatClient.JoinAsync(server);
        _ = await ann.SayAndReadAsync("before");
        clock.Set(clock.Now.AddSeconds(jumpSeconds));
        for (var pings = 0; pings < 2;)
        {
            pings += (await ann.Raw.ReadFrameAsync()).Opcode == Opcode.Ping ? 1 : 0;
        }

        _ = await port.WaitForStatusAsync("sample behind the jump", status => status.GetProperty("requests").GetInt64() == 1);
        Assert.Equal(200, (await port.GetAsync("/healthz")).Status);
        Assert.Equal(0, (await server.RunCommandAsync("reload")).ExitCode);
    }

    /// <summary>How long the server runs is no difference of two times of the wall.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    [InlineData(3653)]
    public async Task Figures_do_not_jump_with_the_clock(int days)
    {
        using var clock = new FakeClock(DateTimeOffset.UtcNow);
        await using var server = await ApplianceServer.StartAsync(clock, MonitoringPort.Options);
        var port = await MonitoringPort.OfAsync(server);
        await using var ann = await ChatClient.JoinAsync(server);
        _ = await port.WaitForStatusAsync("first sample", status => status.GetProperty("time").GetInt64() > 0);
        clock.Set(clock.Now.AddDays(days));
        var after = await port.WaitForStatusAsync(
            "sample of the other time", status => Math.Abs(status.GetProperty("time").GetInt64() - clock.Now.ToUnixTimeMilliseconds()) < 60_000);
        Assert.InRange(after.GetProperty("uptime_seconds").GetDouble(), 0.001, 600);
        Assert.InRange(after.GetProperty("per_worker")[0].GetProperty("uptime_seconds").GetDouble(), 0.001, 600);
    }

    /// <summary>Ids of a clock that was ahead are higher than those of the right time: whoever has one is told from where the room goes on.</summary>
    [Theory]
    [InlineData("2036-12-01T00:00:00Z")]
    [InlineData("2300-01-01T00:00:00Z")]
    public async Task Gap_leads_back_when_the_clock_was_ahead_and_memory_is_lost(string ahead)
    {
        using var clock = new FakeClock(DateTimeOffset.Parse(ahead, CultureInfo.InvariantCulture));
        await using var server = await ApplianceServer.StartAsync(clock, "--announce", "off");
        await using var ann = await ChatClient.JoinAsync(server);
        var future = await ann.SayAndReadAsync("from the future");
        Assert.Equal(0, await server.StopAsync());
        Assert.Equal(0, (await server.RunCommandAsync("stop", "--purge")).ExitCode);
        clock.Set(DateTimeOffset.UtcNow);
        await server.RestartAsync();

        await using var newcomer = await ChatClient.JoinAsync(server);
        var first = await newcomer.SayAndReadAsync("of today");
        Assert.True(first.IdNumber < future.IdNumber, $"{first} behind {future}");
        await using var returning = await ChatClient.JoinAsync(server, $"after={future.Id}");
        var gap = await returning.ReadAsync();
        Assert.Equal("gap", gap.Type);
        Assert.Equal(first.IdNumber - 1, gap.IdNumber);
        Assert.Equal(first.ToString(), (await returning.ReadAsync()).ToString());

        await using var resumed = await ChatClient.JoinAsync(server, $"after={gap.Id}");
        Assert.Equal(first.ToString(), (await resumed.ReadAsync()).ToString());
    }

    private static async Task SayAsync(ChatClient client, FakeClock clock, List<ChatMessage> said, int count)
    {
        for (var i = 0; i < count; i++)
        {
            await client.SayAsync(i.ToString(CultureInfo.InvariantCulture));
            var message = await client.ReadAsync();
            Assert.Equal("usermsg", message.Type);
            Assert.InRange(message.Time!.Value - clock.Now.ToUnixTimeMilliseconds(), -30_000, 30_000);
            said.Add(message);
        }
    }
}
