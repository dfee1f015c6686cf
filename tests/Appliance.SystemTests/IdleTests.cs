using System.Text.Json;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>A single process that nobody uses does nothing at all, and yet knows its figures.</summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class IdleTests
{
    private static readonly string[] Quiet = ["--announce", "off", "--ping", "3600", "--timeout", "7200"];

    [Fact]
    public async Task Process_without_a_port_sleeps_and_status_tells_its_figures()
    {
        await using var server = await ApplianceServer.StartAsync(Quiet);
        await using var ann = await ChatClient.JoinAsync(server);
        _ = await ann.SayAndReadAsync("hello");
        var restMs = await RestAsync(server);
        Assert.Equal(0, (await server.RunCommandAsync("queue", "send", "--type", "77", "nobody takes it")).ExitCode);
        var json = JsonDocument.Parse((await server.RunCommandAsync("status", "--json")).Output).RootElement;
        Assert.Equal((1, 1, 1, 1), (Number(json, "requests"), Number(json, "connections"), Number(json, "rooms"), Number(json, "queue_messages")));
        Assert.Equal((0, 0, 100), (Number(json, "rps"), Number(json, "avg_request_ms"), Number(json, "idle_percent")));
        Assert.Equal((server.Pid, true), (json.GetProperty("pid").GetInt32(), json.GetProperty("ready").GetBoolean()));
        Assert.True(Number(json, "memory_bytes") > 1 << 20, json.ToString());
        Assert.True(Number(json, "time") >= restMs, json.ToString());
        var table = (await server.RunCommandAsync("status")).Output;
        Assert.Matches($@"(?m)^ +0 +{server.Pid}  serving +1 +1 ", table);
        Assert.Contains("command queue: 1 messages", table, StringComparison.Ordinal);
        Assert.DoesNotContain("seconds old", table, StringComparison.Ordinal);
    }

    /// <summary>Whoever wakes it is counted in a second of its own, however long the rest was.</summary>
    [Fact]
    public async Task Process_with_a_port_sleeps_until_somebody_comes()
    {
        await using var server = await ApplianceServer.StartAsync([.. Quiet, .. MonitoringPort.Options]);
        var port = await MonitoringPort.OfAsync(server);
        await using var ann = await ChatClient.JoinAsync(server);
        _ = await ann.SayAndReadAsync("hello");
        var restMs = await RestAsync(server);
        Assert.Equal("ok\n", await port.TextAsync("/healthz"));
        var rested = await port.StatusAsync();
        Assert.Equal((1, 0, 100), (Number(rested, "requests"), Number(rested, "rps"), Number(rested, "idle_percent")));
        Assert.True(Number(rested, "time") >= restMs, rested.ToString());

        restMs = await RestAsync(server);
        for (var i = 0; i < 10; i++)
        {
            _ = await ann.SayAndReadAsync($"message {i}");
        }

        _ = await port.WaitForStatusAsync("eleven messages", status =>
        {
            Assert.True(Number(status, "ready") + Number(status, "healthy") == 2, status.ToString());

            // Times are whole milliseconds.
            var beganMs = Number(status, "time") - (Number(status, "interval_seconds") * 1000);
            Assert.True(Number(status, "rps") == 0 || beganMs >= restMs - 2, $"{status} since {restMs}");
            return Number(status, "requests") == 11 && Number(status, "rps") > 0;
        });
    }

    /// <summary>Waits until no thread of the server has been awake for longer than two samples are apart. Returns when that was.</summary>
    private static async Task<long> RestAsync(ApplianceServer server) => await TimeLimit.GuardAsync("rest of the whole process", async limit =>
    {
        for (var before = ""; before != Switches(server.Pid);)
        {
            before = Switches(server.Pid);
            await Task.Delay(TimeSpan.FromSeconds(2.5), limit);
        }

        return DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
    });

    /// <summary>How often each thread has begun to wait.</summary>
    private static string Switches(int pid) => string.Join(' ', Directory.GetDirectories($"/proc/{pid}/task").Order(StringComparer.Ordinal).Select(
        thread => File.ReadLines($"{thread}/status").First(line => line.StartsWith("voluntary_ctxt_switches:", StringComparison.Ordinal))));

    private static double Number(JsonElement element, string name) =>
        element.GetProperty(name) is { ValueKind: JsonValueKind.Number } number ? number.GetDouble()
            : element.GetProperty(name).GetBoolean() ? 1 : 0;
}
