using System.CommandLine;
using Appliance.Bench.Load;
using Appliance.Bench.PublishPath;
using Appliance.Bench.Scenarios;

namespace Appliance.Bench;

/// <summary>The command line.</summary>
public static class BenchCommand
{
    /// <summary>Reads the command line and runs the benchmark with it; returns the exit status.</summary>
    public static int Run(string[] arguments)
    {
        var defaults = new BenchOptions();
        string[] scenarioNames = [.. new ScenarioTable(defaults).Rows.SelectMany(row => new[] { row.Name, row.Alias }).OfType<string>(), PublishPathRun.Name];
        string[] serverNames = [.. new Benchmark(defaults).Servers.Select(server => server.Name)];
        var quick = new Option<bool>("--quick") { Description = "one short round without the longest scenarios: two minutes" };
        var rounds = Number("--rounds", "rounds of each scenario, of starts aside", 100);
        var seconds = Number("--seconds", "how long a load is measured", 3600);
        var warmUp = Number("--warm-up", "seconds of load before it is measured", 3600);
        var clients = Number("--clients", "clients of the load scenarios", 100_000);
        var inFlight = Number("--in-flight", "publishers of the busy load, each with one message in flight", 9999);
        var connects = Number("--connects", "connections of the connect scenario", 1_000_000);
        var crowd = Number("--crowd", "tens of thousands of connections of the scenarios crowd and rooms", 25);
        var ping = Number("--ping", "seconds between two pings of the scenario crowd", 3600);
        var servers = new Option<string[]>("--server") { Description = "a server to measure; repeatable" };
        var scenarios = new Option<string[]>("--scenario") { Description = "a scenario to run; repeatable" };
        var only = new Option<string>("--only") { Description = "scenarios and servers, with commas between them" };
        var binary = new Option<FileInfo>("--binary") { Description = "the published binary to measure" };
        var publish = new Option<bool>("--publish") { Description = "write README's table and plots" };
        only.Validators.Add(result =>
        {
            foreach (string name in Split(result.GetValueOrDefault<string>()).Except([.. scenarioNames, .. serverNames], StringComparer.Ordinal))
            {
                result.AddError($"--only: '{name}' is neither a scenario ({string.Join(", ", scenarioNames)}) nor a server ({string.Join(", ", serverNames)})");
            }
        });
        var command = new RootCommand("Measures the published binary beside its peers.")
        {
            quick, rounds, seconds, warmUp, clients, inFlight, connects, crowd, ping, only, publish, binary.AcceptExistingOnly(),
            servers.AcceptOnlyFromAmong(serverNames), scenarios.AcceptOnlyFromAmong(scenarioNames),
        };
        command.SetAction(parsed =>
        {
            var sizes = parsed.GetValue(quick) ? BenchOptions.Quick : defaults;
            int clientCount = parsed.GetValue(clients) ?? sizes.Clients;
            return new Benchmark(sizes with
            {
                Rounds = parsed.GetValue(rounds) ?? sizes.Rounds,
                Seconds = parsed.GetValue(seconds) ?? sizes.Seconds,
                WarmUpSeconds = parsed.GetValue(warmUp) ?? sizes.WarmUpSeconds,
                Clients = clientCount,
                InFlight = Math.Min(parsed.GetValue(inFlight) ?? sizes.InFlight, clientCount),
                Connects = parsed.GetValue(connects) ?? sizes.Connects,
                Crowd = parsed.GetValue(crowd) * Fleet.ClientsPerProcess ?? sizes.Crowd,
                PingSeconds = parsed.GetValue(ping) ?? sizes.PingSeconds,
                Only = [.. parsed.GetValue(servers) ?? [], .. parsed.GetValue(scenarios) ?? [], .. Split(parsed.GetValue(only))],
                Publishes = parsed.GetValue(publish),
                Binary = parsed.GetValue(binary)?.FullName,
            }).Run();
        });
        return command.Parse(arguments is [PublishPathRun.Name, .. var rest] ? ["--scenario", PublishPathRun.Name, .. rest] : arguments).Invoke();
    }

    private static string[] Split(string? names) => names?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];

    private static Option<int?> Number(string name, string help, int max)
    {
        var option = new Option<int?>(name) { Description = help };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() is { } number && (number < 1 || number > max))
            {
                result.AddError($"{name}: {number} must be from 1 to {max}");
            }
        });
        return option;
    }
}
