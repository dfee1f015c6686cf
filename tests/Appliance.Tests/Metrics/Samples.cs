using Appliance.Metrics;

namespace Appliance.Tests.Metrics;

/// <summary>Samples of made-up workers, on a clock of their own.</summary>
internal static class Samples
{
    public const long Second = 1_000_000_000;
    public const long Ms = 1_000_000;
    public const long UnixMs = 1_700_000_000_000;

    public static readonly BuildInfo Build = new("1.2.3", "abcdef");

    /// <summary>One worker over one second that handled so many requests of a length.</summary>
    public static Sample OneWorker(int requests, long requestNs) => Of(Slot(0, requests, requestNs));

    /// <summary>A second of some workers, which began with nothing.</summary>
    public static Sample Of(params SlotInterval[] slots) => Of(ServerAt(slots.Length), slots);

    public static Sample Of(ServerSnapshot after, params SlotInterval[] slots) =>
        new(Build, after with { AtNs = after.AtNs - Second, UnixMs = after.UnixMs - 1000 }, after, slots);

    public static ServerSnapshot ServerAt(int workers) => new()
    {
        AtNs = 10 * Second,
        UnixMs = UnixMs,
        ReadyMs = UnixMs - 90_000,
        Workers = workers,
        WorkersLeast = workers,
        WorkersMost = workers,
        Rooms = 3,
        LogHeadBytes = 5000,
        LogTailBytes = 1000,
        Pid = 4000,
    };

    public static SlotInterval Slot(int number, int requests, long requestNs, WorkerState state = WorkerState.Serving)
    {
        var before = Snapshot(number, state) with { AtNs = 9 * Second };
        var after = Snapshot(number, state);
        after.Figures.Requests = requests;
        after.Figures.RequestNs = after.Figures.BusyNs = requests * requestNs;
        after.Figures.Deliveries = 3 * requests;
        after.Figures.NoteDelivered(3 * requests, 2 * Ms);
        after.Figures.Rejected[(int)RejectReason.Timeout] = number;
        after.Figures.Closed[CloseKinds.PlaceOf(1001)] = 2;
        return new SlotInterval(number, before, after);
    }

    private static WorkerSnapshot Snapshot(int number, WorkerState state) => new()
    {
        AtNs = 10 * Second,
        MemoryBytes = 1 << 20,
        Connections = 5 + number,
        ReadyMs = UnixMs - 60_000,
        Pid = state is WorkerState.Dead or WorkerState.None ? 0 : 4001 + number,
        State = state,
    };
}
