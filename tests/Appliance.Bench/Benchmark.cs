using System.ComponentModel;
using System.Globalization;
using Appliance.Bench.Load;
using Appliance.Bench.Servers;

namespace Appliance.Bench;

/// <summary>Runs the scenarios on the servers, one after the other, and writes the report.</summary>
public sealed class Benchmark
{
    private readonly string _artifacts;
    private readonly ApplianceServer _ours;
    private readonly NchanServer _nchan;
    private readonly NodeServer _node;
    private readonly BareSendServer _bare = new();
    private readonly Figures _figures = new();
    private readonly List<string> _failures = [];

    /// <summary>Of this repository's published binary.</summary>
    public Benchmark()
    {
        string root = RepositoryFolder();
        string peers = Path.Combine(root, "tests", "Appliance.Bench", "Peers");
        _artifacts = Path.Combine(root, "artifacts");
        _ours = new ApplianceServer(Path.Combine(_artifacts, "appliance"));
        _nchan = new NchanServer(peers);
        _node = new NodeServer(peers, _artifacts);
    }

    /// <summary>The servers it knows.</summary>
    public IReadOnlyList<ServerUnderTest> Servers => [_ours, _nchan, _node, _bare];

    /// <summary>Runs all that is asked for. Returns the exit status: 1 when a run failed, whatever the figures are.</summary>
    public int Run(BenchOptions options)
    {
        ServerUnderTest[] servers = [.. Servers
            .Where(server => IsAskedFor(options.Servers, server.Name))
            .Select(server => server == _ours && options.Binary is { } other ? new ApplianceServer(other) : server)];
        var scenarios = new Scenarios(options);
        try
        {
            Array.ForEach(servers, server => server.Prepare());
        }
        catch (Exception failure) when (failure is LoadException or Win32Exception)
        {
            Console.Error.WriteLine($"Error: {failure.Message}");
            return 1;
        }

        foreach (var scenario in scenarios.Rows.Where(row => IsAskedFor(options.Scenarios, row.Name)))
        {
            for (int round = 1; round <= (scenario.Rounds > 0 ? scenario.Rounds : options.Rounds); round++)
            {
                foreach (var server in servers.Where(server => scenario.IsForPeers || server is ApplianceServer))
                {
                    Measure(scenario, server, round);
                }
            }
        }

        var bars = new Bars(scenarios, _figures, _ours.Name, _nchan.Name, _node.Name, _bare.Name);
        string report = Report.Write(options, _figures, [.. servers.Select(server => server.Name)], bars, _failures);
        Console.WriteLine(report);
        File.WriteAllText(Path.Combine(_artifacts, "bench.md"), report);
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
        catch (Exception failure) when (failure is LoadException or Win32Exception)
        {
            _failures.Add($"{name}: {failure.Message}");
            told.Add($"FAILED: {failure.Message}");
        }

        Console.Error.WriteLine($"{name}: {string.Join("  ", told)}");
    }

    private static bool IsAskedFor(IReadOnlyList<string> names, string name) =>
        names.Count == 0 || names.Contains(name, StringComparer.Ordinal);

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
