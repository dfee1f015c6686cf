using System.Text.Json;
using System.Text.RegularExpressions;
using Appliance.Metrics;
using static Appliance.Tests.Metrics.Samples;

namespace Appliance.Tests.Metrics;

/// <summary>Dashboards, rules and templates of pkg/monitoring name only metrics that there are.</summary>
public sealed class ExamplesTests
{
    private static readonly string Folder = Path.Combine(SourceTree.Root, "../../pkg/monitoring");

    private static readonly Sample Given = Of(Slot(0, 1, Ms));

    [Theory]
    [InlineData("grafana-dashboard.json", 15)]
    [InlineData("prometheus-rules.yml", 8)]
    public void Names_for_Prometheus_are_those_of_the_table(string file, int least)
    {
        var told = PrometheusText.Write(Given).Split('\n').Where(line => !line.StartsWith('#')).Select(line => line.Split('{', ' ')[0])
            .ToHashSet(StringComparer.Ordinal);
        string[] named = Names(file, @"appliance_[a-z0-9_]+");
        Assert.InRange(named.Length, least, 100);
        Assert.All(named, name => Assert.Contains(name, told));
    }

    [Fact]
    public void Keys_for_Zabbix_are_those_of_the_table()
    {
        string[] keys = Names("zabbix-template.yaml", @"(?<=key: '?)[a-z0-9_.]+(\[\{#WORKER\}\])?");
        Assert.InRange(keys.Length, 20, 100);
        Assert.All(
            keys, key => Assert.True(ZabbixItems.TryGet(Given, key.Replace("{#WORKER}", "0", StringComparison.Ordinal), out string value), $"{key}: {value}"));
        string[] triggers = Names("zabbix-template.yaml", @"(?<=\(/appliance/)[a-z0-9_.]+");
        Assert.Empty(triggers.Except(keys, StringComparer.Ordinal));
    }

    /// <summary>Zabbix refuses identifiers of another form, and any that is there twice.</summary>
    [Fact]
    public void Identifiers_for_Zabbix_are_random_UUIDs_each_of_its_own()
    {
        string text = File.ReadAllText(Path.Combine(Folder, "zabbix-template.yaml"));
        string[] all = [.. Regex.Matches(text, "(?<=uuid: )[0-9a-f]+", RegexOptions.None, TimeSpan.FromSeconds(1)).Select(match => match.Value)];
        Assert.Equal(all.Length, all.Distinct(StringComparer.Ordinal).Count());
        Assert.All(all, one => Assert.Matches("^[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}$", one));
    }

    [Fact]
    public void Thresholds_for_Nagios_can_be_read()
    {
        string line = File.ReadLines(Path.Combine(Folder, "nagios-commands.cfg")).Single(line => line.Contains("check_appliance!", StringComparison.Ordinal));
        foreach (string thresholds in line.Split('!')[1..])
        {
            Assert.Null(Threshold.TryParse(thresholds, []));
        }
    }

    [Fact]
    public void Dashboard_is_JSON_whose_panels_lie_beside_each_other()
    {
        using var dashboard = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, "grafana-dashboard.json")));
        var places = dashboard.RootElement.GetProperty("panels").EnumerateArray().Select(panel => panel.GetProperty("gridPos"))
            .SelectMany(place => from x in Enumerable.Range(place.GetProperty("x").GetInt32(), place.GetProperty("w").GetInt32())
                                 from y in Enumerable.Range(place.GetProperty("y").GetInt32(), place.GetProperty("h").GetInt32())
                                 select (x, y))
            .ToArray();
        Assert.Equal(places.Length, places.Distinct().Count());
        Assert.All(places, place => Assert.InRange(place.x, 0, 23));
    }

    private static string[] Names(string file, string pattern) =>
    [
        .. Regex.Matches(File.ReadAllText(Path.Combine(Folder, file)), pattern, RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1))
            .Select(match => match.Value)
            .Distinct(StringComparer.Ordinal),
    ];
}
