namespace Appliance.Metrics;

/// <summary>
/// Latency from append to delivery: from the moment a message stands in its room's log to the moment the kernel has taken it for a
/// client. What was appended together is counted with the age of the oldest. A client whose buffer is full is not counted; its lag is.
/// </summary>
public static class DeliveryLatency
{
    /// <summary>Upper bounds in microseconds, inclusive, as Prometheus has them.</summary>
    public static ReadOnlySpan<int> BoundsUs =>
        [100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000];

    /// <summary>The place of a latency among the bounds; one more than the last for all above.</summary>
    public static int PlaceOf(long us)
    {
        var bounds = BoundsUs;
        int place = 0;
        while (place < bounds.Length && us > bounds[place])
        {
            place++;
        }

        return place;
    }

    /// <summary>
    /// The latency in milliseconds that a share of the deliveries does not exceed, by straight lines between the bounds; 0 without
    /// any, and the last bound for what lies above it.
    /// </summary>
    public static double QuantileMs(ReadOnlySpan<long> counts, double share)
    {
        long all = 0;
        foreach (long count in counts)
        {
            all += count;
        }

        double wanted = share * all;
        long below = 0;
        for (int place = 0; place < BoundsUs.Length; place++)
        {
            if (counts[place] > 0 && below + counts[place] >= wanted)
            {
                double from = place == 0 ? 0 : BoundsUs[place - 1];
                return (from + ((BoundsUs[place] - from) * (wanted - below) / counts[place])) / 1000;
            }

            below += counts[place];
        }

        return all == 0 ? 0 : BoundsUs[^1] / 1000.0;
    }
}
