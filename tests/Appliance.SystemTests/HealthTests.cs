using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary><c>/healthz</c> and <c>/readyz</c>: that a dead or stuck worker is told, and that all is well again afterwards.</summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class HealthTests
{
    [Fact]
    public async Task Stopped_worker_is_stuck_until_it_goes_on()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(2, ["--announce", "off", .. MonitoringPort.Options]);
        var port = await MonitoringPort.OfAsync(daemon);
        Assert.Equal(("ok\n", "ready\n"), (await port.TextAsync("/healthz"), await port.TextAsync("/readyz")));
        await ApplianceDaemon.SignalAsync(daemon.Workers()[1], "STOP");
        try
        {
            await WaitForAsync(port, "/healthz", 503);
            var (health, ready) = (await port.GetAsync("/healthz"), await port.GetAsync("/readyz"));
            Assert.Equal((503, "worker 1 is stuck\n"), (health.Status, health.Text));
            Assert.Equal((503, "worker 1 is stuck\n"), (ready.Status, ready.Text));
            Assert.StartsWith("CRITICAL - worker 1 is stuck, ", await port.TextAsync("/nagios"), StringComparison.Ordinal);
            Assert.Equal("1", await port.ZabbixAsync("appliance.unhealthy\n"u8.ToArray()));
            var plugin = await daemon.RunCommandAsync("status", "--nagios");
            Assert.Equal((2, true), (plugin.ExitCode, plugin.Output.StartsWith("CRITICAL - worker 1 is stuck, ", StringComparison.Ordinal)));
        }
        finally
        {
            await ApplianceDaemon.SignalAsync(daemon.Workers()[1], "CONT");
        }

        await WaitForAsync(port, "/readyz", 200);
        Assert.Equal("ok\n", await port.TextAsync("/healthz"));
    }

    [Fact]
    public async Task Worker_that_keeps_dying_is_dead_during_its_pauses()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(2, ["--announce", "off", .. MonitoringPort.Options]);
        var port = await MonitoringPort.OfAsync(daemon);
        var told = "";
        for (var failures = 1; told.Length == 0; failures++)
        {
            Assert.InRange(failures, 1, 10);
            await daemon.WaitUntilAsync("worker 1", () => daemon.Workers().ContainsKey(1));
            await ApplianceDaemon.SignalAsync(daemon.Workers()[1], "ABRT");
            await daemon.WaitUntilAsync(
                $"death {failures}", () => daemon.Log.Count(line => line.Contains("died: signal 6", StringComparison.Ordinal)) == failures);

            // Pauses grow until they are longer than the time between two samples.
            await daemon.WaitUntilAsync("worker 1, or a sign of its death", () =>
            {
                var health = port.GetAsync("/healthz").Result;
                told = health.Status == 503 ? health.Text : told;
                return told.Length > 0 || daemon.Workers().ContainsKey(1);
            });
        }

        Assert.Contains("worker 1 is dead", told, StringComparison.Ordinal);
        await WaitForAsync(port, "/readyz", 200);
    }

    /// <summary>What was told as busy before a worker died in the middle of its work is not taken back: a counter that falls was begun anew.</summary>
    [Fact]
    public async Task Counters_never_go_down_when_a_busy_worker_dies()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(1, ["--echo", "--announce", "off", .. MonitoringPort.Options]);
        var port = await MonitoringPort.OfAsync(daemon);
        List<RawClient> clients = [];
        for (var i = 0; i < 4; i++)
        {
            // So many that the worker is nearly always in a turn.
            clients.Add(await RawClient.ConnectAsync(daemon.Address));
            Assert.Equal(101, (await clients[i].UpgradeAsync("/echo")).Status);
        }

        var talking = Task.WhenAll(clients.SelectMany(client => new[] { FloodAsync(client), DrainAsync(client) }));
        _ = await port.WaitForStatusAsync("work", status => status.GetProperty("rps").GetDouble() > 0);
        var worker = daemon.Workers()[0];
        var told = await TimeLimit.GuardAsync("a stop in the middle of a turn", async limit =>
        {
            while (true)
            {
                limit.ThrowIfCancellationRequested();
                await ApplianceDaemon.SignalAsync(worker, "STOP");
                var (first, second) = (await BusyAfterAsync(port, 2), await BusyAfterAsync(port, 1));
                if (second > first)
                {
                    return second;
                }

                await ApplianceDaemon.SignalAsync(worker, "CONT");
            }
        });
        await ApplianceDaemon.SignalAsync(worker, "KILL");
        await talking;
        await daemon.WaitUntilAsync("another worker", () => daemon.Workers().TryGetValue(0, out var successor) && successor != worker);
        for (var sample = 0; sample < 3; sample++)
        {
            var busy = await BusyAfterAsync(port, 1);
            Assert.True(busy >= told, $"{busy} after {told}");
            told = busy;
        }

        foreach (var client in clients)
        {
            await client.DisposeAsync();
        }
    }

    /// <summary>However short the time is after which it is killed, a stopped worker is told by the port and by the command before.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public async Task Stopped_worker_is_told_before_it_is_killed(int workerTimeout)
    {
        await using var daemon = await ApplianceDaemon.StartAsync(2, ["--announce", "off", "--worker-timeout", $"{workerTimeout}", .. MonitoringPort.Options]);
        var port = await MonitoringPort.OfAsync(daemon);
        await daemon.WaitUntilAsync("a second of watching", () => port.StatusAsync().Result.GetProperty("uptime_seconds").GetDouble() > 2);
        var stopped = daemon.Workers()[1];
        await ApplianceDaemon.SignalAsync(stopped, "STOP");
        await WaitForAsync(port, "/healthz", 503);
        var status = await daemon.RunCommandAsync("status");
        Assert.Equal("worker 1 is stuck\n", (await port.GetAsync("/healthz")).Text);
        Assert.Contains("worker 1 is stuck", status.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(daemon.Log, line => line.Contains("has not turned", StringComparison.Ordinal));
        await daemon.WaitUntilAsync("another worker", () => daemon.Workers().TryGetValue(1, out var successor) && successor != stopped);
        await WaitForAsync(port, "/readyz", 200);
    }

    /// <summary>A worker that is asleep because nothing happens is well, also where one that hangs is killed soon.</summary>
    [Fact]
    public async Task Idle_server_stays_healthy()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(
            2, ["--announce", "off", "--ping", "3600", "--timeout", "7200", "--worker-timeout", "1", .. MonitoringPort.Options]);
        var port = await MonitoringPort.OfAsync(daemon);
        var began = (await port.StatusAsync()).GetProperty("time").GetInt64();
        _ = await port.WaitForStatusAsync("ten idle seconds", status =>
        {
            Assert.True(status.GetProperty("ready").GetBoolean(), status.ToString());
            return status.GetProperty("time").GetInt64() > began + 10_000;
        });
    }

    /// <summary>Until the worker dies.</summary>
    private static async Task FloodAsync(RawClient client)
    {
        var message = ClientFrame.Encode(ClientFrame.Text(new string('x', 60_000)));
        _ = await Record.ExceptionAsync(async () =>
        {
            while (true)
            {
                await client.SendAsync(message);
            }
        });
    }

    private static async Task DrainAsync(RawClient client) => _ = await Record.ExceptionAsync(async () =>
    {
        while (true)
        {
            _ = await client.ReadFrameAsync();
        }
    });

    /// <summary>Busy seconds so many samples from now.</summary>
    private static async Task<double> BusyAfterAsync(MonitoringPort port, int samples)
    {
        var busy = 0.0;
        for (var sample = 0; sample < samples; sample++)
        {
            var time = (await port.StatusAsync()).GetProperty("time").GetInt64();
            var status = await port.WaitForStatusAsync("a sample", status => status.GetProperty("time").GetInt64() > time);
            busy = status.GetProperty("busy_seconds").GetDouble();
        }

        return busy;
    }

    private static Task<bool> WaitForAsync(MonitoringPort port, string target, int status) => TimeLimit.GuardAsync($"{status} of {target}", async limit =>
    {
        while ((await port.GetAsync(target)).Status != status)
        {
            await Task.Delay(50, limit);
        }

        return true;
    });
}
