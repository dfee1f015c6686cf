using System.Globalization;
using Appliance.Bench.Load;
using Appliance.Bench.Servers;

namespace Appliance.Bench;

/// <summary>Runs the scenarios on the servers, one after the other, and writes the report.</summary>
public sealed class Benchmark(BenchOptions options)
{
    private readonly Figures _figures = new();
    private readonly List<string> _failures = [];

    /// <summary>Runs all that is asked for. Returns the exit status: 1 when a run failed, whatever the figures are.</summary>
    public int Run()
    {
        string root = RepositoryFolder();
        string artifacts = Path.Combine(root, "artifacts");
        string peers = Path.Combine(root, "tests", "Appliance.Bench", "Peers");
        var ours = new ApplianceServer(options.Binary ?? Path.Combine(artifacts, "appliance"));
        var nchan = new NchanServer(peers);
        var bare = new BareSendServer();
        ServerUnderTest[] all = [ours, nchan, new NodeServer(peers, artifacts), bare];
        ServerUnderTest[] servers = [.. all.Where(server => IsAskedFor(options.Servers, server.Name))];
        var scenarios = new Scenarios(options);
        Array.ForEach(servers, server => server.Prepare());
        foreach (var scenario in scenarios.Rows.Where(row => IsAskedFor(options.Scenarios, row.Name)))
        {
            for (int round = 1; round <= (scenario.Rounds > 0 ? scenario.Rounds : options.Rounds); round++)
            {
                foreach (var server in servers.Where(server => scenario.IsForPeers || server == ours))
                {
                    Measure(scenario, server, round);
                }
            }
        }

        var bars = new Bars(scenarios, _figures, ours.Name, nchan.Name, bare.Name, [.. all.Where(server => server != ours).Select(server => server.Name)]);
        string report = Report.Write(options, _figures, [.. servers.Select(server => server.Name)], bars, _failures);
        Console.WriteLine(report);
        File.WriteAllText(Path.Combine(artifacts, "bench.md"), report);
        return _failures.Count == 0 ? 0 : 1;
    }

    private void Measure(Scenario scenario, ServerUnderTest server, int round)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"{scenario.Name}, {server.Name}, round {round}");
        List<string> told = [];
        try
        {
            using var running = new RunningServer(server);
            scenario.Run(running, (measure, number) =>
            {
                _figures.Add(measure, server.Name, number);
                told.Add(number.ToString(measure.Format, CultureInfo.InvariantCulture));
            });
        }
        catch (LoadException failure)
        {
            _failures.Add($"{name}: {failure.Message}");
            told.Add($"FAILED: {failure.Message}");
        }

        Console.Error.WriteLine($"{name}: {string.Join("  ", told)}");
    }

    private static bool IsAskedFor(IReadOnlyList<string> names, string name) =>
        names.Count == 0 || names.Contains(name, StringComparer.OrdinalIgnoreCase);

    private static string RepositoryFolder()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "global.json")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new DirectoryNotFoundException($"no global.json above '{AppContext.BaseDirectory}'");
    }
}
