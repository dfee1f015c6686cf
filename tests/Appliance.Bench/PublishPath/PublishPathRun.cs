using Appliance.Bench.Load;
using Appliance.Bench.Reports;
using Appliance.Bench.Scenarios;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace Appliance.Bench.PublishPath;

/// <summary>Time and memory of one benchmark.</summary>
/// <param name="what">Which, for people.</param>
public sealed class PublishPathMeasures(string what)
{
    /// <summary>Nanoseconds.</summary>
    public Measure Time { get; } = new($"{what}: ns", "N0");

    /// <summary>Bytes on the managed heap.</summary>
    public Measure Allocated { get; } = new($"{what}: bytes allocated", "N0");
}

/// <summary>The way of a message through a worker without the kernel, measured by BenchmarkDotNet in this process.</summary>
public static class PublishPathRun
{
    /// <summary>What it is called on the command line.</summary>
    public const string Name = "publish-path";

    /// <summary>What a message may take.</summary>
    public const int NanosecondsMax = 300;

    private const int WarmUps = 20;
    private const int Iterations = 15;
    private const int Invocations = 1 << 16;

    /// <summary>What is held against <see cref="NanosecondsMax"/>: each chat message that people write.</summary>
    public static IReadOnlyList<PublishPathMeasures> Promised { get; } =
        [.. ChatMessageBenchmark.Usual.Select(message => new PublishPathMeasures($"{ChatMessageBenchmark.What}, {message}"))];

    /// <summary>Measures all.</summary>
    /// <param name="folder">Where BenchmarkDotNet may write.</param>
    /// <param name="note">Takes the numbers of each iteration.</param>
    /// <exception cref="LoadException">A benchmark did not run.</exception>
    public static void Run(string folder, Note note)
    {
        var job = Job.Default.WithToolchain(InProcessEmitToolchain.Instance)
            .WithWarmupCount(WarmUps).WithIterationCount(Iterations).WithInvocationCount(Invocations);
        var configuration = ManualConfig.CreateEmpty().AddJob(job).AddLogger(NullLogger.Instance)
            .WithOptions(ConfigOptions.DisableLogFile).WithArtifactsPath(folder);
        foreach (var type in (Type[])[typeof(ChatMessageBenchmark), typeof(PayloadBenchmark)])
        {
            var summary = BenchmarkRunner.Run(type, configuration);
            foreach (var report in summary.Reports)
            {
                Take(report, note);
            }
        }
    }

    private static void Take(BenchmarkReport report, Note note)
    {
        var run = report.BenchmarkCase;
        var measures = new PublishPathMeasures($"{run.Descriptor.WorkloadMethodDisplayInfo.Trim('\'')}, {run.Parameters.Items.Single().Value}");
        if (!report.Success)
        {
            throw new LoadException($"the benchmark '{measures.Time.Text}' did not run");
        }

        foreach (var iteration in report.GetResultRuns())
        {
            note(measures.Time, iteration.Nanoseconds / iteration.Operations);
        }

        note(measures.Allocated, report.GcStats.GetBytesAllocatedPerOperation(run) ?? 0);
    }
}
