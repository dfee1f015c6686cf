using Appliance.Bench.Reports;
using Appliance.Bench.Servers;

namespace Appliance.Bench.Scenarios;

/// <summary>Takes a number that was measured.</summary>
public delegate void Note(Measure measure, double number);

/// <summary>Something that is measured on several servers.</summary>
/// <param name="Name">What it is called on the command line.</param>
public sealed record Scenario(string Name)
{
    /// <summary>Another name for it; null for none.</summary>
    public string? Alias { get; init; }

    /// <summary>How many fresh servers of each kind it is measured on; 0 for what the command line says.</summary>
    public int Rounds { get; init; }

    /// <summary>Whether a quick run has it.</summary>
    public bool IsQuick { get; init; } = true;

    /// <summary>What is run in a round, each on a fresh server.</summary>
    public required IReadOnlyList<ScenarioCase> Cases { get; init; }
}

/// <summary>One way to start a server and to measure it.</summary>
/// <param name="IsFor">Which servers are measured.</param>
/// <param name="Run">Measures a server that serves.</param>
public sealed record ScenarioCase(Func<ServerUnderTest, bool> IsFor, Action<RunningServer, Note> Run)
{
    /// <summary>What the server is to have.</summary>
    public ServerSetup Setup { get; init; } = new();
}
