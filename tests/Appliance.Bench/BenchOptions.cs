using System.CommandLine;

namespace Appliance.Bench;

/// <summary>What the command line asks for.</summary>
public sealed record BenchOptions
{
    /// <summary>Rounds of the load and connect scenarios.</summary>
    public int Rounds { get; init; } = 3;

    /// <summary>How long a load is measured.</summary>
    public int Seconds { get; init; } = 5;

    /// <summary>How long a load goes on before it is measured.</summary>
    public int WarmUpSeconds { get; init; } = 2;

    /// <summary>Clients of the load scenarios.</summary>
    public int Clients { get; init; } = 1000;

    /// <summary>Publishers of the busy load, each with one message in flight.</summary>
    public int InFlight { get; init; } = 40;

    /// <summary>Connections of the connect scenario.</summary>
    public int Connects { get; init; } = 5000;

    /// <summary>Names of the servers to measure; none for all.</summary>
    public IReadOnlyList<string> Servers { get; init; } = [];

    /// <summary>Names of the scenarios to run; none for all.</summary>
    public IReadOnlyList<string> Scenarios { get; init; } = [];

    /// <summary>The published binary; null for that of this repository.</summary>
    public string? Binary { get; init; }

    /// <summary>Reads the command line and runs the benchmark with it; returns the exit status.</summary>
    public static int Run(string[] arguments, string[] serverNames, string[] scenarioNames, Func<BenchOptions, int> run)
    {
        var defaults = new BenchOptions();
        var rounds = Number("--rounds", "rounds of the load and connect scenarios", defaults.Rounds, 100);
        var seconds = Number("--seconds", "how long a load is measured", defaults.Seconds, 3600);
        var warmUp = Number("--warm-up", "seconds of load before it is measured", defaults.WarmUpSeconds, 3600);
        var clients = Number("--clients", "clients of the load scenarios", defaults.Clients, 100_000);
        var inFlight = Number("--in-flight", "publishers of the busy load, each with one message in flight", defaults.InFlight, 9999);
        var connects = Number("--connects", "connections of the connect scenario", defaults.Connects, 1_000_000);
        var servers = new Option<string[]>("--server") { Description = "a server to measure; repeatable" };
        var scenarios = new Option<string[]>("--scenario") { Description = "a scenario to run; repeatable" };
        var binary = new Option<FileInfo>("--binary") { Description = "the published binary to measure" };
        var command = new RootCommand("Measures the published binary beside its peers.")
        {
            rounds, seconds, warmUp, clients, inFlight, connects, binary.AcceptExistingOnly(),
            servers.AcceptOnlyFromAmong(serverNames), scenarios.AcceptOnlyFromAmong(scenarioNames),
        };
        command.SetAction(parsed => run(new BenchOptions
        {
            Rounds = parsed.GetValue(rounds),
            Seconds = parsed.GetValue(seconds),
            WarmUpSeconds = parsed.GetValue(warmUp),
            Clients = parsed.GetValue(clients),
            InFlight = Math.Min(parsed.GetValue(inFlight), parsed.GetValue(clients)),
            Connects = parsed.GetValue(connects),
            Servers = parsed.GetValue(servers) ?? [],
            Scenarios = parsed.GetValue(scenarios) ?? [],
            Binary = parsed.GetValue(binary)?.FullName,
        }));
        return command.Parse(arguments).Invoke();
    }

    private static Option<int> Number(string name, string help, int standard, int max)
    {
        var option = new Option<int>(name) { Description = help, DefaultValueFactory = _ => standard };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is var number && (number < 1 || number > max))
            {
                result.AddError($"{name}: {number} must be from 1 to {max}");
            }
        });
        return option;
    }
}
