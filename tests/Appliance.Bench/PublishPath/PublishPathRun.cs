using System.Diagnostics;
using System.Globalization;
using Appliance.Bench.Load;
using Appliance.Bench.Reports;
using Appliance.Bench.Scenarios;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace Appliance.Bench.PublishPath;

/// <summary>
/// The way of a message through a worker without the kernel: as native code, as the product has it, in a program of its own; and by
/// BenchmarkDotNet, which needs the just-in-time compiler.
/// </summary>
public static class PublishPathRun
{
    /// <summary>What it is called on the command line.</summary>
    public const string Name = "publish-path";

    /// <summary>What a message may take.</summary>
    public const int NanosecondsMax = 300;

    private const int WarmUps = 20;
    private const int Iterations = 15;
    private const int Invocations = 1 << 16;

    /// <summary>Nanoseconds of native code.</summary>
    public static Measure Native(Workload workload) => new($"{workload.Name}: ns, native", "N0");

    /// <summary>Nanoseconds by BenchmarkDotNet.</summary>
    public static Measure Jit(Workload workload) => new($"{workload.Name}: ns, BenchmarkDotNet", "N0");

    /// <summary>Bytes on the managed heap, of either.</summary>
    public static Measure Allocated(Workload workload) => new($"{workload.Name}: bytes allocated", "N0");

    /// <summary>Measures all.</summary>
    /// <param name="artifacts">Where the native program lies, and where BenchmarkDotNet may write.</param>
    /// <param name="note">Takes the numbers of each iteration.</param>
    /// <exception cref="LoadException">A benchmark did not run.</exception>
    public static void Run(string artifacts, Note note)
    {
        RunNative(Path.Combine(artifacts, "bench-native", "appliance-bench-native"), note);
        RunJit(Path.Combine(artifacts, "bench"), note);
    }

    /// <summary>Each line of its output: name, nanoseconds and bytes of one call, with tabs between them.</summary>
    private static void RunNative(string program, Note note)
    {
        if (!File.Exists(program))
        {
            throw new LoadException($"{program} is not there: './build.sh bench' makes it.");
        }

        using var process = Process.Start(new ProcessStartInfo(program) { UseShellExecute = false, RedirectStandardOutput = true })!;
        while (process.StandardOutput.ReadLine()?.Split('\t') is [var name, var nanoseconds, var bytes])
        {
            var workload = Workload.All.Single(workload => workload.Name == name);
            note(Native(workload), double.Parse(nanoseconds, CultureInfo.InvariantCulture));
            note(Allocated(workload), double.Parse(bytes, CultureInfo.InvariantCulture));
        }

        process.WaitForExit();
    }

    private static void RunJit(string folder, Note note)
    {
        var job = Job.Default.WithToolchain(InProcessEmitToolchain.Instance)
            .WithWarmupCount(WarmUps).WithIterationCount(Iterations).WithInvocationCount(Invocations);
        var summary = BenchmarkRunner.Run<WorkloadBenchmark>(ManualConfig.CreateEmpty().AddJob(job).AddLogger(NullLogger.Instance)
            .WithOptions(ConfigOptions.DisableLogFile).WithArtifactsPath(folder));
        foreach (var report in summary.Reports)
        {
            var run = report.BenchmarkCase;
            var workload = Workload.All.Single(workload => workload.Name.Equals(run.Parameters.Items.Single().Value));
            if (!report.Success)
            {
                throw new LoadException($"the benchmark '{workload.Name}' did not run");
            }

            foreach (var iteration in report.GetResultRuns())
            {
                note(Jit(workload), iteration.Nanoseconds / iteration.Operations);
            }

            note(Allocated(workload), report.GcStats.GetBytesAllocatedPerOperation(run) ?? 0);
        }
    }
}
