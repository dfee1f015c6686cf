using System.Globalization;
using System.Text.Json;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary><c>--proc=MIN-MAX</c>: as many workers as the load asks for, and no message lost when there are fewer again.</summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class WorkerScalingTests
{
    [Fact]
    public async Task Load_brings_workers_and_calm_takes_them_away()
    {
        await using var daemon = new ApplianceDaemon();
        var started = await daemon.LaunchAsync(["--proc=1-2", "--announce", "off", "--max-rate", "0", "--history", "0", .. MonitoringPort.Options]);
        Assert.True(started.ExitCode == 0, started.ToString());
        var port = await MonitoringPort.OfAsync(daemon);
        var status = await port.WaitForStatusAsync("one worker", all => Number(all, "workers") == 1);
        Assert.Equal((1, 2), (Number(status, "workers_min"), Number(status, "workers_max")));
        await using var ann = await daemon.JoinAsync("room=calm");
        using var enough = new CancellationTokenSource();
        var flooding = Enumerable.Range(0, 3).Select(i => Task.Run(() => FloodAsync(daemon, $"room=flood-{i}", enough.Token))).ToArray();
        _ = await WaitAsync(() => port.StatusAsync(), all => Number(all, "workers") == 2);
        _ = await daemon.WaitForLogAsync("idle [0-9]+ %: 2 workers instead of 1");
        _ = await ann.SayAndReadAsync("meanwhile");
        await enough.CancelAsync();
        await Task.WhenAll(flooding);

        _ = await WaitAsync(() => port.StatusAsync(), all => Number(all, "workers") == 1);
        _ = await daemon.WaitForLogAsync("idle [0-9]+ %: 1 workers instead of 2");
        _ = await ann.SayAndReadAsync("still connected");
        Assert.Contains("workers: 1 of 1 to 2, ", await daemon.SucceedAsync("status"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Range_is_reloaded()
    {
        await using var daemon = new ApplianceDaemon();
        var config = Path.Combine(daemon.Folder, "appliance.conf");
        await File.WriteAllTextAsync(config, "proc = 1-2\n");
        var started = await daemon.LaunchAsync(["--config", config, .. MonitoringPort.Options]);
        Assert.True(started.ExitCode == 0, started.ToString());
        var port = await MonitoringPort.OfAsync(daemon);
        await File.WriteAllTextAsync(config, "proc = 3-5\n");
        _ = await daemon.SucceedAsync("reload");
        var status = await port.WaitForStatusAsync("three workers", all => Number(all, "workers") == 3);
        Assert.Equal((3, 5), (Number(status, "workers_min"), Number(status, "workers_max")));
        await File.WriteAllTextAsync(config, "proc = 5-3\n");
        var refused = await daemon.RunCommandAsync("reload");
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("proc: '5-3' must be a number from 1 to 64, a range as 2-8, or auto", refused.Error, StringComparison.Ordinal);
        Assert.Equal(3, Number(await port.StatusAsync(), "workers"));
    }

    /// <summary>Sends what keeps a worker busy: whole buffers of messages, whose answers nobody reads.</summary>
    private static async Task FloodAsync(ApplianceDaemon daemon, string query, CancellationToken enough)
    {
        var messages = ClientFrame.Encode(Enumerable.Range(0, 2000).Select(i => ClientFrame.Text(ChatClient.Json(i.ToString(CultureInfo.InvariantCulture)))));
        while (!enough.IsCancellationRequested)
        {
            await using var client = await daemon.JoinAsync(query);
            try
            {
                while (!enough.IsCancellationRequested)
                {
                    await client.Raw.SendAsync(messages);
                }
            }
            catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException)
            {
                // Overtaken inside a frame: reset, and once more.
            }
        }
    }

    /// <summary>Longer than one event: five seconds of load, or ten of calm, are asked for.</summary>
    private static async Task<JsonElement> WaitAsync(Func<Task<JsonElement>> ask, Func<JsonElement, bool> isAsExpected)
    {
        using var limit = new CancellationTokenSource(3 * TimeLimit.Event);
        JsonElement last;
        while (!isAsExpected(last = await ask()))
        {
            Assert.False(limit.IsCancellationRequested, last.ToString());
            await Task.Delay(100);
        }

        return last;
    }

    private static double Number(JsonElement element, string name) => element.GetProperty(name).GetDouble();
}
