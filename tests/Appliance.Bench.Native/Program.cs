using System.Diagnostics;
using System.Globalization;
using Appliance.Bench.PublishPath;

// Measures each workload as native code, and prints a line for each iteration: name, nanoseconds and bytes allocated of one call.
const int WarmUps = 5;
const int Iterations = 15;
const int IterationMs = 20;

foreach (var workload in Workload.All)
{
    long calls = 1;
    while (Run(workload, calls).TotalMilliseconds < IterationMs)
    {
        calls *= 2;
    }

    for (int i = -WarmUps; i < Iterations; i++)
    {
        long bytes = GC.GetAllocatedBytesForCurrentThread();
        double nanoseconds = Run(workload, calls).TotalNanoseconds / calls;
        double allocated = (double)(GC.GetAllocatedBytesForCurrentThread() - bytes) / calls;
        if (i >= 0)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{workload.Name}\t{nanoseconds:0.0}\t{allocated:0.0}"));
        }
    }
}

static TimeSpan Run(Workload workload, long calls)
{
    long started = Stopwatch.GetTimestamp();
    for (long i = 0; i < calls; i++)
    {
        _ = workload.Once();
    }

    return Stopwatch.GetElapsedTime(started);
}
