using System.Globalization;
using System.Text;
using System.Text.Json;
using Appliance.SystemTests.Harness;

namespace Appliance.SystemTests;

/// <summary>The figures: that they count what happens, the same in all formats, and that the formats' own tools accept them.</summary>
[Trait(TestEngine.Name, TestEngine.Any)]
public sealed class MonitoringTests
{
    [Fact]
    public async Task Figures_count_what_clients_do()
    {
        await using var server = await ApplianceServer.StartAsync(["--echo", "--announce", "off", .. MonitoringPort.Options]);
        var port = await MonitoringPort.OfAsync(server);
        await using var ann = await ChatClient.JoinAsync(server);
        await using var bob = await ChatClient.JoinAsync(server);
        for (var i = 0; i < 10; i++)
        {
            await ann.SayAsync($"message {i}");
            _ = await ann.ReadMessageAsync($"message {i}");
            _ = await bob.ReadMessageAsync($"message {i}");
        }

        await ann.Raw.SendAsync(ClientFrame.Text("no JSON"));
        Assert.Equal("bad_json", (await ann.ReadAsync()).Code);
        await using (var echo = await RawClient.OpenAsync(server, "/echo"))
        {
            await echo.SendAsync(ClientFrame.Text("and back"));
            _ = await echo.ReadFrameAsync();
            await echo.SendAsync(ClientFrame.Close(4321));
            Assert.Equal(4321, await echo.ReadCloseAsync());
        }

        await using (var stranger = await RawClient.ConnectAsync(server))
        {
            await stranger.SendAsync(RawClient.Request("GET /nothing HTTP/1.1", "Host: chat"));
            Assert.Equal(404, (await stranger.ReadResponseAsync()).Status);
        }

        bob.Raw.Reset();
        var status = await port.WaitForStatusAsync("figures of all that", all => Number(all, "connections") == 1 && Number(all, "closed") == 2);
        Assert.Equal((11, 20, 3), (Number(status, "requests"), Number(status, "deliveries"), Number(status, "handshakes")));
        Assert.Equal((4, 1, 1, 1), (Number(status, "accepted"), Number(status, "rejected"), Number(status, "refused_messages"), Number(status, "rooms")));
        Assert.Equal((1, 1), (Number(status.GetProperty("closed_by_code"), "1006"), Number(status.GetProperty("closed_by_code"), "4xxx")));
        Assert.Equal(1, Number(status.GetProperty("rejected_by_reason"), "not_found"));
        Assert.Equal(1, Number(status.GetProperty("refused_messages_by_code"), "bad_json"));
        Assert.Equal(20, status.GetProperty("delivery_histogram").GetProperty("count").EnumerateArray().Sum(count => count.GetInt64()));
        Assert.All(
            ["received_bytes", "sent_bytes", "memory_bytes", "uptime_seconds", "busy_seconds", "request_seconds", "log_head_bytes"],
            name => Assert.True(Number(status, name) > 0, name));
        Assert.True(Number(status, "busy_seconds") >= Number(status, "request_seconds"));
        Assert.Equal((true, true), (status.GetProperty("healthy").GetBoolean(), status.GetProperty("ready").GetBoolean()));
        var worker = Assert.Single(status.GetProperty("per_worker").EnumerateArray());
        Assert.Equal((server.Pid, "serving", 11), (worker.GetProperty("pid").GetInt32(), worker.GetProperty("state").GetString(), Number(worker, "requests")));
    }

    /// <summary>Asked four times within one interval, with traffic going on, the port tells one and the same.</summary>
    [Fact]
    public async Task Same_interval_has_the_same_numbers_in_all_formats()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(2, ["--announce", "off", "--max-rate", "0", .. MonitoringPort.Options]);
        var port = await MonitoringPort.OfAsync(daemon);
        await using var ann = await daemon.JoinWorkerAsync(0);
        await using var bob = await daemon.JoinWorkerAsync(1);
        using var enough = new CancellationTokenSource();
        var talking = Task.Run(async () =>
        {
            while (!enough.IsCancellationRequested)
            {
                // Texts of their own: taking the other's for one's own, a client would fall behind until the room's ring overtakes it.
                _ = await ann.SayAndReadAsync("hello from ann");
                _ = await bob.SayAndReadAsync("hello from bob");
            }
        });
        _ = await port.WaitForStatusAsync("traffic", status => Number(status, "rps") > 1);
        var (before, prometheus, nagios, zabbix) = await TimeLimit.GuardAsync("four answers within one interval", async limit =>
        {
            while (true)
            {
                limit.ThrowIfCancellationRequested();
                var before = await port.StatusAsync();
                var prometheus = MonitoringPort.Series(await port.TextAsync("/metrics"));
                var nagios = MonitoringPort.PerformanceData(await port.TextAsync("/nagios"));
                var zabbix = new Dictionary<string, double>(StringComparer.Ordinal);
                foreach (var name in nagios.Keys)
                {
                    zabbix[name] = double.Parse(await port.ZabbixAsync(Encoding.ASCII.GetBytes($"appliance.{name}\n")), CultureInfo.InvariantCulture);
                }

                if (Number(await port.StatusAsync(), "time") == Number(before, "time"))
                {
                    return (before, prometheus, nagios, zabbix);
                }
            }
        });
        await enough.CancelAsync();
        try
        {
            await talking;
        }
        catch (Exception e)
        {
            throw new InvalidOperationException(daemon.Tail(), e);
        }

        Assert.InRange(nagios.Count, 20, 100);
        Assert.All(nagios, one => Assert.Equal(Number(before, one.Key), one.Value, 6));
        Assert.All(nagios, one => Assert.Equal(one.Value, zabbix[one.Key], 6));
        (string Name, string Prometheus, double Factor)[] promised =
        [
            ("requests", "appliance_requests_total", 1), ("rps", "appliance_requests_per_second", 1), ("avg_request_ms", "appliance_request_seconds_avg", 1000),
            ("idle_percent", "appliance_idle_ratio", 100), ("connections", "appliance_connections", 1), ("deliveries", "appliance_deliveries_total", 1),
            ("memory_bytes", "appliance_memory_bytes", 1), ("workers", "appliance_workers", 1), ("rooms", "appliance_rooms", 1),
        ];
        Assert.All(promised, one => Assert.Equal(Number(before, one.Name), prometheus[one.Prometheus] * one.Factor, 5));
        Assert.Equal(
            Number(before, "requests"),
            prometheus["appliance_worker_requests_total{worker=\"0\"}"] + prometheus["appliance_worker_requests_total{worker=\"1\"}"]);
        Assert.Equal(Number(before, "deliveries"), prometheus["appliance_delivery_seconds_count"]);
        Assert.All((string[])["requests", "deliveries", "connections", "rps"], name => Assert.Equal(
            Number(before, name), before.GetProperty("per_worker").EnumerateArray().Sum(worker => Number(worker, name)), 5));
    }

    [Fact]
    public async Task Counts_survive_a_worker_and_its_death_is_counted()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(1, ["--announce", "off", .. MonitoringPort.Options]);
        var port = await MonitoringPort.OfAsync(daemon);
        await using (var ann = await daemon.JoinAsync())
        {
            _ = await ann.SayAndReadAsync("one");
            _ = await port.WaitForStatusAsync("the message", status => Number(status, "requests") == 1);
            await ApplianceDaemon.SignalAsync(daemon.Workers()[0], "KILL");
        }

        _ = await port.WaitForStatusAsync("a successor", status => Number(status, "restarts") == 1 && Number(status, "workers") == 1);
        await using var bob = await daemon.JoinAsync("history=0");
        _ = await bob.SayAndReadAsync("two");
        var status = await port.WaitForStatusAsync("both messages", status => Number(status, "requests") == 2);
        Assert.Equal(2, Number(status, "handshakes"));
    }

    /// <summary>Twice, because the workers of two masters use two sets of slots in turns.</summary>
    [Fact]
    public async Task Upgrade_keeps_the_port_and_the_counts()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(2, ["--announce", "off", .. MonitoringPort.Options]);
        var port = await MonitoringPort.OfAsync(daemon);
        await using var ann = await daemon.JoinAsync();
        for (var upgrades = 1; upgrades <= 2; upgrades++)
        {
            _ = await ann.SayAndReadAsync($"before upgrade {upgrades}");
            _ = await daemon.SucceedAsync("upgrade");
            var status = await port.WaitForStatusAsync(
                "figures of the new process", all => Number(all, "pid") == daemon.Master.Pid && Number(all, "workers") == 2);
            Assert.Equal(
                (upgrades, upgrades, 1, 1),
                (Number(status, "requests"), Number(status, "deliveries"), Number(status, "connections"), Number(status, "accepted")));
            Assert.Equal([0, 1], status.GetProperty("per_worker").EnumerateArray().Select(worker => worker.GetProperty("worker").GetInt32()));
            Assert.True(status.GetProperty("ready").GetBoolean(), status.ToString());
        }
    }

    /// <summary>What others leave in the server's queue is counted: the server takes messages of type 1 alone.</summary>
    [Fact]
    public async Task Command_queue_is_measured()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(1, ["--announce", "off", .. MonitoringPort.Options]);
        var port = await MonitoringPort.OfAsync(daemon);
        _ = await port.WaitForStatusAsync("an empty queue", status => Number(status, "queue_messages") == 0);
        _ = await daemon.SucceedAsync("queue", "send", "--plain", "--type", "77", "hello");
        _ = await daemon.SucceedAsync("queue", "send", "--plain", "--type", "78", "world!");
        var status = await port.WaitForStatusAsync("two messages", all => Number(all, "queue_messages") == 2);
        Assert.Equal(11, Number(status, "queue_bytes"));
        Assert.Contains("command queue: 2 messages", await daemon.SucceedAsync("status"), StringComparison.Ordinal);
        _ = await daemon.SucceedAsync("queue", "remove");
        _ = await port.WaitForStatusAsync("another queue", all => Number(all, "queue_messages") == 0);
    }

    [Fact]
    public async Task Promtool_accepts_the_text_and_the_rules()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(2, ["--announce", "off", .. MonitoringPort.Options]);
        var port = await MonitoringPort.OfAsync(daemon);
        await using var ann = await daemon.JoinAsync();
        _ = await ann.SayAndReadAsync("hello");
        var file = Path.Combine(daemon.Folder, "metrics.txt");
        await File.WriteAllTextAsync(file, await port.TextAsync("/metrics"));
        var checkedMetrics = await CommandResult.RunAsync("sh", "-c", "promtool check metrics < \"$0\"", file);
        Assert.True(checkedMetrics is { ExitCode: 0, Output: "", Error: "" }, checkedMetrics.ToString());
        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", (await port.GetAsync("/metrics")).Header("Content-Type"));
        var rules = await CommandResult.RunAsync("promtool", "check", "rules", Path.Combine(Repository, "pkg/monitoring/prometheus-rules.yml"));
        Assert.True(rules.ExitCode == 0, rules.ToString());
    }

    [Fact]
    public async Task Zabbix_get_is_answered_in_both_forms()
    {
        await using var daemon = await ApplianceDaemon.StartAsync(2, ["--announce", "off", .. MonitoringPort.Options]);
        var port = await MonitoringPort.OfAsync(daemon);
        await using var ann = await daemon.JoinAsync();
        _ = await port.WaitForStatusAsync("a client", status => Number(status, "connections") == 1);
        Assert.Equal("1", await ZabbixGetAsync("appliance.connections"));
        Assert.Equal("2", await ZabbixGetAsync("appliance.workers"));
        Assert.Equal("0", await ZabbixGetAsync("appliance.rejected[timeout]"));
        Assert.Equal("1", await ZabbixGetAsync("agent.ping"));
        Assert.Equal("ZBX_NOTSUPPORTED: Unsupported item key.", await ZabbixGetAsync("appliance.nothing"));
        Assert.Equal("ZBX_NOTSUPPORTED: Invalid first parameter: there is no such worker.", await ZabbixGetAsync("appliance.requests[17]"));
        Assert.Equal("1", await port.ZabbixAsync("appliance.connections\n"u8.ToArray()));
        Assert.Equal("1", await port.ZabbixAsync([.. "ZBXD\x01\x15\0\0\0\0\0\0\0"u8, .. "appliance.connections"u8]));
        Assert.Equal("ZBX_NOTSUPPORTED\0Unsupported item key.", await port.ZabbixAsync("what[\n"u8.ToArray()));
        Assert.Equal("ZBX_NOTSUPPORTED\0Unsupported item key.", await port.ZabbixAsync([.. "ZBXD\x01\xFF\xFF\xFF\x7F\0\0\0\0"u8]));

        async Task<string> ZabbixGetAsync(string key)
        {
            var result = await CommandResult.RunAsync(
                "zabbix_get", "-s", "127.0.0.1", "-p", port.Address.Port.ToString(CultureInfo.InvariantCulture), "-k", key);
            return result.Output.TrimEnd('\n');
        }
    }

    /// <summary>A client that does not read: what it lacks is told, and that it was overtaken; once it is gone, nothing lags.</summary>
    [Fact]
    public async Task Slow_client_is_told_of()
    {
        await using var server = await ApplianceServer.StartAsync(
            ["--announce", "off", "--max-rate", "0", "--room-size", "64K", "--history", "0", .. MonitoringPort.Options]);
        var port = await MonitoringPort.OfAsync(server);
        await using var ann = await ChatClient.JoinAsync(server);
        var slow = await RawClient.OpenAsync(server, "/", receiveBuffer: 4096);
        using var enough = new CancellationTokenSource();
        var talking = Task.Run(async () =>
        {
            while (!enough.IsCancellationRequested)
            {
                _ = await ann.SayAndReadAsync(new string('x', 100));
            }
        });
        _ = await port.WaitForStatusAsync("a lag", status => Number(status, "lag_bytes") > 1000);
        await enough.CancelAsync();
        await talking;
        await slow.DisposeAsync();
        _ = await port.WaitForStatusAsync("no lag", status => Number(status, "lag_bytes") == 0 && Number(status, "connections") == 1);
    }

    private static double Number(JsonElement element, string name) => element.GetProperty(name).GetDouble();

    private static string Repository
    {
        get
        {
            var root = AppContext.BaseDirectory;
            while (!File.Exists(Path.Combine(root, "global.json")))
            {
                root = Path.GetDirectoryName(root)!;
            }

            return root;
        }
    }
}
