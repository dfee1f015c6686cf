namespace Appliance.Bench.Load;

/// <summary>Counts times in buckets of ten microseconds, up to ten seconds; what took longer counts as ten seconds.</summary>
public sealed class LatencyHistogram
{
    private const int BucketUs = 10;
    private const int BucketsMax = 1_000_000;

    private readonly int[] _counts = new int[BucketsMax + 1];
    private long _total;

    /// <summary>Counts a time.</summary>
    public void Add(long microseconds)
    {
        _counts[Math.Clamp(microseconds / BucketUs, 0, BucketsMax)]++;
        _total++;
    }

    /// <summary>Forgets all.</summary>
    public void Clear()
    {
        Array.Clear(_counts);
        _total = 0;
    }

    /// <summary>What is told of them.</summary>
    public Latency Summary() => new(Percentile(0.50), Percentile(0.99), Percentile(0.999), Percentile(1));

    /// <summary>The time, in microseconds, that a share (0 to 1) of all did not exceed; 0 when nothing was counted.</summary>
    public int Percentile(double share)
    {
        long wanted = (long)Math.Ceiling(_total * share);
        long seen = 0;
        for (int i = 0; i <= BucketsMax && wanted > 0; i++)
        {
            seen += _counts[i];
            if (seen >= wanted)
            {
                return i * BucketUs;
            }
        }

        return 0;
    }
}
