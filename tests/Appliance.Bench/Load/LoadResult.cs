namespace Appliance.Bench.Load;

/// <summary>What a load run has measured.</summary>
public sealed record LoadResult
{
    /// <summary>Text frames that all clients together have received.</summary>
    public required long Deliveries { get; init; }

    /// <summary>Length of the measured interval in seconds.</summary>
    public required double Seconds { get; init; }

    /// <summary>Time that the server and its children spent on a processor, in microseconds.</summary>
    public required double ServerCpuUs { get; init; }

    /// <summary>Half of the messages took no longer than this, in microseconds.</summary>
    public required int LatencyP50Us { get; init; }

    /// <summary>99 of 100 messages took no longer than this, in microseconds.</summary>
    public required int LatencyP99Us { get; init; }

    /// <summary>What was wrong with the messages over the whole run, warm-up included; empty when nothing was.</summary>
    public required string Faults { get; init; }
}
