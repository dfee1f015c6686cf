using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Appliance.Bench.Load;
using Appliance.Bench.Peers;
using Appliance.Bench.Plots;
using Appliance.Bench.PublishPath;
using Appliance.Bench.Reports;
using Appliance.Bench.Scenarios;
using Appliance.Bench.Servers;
using Appliance.Native;

namespace Appliance.Bench;

/// <summary>Runs the scenarios on the servers, one after the other, and writes the report.</summary>
public sealed class Benchmark
{
    private readonly BenchOptions _options;
    private readonly string _root = RepositoryFolder();
    private readonly string _artifacts;
    private readonly ScenarioTable _table;
    private readonly Figures _figures = new();
    private readonly List<string> _failures = [];
    private volatile RunningServer? _running;
    private volatile bool _interrupted;

    /// <summary>Of the published binary beside its peers.</summary>
    public Benchmark(BenchOptions options)
    {
        _options = options;
        _artifacts = Path.Combine(_root, "artifacts");
        _table = new ScenarioTable(options);
        string peers = Path.Combine(_root, "tests", "Appliance.Bench", "Peers");
        string binary = options.Binary ?? Path.Combine(_artifacts, "appliance");
        Servers =
        [
            new ApplianceServer(ApplianceServer.Standard, binary, "uring"),
            new ApplianceServer("appliance-epoll", binary, "epoll"),
            new NchanServer(peers),
            new NpmServer("uws-bun", "bun", "bun", peers, _artifacts),
            new NpmServer("node-ws", "ws", "node", peers, _artifacts),
            new PhpServer(peers),
            new BareServerUnderTest("bare-send", BareWay.Send),
            new BareServerUnderTest("bare-uring", BareWay.Uring),
        ];
    }

    /// <summary>The servers it knows, ours first.</summary>
    public IReadOnlyList<ServerUnderTest> Servers { get; }

    /// <summary>Runs all that is asked for. Returns the exit status: 1 when a run failed or a bar was not met.</summary>
    public int Run()
    {
        Scenario[] scenarios = [.. _table.Rows.Where(IsWanted)];
        ServerUnderTest[] servers = [.. Servers.Where(server => scenarios.Length > 0 && IsWanted(server))];
        try
        {
            Array.ForEach(servers, server => server.Prepare());
        }
        catch (Exception failure) when (failure is LoadException or Win32Exception)
        {
            Console.Error.WriteLine($"Error: {failure.Message}");
            return 1;
        }

        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, StopServer);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, StopServer);
        foreach (var scenario in scenarios)
        {
            long started = Stopwatch.GetTimestamp();
            for (int round = 1; round <= (scenario.Rounds > 0 ? scenario.Rounds : _options.Rounds); round++)
            {
                foreach (var part in scenario.Cases)
                {
                    Array.ForEach([.. servers.Where(part.IsFor)], server => Measure(scenario, part, server, round));
                }
            }

            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{scenario.Name}: {Stopwatch.GetElapsedTime(started).TotalSeconds:N0} s"));
        }

        if (IsNamed(PublishPathRun.Name) || !NamesAScenario)
        {
            Collect(PublishPathRun.Name, Servers[0].Name, note => PublishPathRun.Run(_artifacts, note));
        }

        return Write([.. servers.Select(server => server.Name)]);
    }

    private bool NamesAScenario => _options.Only.Except(Servers.Select(server => server.Name), StringComparer.Ordinal).Any();

    private bool IsNamed(string name) => _options.Only.Contains(name, StringComparer.Ordinal);

    private bool IsWanted(Scenario scenario) =>
        IsNamed(scenario.Name) || (scenario.Alias is { } alias && IsNamed(alias)) || (!NamesAScenario && (scenario.IsQuick || !_options.IsQuick));

    private bool IsWanted(ServerUnderTest server) => IsNamed(server.Name) || !Servers.Any(other => IsNamed(other.Name));

    private int Write(string[] servers)
    {
        servers = servers.Length > 0 ? servers : [Servers[0].Name];
        var bars = new Bars(_table, _figures, Servers).Rows;
        var plots = new BenchPlots(_table, _figures, Servers).Files();
        string report = Report.Write(_options, _figures, servers, bars, _failures);
        Console.WriteLine(report);
        File.WriteAllText(Path.Combine(_artifacts, "bench.md"), report);
        foreach (var (name, _, svg) in plots)
        {
            File.WriteAllText(Path.Combine(_artifacts, name), svg);
        }

        if (_options.Publishes)
        {
            Publication.Write(_root, Publication.Section(_table, _figures, Servers, plots), plots);
        }

        return _failures.Count == 0 && bars.All(bar => bar.IsMet != false) ? 0 : 1;
    }

    /// <summary>A server does not outlive an interrupted run; generators end with their stdin.</summary>
    private void StopServer(PosixSignalContext context)
    {
        _interrupted = true;
        _running?.Dispose();
    }

    private void Measure(Scenario scenario, ScenarioCase part, ServerUnderTest server, int round) =>
        Collect(string.Create(CultureInfo.InvariantCulture, $"{scenario.Name}, {server.Name}, round {round}"), server.Name, note =>
        {
            if (_interrupted)
            {
                Thread.Sleep(Timeout.Infinite);
            }

            using var running = new RunningServer(server, part.Setup);
            _running = running;
            part.Run(running, note);
            _running = null;
        });

    private void Collect(string name, string server, Action<Note> run)
    {
        var told = new Figures();
        string failed = "";
        try
        {
            run((measure, number) =>
            {
                _figures.Add(measure, server, number);
                told.Add(measure, server, number);
            });
        }
        catch (Exception failure) when (failure is LoadException or Win32Exception or SyscallException)
        {
            _failures.Add($"{name}: {failure.Message}");
            failed = $"  FAILED: {failure.Message}";
        }

        var numbers = told.Measures.Select(measure => Spread.Number(told.Median(measure, server)!.Value, measure.Format));
        Console.Error.WriteLine($"{name}: {string.Join("  ", numbers)}{failed}");
    }

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
