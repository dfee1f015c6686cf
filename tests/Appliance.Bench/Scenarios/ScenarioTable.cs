namespace Appliance.Bench.Scenarios;

/// <summary>All scenarios, for given sizes.</summary>
public sealed class ScenarioTable
{
    /// <summary>Of the sizes that the command line says.</summary>
    public ScenarioTable(BenchOptions options)
    {
        Loads = new LoadScenarios(options);
        Connections = new ConnectionScenarios(options);
        Crowds = new CrowdScenarios(options);
        Disturbances = new DisturbanceScenarios(options, Loads);
    }

    /// <summary>Load on one room.</summary>
    public LoadScenarios Loads { get; }

    /// <summary>Connections.</summary>
    public ConnectionScenarios Connections { get; }

    /// <summary>Many connections, and many rooms.</summary>
    public CrowdScenarios Crowds { get; }

    /// <summary>Latency with something else going on.</summary>
    public DisturbanceScenarios Disturbances { get; }

    /// <summary>In the order they are run.</summary>
    public IReadOnlyList<Scenario> Rows => [.. Loads.Rows, .. Connections.Rows, .. Crowds.Rows, .. Disturbances.Rows];
}
