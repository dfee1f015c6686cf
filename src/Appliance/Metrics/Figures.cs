namespace Appliance.Metrics;

/// <summary>
/// The figures of one worker, or of all together, over one interval: what every format shows. Busy time that reaches over a border
/// was split there; an idle loop has no busy time.
/// </summary>
public sealed class Figures
{
    private const double NsPerSecond = 1e9;
    private const double NsPerMs = 1e6;

    /// <summary>What was counted up to the end of the interval.</summary>
    public WorkerFigures Counted;

    /// <summary>What was counted in the interval.</summary>
    public WorkerFigures InInterval;

    /// <summary>The server as a whole at the end of the interval.</summary>
    public required ServerSnapshot Server { get; init; }

    /// <summary>Length of the interval.</summary>
    public required long IntervalNs { get; init; }

    /// <summary>Time that the loops could have worked: the interval, once for each worker that served.</summary>
    public long AvailableNs { get; private set; }

    /// <summary>Clients now.</summary>
    public long Connections { get; private set; }

    /// <summary>Connections that wait to be taken.</summary>
    public long ListenQueue { get; private set; }

    /// <summary>Bytes that the slowest client has not got.</summary>
    public long LagBytes { get; private set; }

    /// <summary>Memory in bytes.</summary>
    public long MemoryBytes { get; set; }

    /// <summary>Processes that were replaced.</summary>
    public long Restarts { get; private set; }

    /// <summary>Since when, in milliseconds since 1970; 0 for not at all.</summary>
    public long ReadyMs { get; set; }

    /// <summary>Workers that serve.</summary>
    public int Serving { get; private set; }

    /// <summary>Workers that serve and send through io_uring.</summary>
    public int Uring { get; private set; }

    /// <summary>Workers that are dead or stuck.</summary>
    public int Unhealthy { get; private set; }

    /// <summary>Requests in a second.</summary>
    public double RequestsPerSecond => PerSecond(InInterval.Requests);

    /// <summary>Deliveries in a second.</summary>
    public double DeliveriesPerSecond => PerSecond(InInterval.Deliveries);

    /// <summary>Time spent on requests, divided by the requests; 0 without any.</summary>
    public double AverageRequestMs => InInterval.Requests == 0 ? 0 : InInterval.RequestNs / NsPerMs / InInterval.Requests;

    /// <summary>Share of the time that was not busy: 100 when no loop could have worked.</summary>
    public double IdlePercent => AvailableNs == 0 ? 100 : Math.Clamp(100.0 * (AvailableNs - InInterval.BusyNs) / AvailableNs, 0, 100);

    /// <summary>Time since <see cref="ReadyMs"/>.</summary>
    public double UptimeSeconds => ReadyMs == 0 ? 0 : Math.Max(0, Server.UnixMs - ReadyMs) / 1000.0;

    /// <summary>The latency from append to delivery that a share of the interval's deliveries does not exceed.</summary>
    public double DeliveryMs(double share) => DeliveryLatency.QuantileMs(InInterval.DeliveryCounts, share);

    /// <summary>Adds a slot.</summary>
    public void Add(SlotInterval slot)
    {
        var (before, after, now) = (slot.Before, slot.After, slot.Now);
        InInterval.Add(after.Figures.Since(before.Figures));
        bool served = after.State is WorkerState.Serving or WorkerState.Ending or WorkerState.Stuck;
        AvailableNs += served && IntervalNs > 0 ? (before.AtNs > 0 ? after.AtNs - before.AtNs : IntervalNs) : 0;
        Counted.Add(now.Figures);
        Connections += now.Connections;
        ListenQueue += now.ListenQueue;
        LagBytes = Math.Max(LagBytes, now.LagBytes);
        MemoryBytes += now.MemoryBytes;
        Restarts += now.Restarts;
        Serving += now.State == WorkerState.Serving ? 1 : 0;
        Uring += now.State == WorkerState.Serving ? now.Uring : 0;
        Unhealthy += now.State is WorkerState.Dead or WorkerState.Stuck ? 1 : 0;
        ReadyMs = Math.Max(ReadyMs, now.ReadyMs);
    }

    private double PerSecond(long count) => IntervalNs == 0 ? 0 : count * NsPerSecond / IntervalNs;
}
