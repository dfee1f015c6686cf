using System.Globalization;

namespace Appliance.Metrics;

/// <summary>
/// The items of a Zabbix agent: <c>appliance.NAME</c> for all, <c>appliance.NAME[3]</c> for a worker, <c>appliance.rejected[timeout]</c>
/// for a part; <c>appliance.workers.discovery</c> for low-level discovery.
/// </summary>
public static class ZabbixItems
{
    /// <summary>The beginning of every key of ours.</summary>
    public const string Prefix = "appliance.";

    /// <summary>Looks an item up. False when it is not supported; <paramref name="value"/> then says why.</summary>
    public static bool TryGet(Sample sample, string key, out string value)
    {
        switch (key)
        {
            case "agent.ping":
                value = "1";
                return true;
            case "agent.version" or "appliance.version":
                value = sample.Build.Version;
                return true;
            case "appliance.healthy":
                value = sample.IsHealthy ? "1" : "0";
                return true;
            case "appliance.ready":
                value = sample.IsReady ? "1" : "0";
                return true;
            case "appliance.workers.discovery":
                var workers = sample.Workers.Select(worker => string.Create(CultureInfo.InvariantCulture, $"{{\"{{#WORKER}}\":\"{worker.Worker}\"}}"));
                value = $"[{string.Join(',', workers)}]";
                return true;
            default:
                return TryGetMetric(sample, key, out value);
        }
    }

    private static bool TryGetMetric(Sample sample, string key, out string value)
    {
        int bracket = key.IndexOf('[', StringComparison.Ordinal);
        string name = bracket < 0 ? key : key[..bracket];
        string parameter = bracket >= 0 && key.EndsWith(']') ? key[(bracket + 1)..^1].Trim().Trim('"') : "";
        var metric = name.StartsWith(Prefix, StringComparison.Ordinal) ? MetricsTable.Find(name[Prefix.Length..]) : null;
        if (metric is null || (bracket >= 0 && !key.EndsWith(']')))
        {
            value = "Unsupported item key.";
            return false;
        }

        if (parameter.Length == 0)
        {
            value = Number.Write(metric.Value(sample.Total));
            return true;
        }

        if (metric.Parts is { } parts && parts.Words.ToList().IndexOf(parameter) is >= 0 and var part)
        {
            value = parts.Count(sample.Total, part).ToString(CultureInfo.InvariantCulture);
            return true;
        }

        if (!metric.IsPerWorker)
        {
            value = "Invalid first parameter: this figure has none.";
            return false;
        }

        bool isNumber = int.TryParse(parameter, NumberStyles.None, CultureInfo.InvariantCulture, out int number);
        var worker = isNumber ? sample.Workers.FirstOrDefault(worker => worker.Worker == number) : null;
        value = worker is null ? "Invalid first parameter: there is no such worker." : Number.Write(metric.Value(worker.Figures));
        return worker is not null;
    }
}
