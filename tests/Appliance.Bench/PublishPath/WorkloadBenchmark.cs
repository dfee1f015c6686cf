using BenchmarkDotNet.Attributes;

namespace Appliance.Bench.PublishPath;

/// <summary>The workloads for BenchmarkDotNet.</summary>
[MemoryDiagnoser(displayGenColumns: false)]
public class WorkloadBenchmark
{
    private Func<int> _once = () => 0;

    /// <summary>Their names.</summary>
    public static IEnumerable<string> Names => Workload.All.Select(workload => workload.Name);

    /// <summary>Which one.</summary>
    [ParamsSource(nameof(Names))]
    public string Name { get; set; } = "";

    /// <summary>Finds it.</summary>
    [GlobalSetup]
    public void SetUp() => _once = Workload.All.Single(workload => workload.Name == Name).Once;

    /// <summary>Takes it once.</summary>
    [Benchmark]
    public int Once() => _once();
}
