using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Appliance.Metrics;
using static Appliance.Tests.Metrics.Samples;

namespace Appliance.Tests.Metrics;

/// <summary>One sample in four formats: the same numbers, whatever the row.</summary>
public sealed class FormatsTests
{
    private static readonly Sample Given = Of(Slot(0, 10, 5 * Ms), Slot(1, 7, 3 * Ms), Slot(2, 0, 0));

    public static TheoryData<string> Names => [.. MetricsTable.Rows.Select(row => row.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void All_formats_tell_the_same(string name)
    {
        var row = MetricsTable.Find(name)!;
        double expected = row.Value(Given.Total);
        using var json = JsonDocument.Parse(StatusJson.Write(Given));
        Assert.Equal(expected, json.RootElement.GetProperty(name).GetDouble(), 8);
        Assert.Equal(expected, Nagios(name), 8);
        Assert.Equal(expected, Zabbix($"appliance.{name}"), 8);
        Assert.Equal(expected, Prometheus($"appliance_{row.Prometheus}", "") / row.PrometheusFactor, 5);
        foreach (var worker in row.IsPerWorker ? Given.Workers : [])
        {
            double ofWorker = row.Value(worker.Figures);
            Assert.Equal(ofWorker, json.RootElement.GetProperty("per_worker")[worker.Worker].GetProperty(name).GetDouble(), 8);
            Assert.Equal(ofWorker, Zabbix($"appliance.{name}[{worker.Worker}]"), 8);
            Assert.Equal(ofWorker, Prometheus($"appliance_worker_{row.Prometheus}", $"worker=\"{worker.Worker}\"") / row.PrometheusFactor, 5);
        }
    }

    [Fact]
    public void Names_are_the_promised_ones()
    {
        (string Name, string Prometheus, string Nagios)[] promised =
        [
            ("requests", "requests_total", "c"), ("rps", "requests_per_second", ""), ("avg_request_ms", "request_seconds_avg", "ms"),
            ("idle_percent", "idle_ratio", "%"), ("connections", "connections", ""), ("deliveries", "deliveries_total", "c"),
            ("memory_bytes", "memory_bytes", "B"),
        ];
        Assert.All(
            promised, row => Assert.Equal((row.Prometheus, row.Nagios), (MetricsTable.Find(row.Name)!.Prometheus, MetricsTable.Find(row.Name)!.NagiosUnit)));
        Assert.All(
            ["queue_messages", "queue_bytes", "rooms", "workers", "restarts", "uptime_seconds", "dropped_slow", "rejected"],
            name => Assert.NotNull(MetricsTable.Find(name)));
        Assert.Equal(MetricsTable.Rows.Count, MetricsTable.Rows.Select(row => row.Name).Distinct(StringComparer.Ordinal).Count());
        Assert.All(MetricsTable.Rows, row =>
        {
            Assert.Equal(row.Kind == MetricKind.Counter, row.Prometheus.EndsWith("_total", StringComparison.Ordinal));
            Assert.Matches("^[a-z0-9_]+$", row.Name);
            Assert.EndsWith(".", row.Help, StringComparison.Ordinal);
        });
    }

    [Fact]
    public void Example_of_the_manual_is_told_as_promised()
    {
        var sample = OneWorker(10, 5 * Ms);
        string text = PrometheusText.Write(sample);
        Assert.Contains("\nappliance_requests_per_second 10\n", text, StringComparison.Ordinal);
        Assert.Contains("\nappliance_request_seconds_avg 0.005\n", text, StringComparison.Ordinal);
        Assert.Contains("\nappliance_idle_ratio 0.95\n", text, StringComparison.Ordinal);
        string line = NagiosLine.Write(sample, [], []).Line;
        Assert.StartsWith("OK - ", line, StringComparison.Ordinal);
        Assert.Contains(" requests=10c rps=10 avg_request_ms=5ms idle_percent=95%;;;0;100 connections=5 ", line, StringComparison.Ordinal);
    }

    [Fact]
    public void Parts_add_up_in_every_format()
    {
        using var json = JsonDocument.Parse(StatusJson.Write(Given));
        foreach (var row in MetricsTable.Rows.Where(row => row.Parts is not null))
        {
            var parts = json.RootElement.GetProperty($"{row.Name}_by_{row.Parts!.Label}");
            Assert.Equal(row.Value(Given.Total), row.Parts.Words.Sum(word => parts.GetProperty(word).GetDouble()));
            Assert.All(row.Parts.Words, word => Assert.Equal(parts.GetProperty(word).GetDouble(), Zabbix($"appliance.{row.Name}[{word}]")));
        }

        Assert.Equal(6, Zabbix("appliance.closed[1001]"));
        Assert.Equal(3, Zabbix("appliance.rejected[timeout]"));
    }

    [Fact]
    public void Histogram_is_cumulative()
    {
        string text = PrometheusText.Write(Given);
        double count = Prometheus("appliance_delivery_seconds_count", "");
        Assert.Equal(51, count);
        Assert.Equal(0, Bucket("0.001"));
        Assert.Equal(count, Bucket("0.0025"));
        Assert.Equal(count, Bucket("+Inf"));
        Assert.Equal(count * 0.002, Prometheus("appliance_delivery_seconds_sum", ""), 6);
        Assert.Contains("# TYPE appliance_delivery_seconds histogram\n", text, StringComparison.Ordinal);

        double Bucket(string bound) => Prometheus("appliance_delivery_seconds_bucket", $"le=\"{bound}\"");
    }

    [Theory]
    [InlineData("appliance.nothing", "Unsupported item key.")]
    [InlineData("nothing", "Unsupported item key.")]
    [InlineData("", "Unsupported item key.")]
    [InlineData("appliance.", "Unsupported item key.")]
    [InlineData("appliance.requests[0", "Unsupported item key.")]
    [InlineData("appliance.requests[99]", "Invalid first parameter: there is no such worker.")]
    [InlineData("appliance.requests[-1]", "Invalid first parameter: there is no such worker.")]
    [InlineData("appliance.rooms[0]", "Invalid first parameter: this figure has none.")]
    public void Unknown_item_is_not_supported_and_says_why(string key, string why)
    {
        Assert.False(ZabbixItems.TryGet(Given, key, out string value));
        Assert.Equal(why, value);
    }

    [Theory]
    [InlineData("agent.ping", "1")]
    [InlineData("agent.version", "1.2.3")]
    [InlineData("appliance.healthy", "1")]
    [InlineData("appliance.requests[]", "17")]
    [InlineData("appliance.requests[ 1 ]", "7")]
    [InlineData("appliance.requests[\"1\"]", "7")]
    [InlineData("appliance.workers.discovery", "[{\"{#WORKER}\":\"0\"},{\"{#WORKER}\":\"1\"},{\"{#WORKER}\":\"2\"}]")]
    public void Other_item_has_its_value(string key, string value)
    {
        Assert.True(ZabbixItems.TryGet(Given, key, out string found));
        Assert.Equal(value, found);
    }

    [Fact]
    public void Json_says_how_each_worker_is()
    {
        using var json = JsonDocument.Parse(StatusJson.Write(Of(Slot(0, 1, Ms), Slot(1, 1, Ms, WorkerState.Dead))));
        var root = json.RootElement;
        Assert.Equal(
            ("1.2.3", false, "worker 1 is dead"),
            (root.GetProperty("version").GetString(), root.GetProperty("healthy").GetBoolean(), root.GetProperty("troubles")[0].GetString()));
        Assert.Equal(
            "serving dead", string.Join(' ', root.GetProperty("per_worker").EnumerateArray().Select(worker => worker.GetProperty("state").GetString())));
        Assert.Equal([4001, 0], root.GetProperty("per_worker").EnumerateArray().Select(worker => worker.GetProperty("pid").GetInt32()));
        Assert.Equal(1, root.GetProperty("interval_seconds").GetDouble());
    }

    private static double Zabbix(string key)
    {
        Assert.True(ZabbixItems.TryGet(Given, key, out string value), $"{key}: {value}");
        return double.Parse(value, CultureInfo.InvariantCulture);
    }

    private static double Nagios(string name)
    {
        string data = NagiosLine.Write(Given, [], []).Line.Split('|')[1];
        return double.Parse(Regex.Match(data, $@"(?<= {name}=)-?[0-9.]+", RegexOptions.None, TimeSpan.FromSeconds(1)).Value, CultureInfo.InvariantCulture);
    }

    /// <summary>The series of a name with a label, or with none; of a sum that has only parts, their sum.</summary>
    private static double Prometheus(string name, string label)
    {
        var values = PrometheusText.Write(Given).Split('\n')
            .Where(
                line => line.StartsWith($"{name} ", StringComparison.Ordinal)
                    || (line.StartsWith($"{name}{{", StringComparison.Ordinal) && line.Contains(label, StringComparison.Ordinal)))
            .Select(line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture))
            .ToArray();
        Assert.NotEmpty(values);
        return values.Sum();
    }
}
