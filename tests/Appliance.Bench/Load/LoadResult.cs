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

    /// <summary>Times from the sending of a message to its reading.</summary>
    public required Latency Latency { get; init; }

    /// <summary>Messages of the whole run, warm-up included, that had not come when the generator stopped waiting.</summary>
    public required long Outstanding { get; init; }

    /// <summary>What was wrong with the messages over the whole run, warm-up included; empty when nothing was.</summary>
    public required string Faults { get; init; }
}

/// <summary>Times in microseconds.</summary>
/// <param name="P50Us">Half of the messages took no longer.</param>
/// <param name="P99Us">99 of 100 took no longer.</param>
/// <param name="P999Us">999 of 1,000 took no longer.</param>
/// <param name="MaxUs">None took longer.</param>
public readonly record struct Latency(int P50Us, int P99Us, int P999Us, int MaxUs);
