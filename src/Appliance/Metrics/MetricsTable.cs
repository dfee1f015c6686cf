using static Appliance.Metrics.MetricKind;
using static Appliance.Metrics.MetricUnit;

namespace Appliance.Metrics;

/// <summary>All metrics, a row each; the histogram of deliveries, which only some formats can show, stands beside them.</summary>
public static class MetricsTable
{
    /// <summary>The histogram's name for Prometheus; in JSON it is <c>delivery_histogram</c>.</summary>
    public const string HistogramPrometheus = "delivery_seconds";

    /// <summary>What the histogram shows.</summary>
    public const string HistogramHelp = "Time from the append of a message to its delivery to the kernel, by delivery.";

    private const double NsPerSecond = 1e9;

    /// <summary>The rows, in the order of every format.</summary>
    public static IReadOnlyList<Metric> Rows { get; } =
    [
        new("requests", "requests_total", Counter, None, "Messages handled.", f => f.Counted.Requests),
        new("rps", "requests_per_second", Gauge, None, "Messages handled a second, in the last interval.", f => f.RequestsPerSecond),
        new(
            "avg_request_ms", "request_seconds_avg", Gauge, Milliseconds, "Time spent on messages, divided by the messages, in the last interval.",
            f => f.AverageRequestMs),
        new("idle_percent", "idle_ratio", Gauge, Percent, "Share of the last interval in which the loops had nothing to do.", f => f.IdlePercent),
        new("connections", "connections", Gauge, None, "Clients connected now.", f => f.Connections),
        new("deliveries", "deliveries_total", Counter, None, "Messages sent to clients: one message to ten clients counts ten.", f => f.Counted.Deliveries),
        new(
            "memory_bytes", "memory_bytes", Gauge, Bytes, "Memory (PSS): a shared page counts in equal parts for the processes that share it.",
            f => f.MemoryBytes),

        new(
            "deliveries_per_second", "deliveries_per_second", Gauge, None, "Messages sent to clients a second, in the last interval.",
            f => f.DeliveriesPerSecond),
        new(
            "delivery_p50_ms", "delivery_seconds_p50", Gauge, Milliseconds, "Median time from append to delivery, in the last interval.",
            f => f.DeliveryMs(0.5)),
        new(
            "delivery_p99_ms", "delivery_seconds_p99", Gauge, Milliseconds, "99th percentile of the time from append to delivery, in the last interval.",
            f => f.DeliveryMs(0.99)),
        new("busy_seconds", "busy_seconds_total", Counter, Seconds, "Time in which the loops were not idle.", f => f.Counted.BusyNs / NsPerSecond),
        new("request_seconds", "request_seconds_total", Counter, Seconds, "Time spent on messages.", f => f.Counted.RequestNs / NsPerSecond),

        new("accepted", "accepted_total", Counter, None, "Connections accepted.", f => f.Counted.Accepted),
        new("handshakes", "handshakes_total", Counter, None, "WebSocket handshakes completed.", f => f.Counted.Handshakes),
        new("rejected", "rejected_total", Counter, None, "Requests and handshakes that were rejected.", f => Sum(f.Counted.Rejected.ToArray()))
            { Parts = new("reason", RejectReasons.All, (f, i) => f.Counted.Rejected[i]) },
        new("closed", "closed_total", Counter, None, "WebSockets closed, by close code; 1006 is an end without a close frame.", f => Sum(f.Counted.Closed))
            { Parts = new("code", CloseKinds.All, (f, i) => f.Counted.Closed[i]) },
        new(
            "refused_messages", "refused_messages_total", Counter, None, "Texts that were refused as chat messages, by the error that the sender got.",
            f => Sum(f.Counted.Refused))
            { Parts = new("code", RefusedMessages.All, (f, i) => f.Counted.Refused[i]) },
        new("tls_handshakes", "tls_handshakes_total", Counter, None, "Handshakes of TLS completed.", f => f.Counted.TlsHandshakes),
        new("tls_failures", "tls_failures_total", Counter, None, "Connections that got no further than the handshake of TLS.", f => f.Counted.TlsFailures),
        new("received_bytes", "received_bytes_total", Counter, Bytes, "Bytes received from clients.", f => f.Counted.ReceivedBytes),
        new("sent_bytes", "sent_bytes_total", Counter, Bytes, "Bytes sent to clients.", f => f.Counted.SentBytes),
        new("dropped_slow", "dropped_slow_total", Counter, None, "Times a client read so slowly that the log overtook it.", f => f.Counted.DroppedSlow),
        new("lag_bytes", "lag_bytes", Gauge, Bytes, "Bytes of its room's log that the slowest client has not received yet.", f => f.LagBytes),
        new("listen_queue", "listen_queue", Gauge, None, "Connections that wait to be accepted.", f => f.ListenQueue),

        new("restarts", "restarts_total", Counter, None, "Worker processes that died and were replaced.", f => f.Restarts),
        new("unhealthy", "unhealthy", Gauge, None, "Workers that are dead or stuck.", f => f.Unhealthy),
        new(
            "io_uring", "io_uring", Gauge, None, "Workers that send to a whole room in one call, through io_uring; the others send to each client separately.",
            f => f.Uring),
        new("uptime_seconds", "uptime_seconds", Gauge, Seconds, "Time since the server was ready.", f => f.UptimeSeconds),
        new("workers", "workers", Gauge, None, "Worker processes that serve.", f => f.Serving) { IsPerWorker = false },
        new("workers_min", "workers_min", Gauge, None, "The least number of workers that --proc allows.", f => f.Server.WorkersLeast) { IsPerWorker = false },
        new("workers_max", "workers_max", Gauge, None, "The largest number of workers that --proc allows.", f => f.Server.WorkersMost) { IsPerWorker = false },
        new("rooms", "rooms", Gauge, None, "Rooms that exist.", f => f.Server.Rooms) { IsPerWorker = false },
        new("log_head_bytes", "log_head_bytes", Gauge, Bytes, "Position behind the newest byte, of all rooms' logs together.",
            f => f.Server.LogHeadBytes) { IsPerWorker = false },
        new("log_tail_bytes", "log_tail_bytes", Gauge, Bytes, "Position of the oldest byte that is kept, of all rooms' logs together.",
            f => f.Server.LogTailBytes) { IsPerWorker = false },
        new("queue_messages", "queue_messages", Gauge, None, "Messages in the command queue.", f => f.Server.QueueMessages) { IsPerWorker = false },
        new("queue_bytes", "queue_bytes", Gauge, Bytes, "Bytes in the command queue.", f => f.Server.QueueBytes) { IsPerWorker = false },
    ];

    /// <summary>The row of a plain name, or null.</summary>
    public static Metric? Find(string name) => Rows.FirstOrDefault(row => row.Name == name);

    private static long Sum(Span<long> counts)
    {
        long sum = 0;
        foreach (long count in counts)
        {
            sum += count;
        }

        return sum;
    }
}
