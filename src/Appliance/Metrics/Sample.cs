using System.Globalization;

namespace Appliance.Metrics;

/// <summary>A worker's slot at both borders of an interval.</summary>
/// <param name="Worker">Number of the worker, from 0 on.</param>
/// <param name="Before">At the beginning.</param>
/// <param name="After">At the end.</param>
/// <param name="Now">Counts and states: as at the end of the interval, or as of now for people, who want to see the effect of what they have just done.</param>
public sealed record SlotInterval(int Worker, WorkerSnapshot Before, WorkerSnapshot After, WorkerSnapshot Now)
{
    /// <summary>A slot, as at the end of the interval.</summary>
    public SlotInterval(int worker, in WorkerSnapshot before, in WorkerSnapshot after)
        : this(worker, before, after, after)
    {
    }
}

/// <summary>Which build of the product tells its figures.</summary>
/// <param name="Version">As <c>0.1.0</c>.</param>
/// <param name="Commit">Of the sources.</param>
public sealed record BuildInfo(string Version, string Commit);

/// <summary>One worker in a sample.</summary>
/// <param name="Worker">Its number.</param>
/// <param name="Pid">Its process; 0 for none.</param>
/// <param name="State">How it is.</param>
/// <param name="Figures">Its figures.</param>
public sealed record WorkerSample(int Worker, int Pid, WorkerState State, Figures Figures);

/// <summary>
/// The figures of one interval, immutable: every request in every format gets these until the next interval is over.
/// </summary>
public sealed class Sample
{
    /// <summary>A worker is reported as stuck after half of the time after which it is killed, within these bounds.</summary>
    private const long StuckAfterNsMax = 5_000_000_000;

    /// <summary>An idle loop turns within 1.5 s, because it is woken at a sample after a quarter of this time: the rest is for a loaded host.</summary>
    private const long StuckAfterNsMin = 2_000_000_000;

    /// <summary>A loop that was woken turns within this time, a little less than from one sample to the next.</summary>
    private const long TurnWithinNs = 900_000_000;

    private const long HalfSecondNs = 500_000_000;

    /// <summary>A sampler that has taken none for so long does not any more, and with it the master.</summary>
    private const long StaleAfterNs = 5_000_000_000;

    private const int WorkersMax = 64;

    /// <summary>The figures between two borders.</summary>
    /// <param name="build">Which build tells them.</param>
    /// <param name="before">The server at the beginning; never taken for a server that has just begun.</param>
    /// <param name="after">The server at the end.</param>
    /// <param name="slots">Every slot that was ever used; a worker may have two.</param>
    public Sample(BuildInfo build, in ServerSnapshot before, in ServerSnapshot after, IReadOnlyList<SlotInterval> slots)
    {
        Build = build;
        Server = after;
        IntervalNs = before.AtNs > 0 ? Math.Max(0, after.AtNs - before.AtNs) : 0;
        Total = NewFigures();
        foreach (var slot in slots)
        {
            Total.Add(slot);
        }

        Total.MemoryBytes += after.MasterMemoryBytes;
        Total.ReadyMs = after.ReadyMs;
        int workers = after.Workers;
        List<WorkerSample> listed = [];
        for (int number = 0; number < WorkersMax; number++)
        {
            int worker = number;
            SlotInterval[] own = [.. slots.Where(slot => slot.Worker == worker)];
            if (own.Length > 0 && (worker < workers || Array.Exists(own, slot => slot.Now.Pid != 0)))
            {
                listed.Add(OneWorker(worker, own));
            }
        }

        Workers = listed;
    }

    /// <summary>Which build tells them.</summary>
    public BuildInfo Build { get; }

    /// <summary>The server as a whole at the end of the interval.</summary>
    public ServerSnapshot Server { get; }

    /// <summary>Length of the interval; 0 until there was one.</summary>
    public long IntervalNs { get; }

    /// <summary>How long ago the interval ended, for who has not taken the sample himself.</summary>
    public long AgeNs { get; init; }

    /// <summary>All workers together, those included that are not there any more.</summary>
    public Figures Total { get; }

    /// <summary>The workers that are there or should be, by number.</summary>
    public IReadOnlyList<WorkerSample> Workers { get; }

    /// <summary>Workers that refuse clients because they have no descriptor for them, by number.</summary>
    public IReadOnlyList<int> FullWorkers { get; init; } = [];

    /// <summary>Why the journal cannot be written, in words; null when it can, or there is none.</summary>
    public string? JournalFailure { get; init; }

    /// <summary>Whether nothing is wrong that somebody should see to: what <c>/healthz</c> tells.</summary>
    public bool IsHealthy => Troubles.Count == 0;

    /// <summary>
    /// Whether every worker that should be there serves clients and the server is not about to stop: what <c>/readyz</c> tells. The chat goes
    /// on without its journal, so that does not count here.
    /// </summary>
    public bool IsReady => Hindrances.Count == 0 && Server.ReadyMs > 0 && Server.Stopping == 0 && Workers.Count > 0
        && Workers.All(worker => worker.State is WorkerState.Serving or WorkerState.Ending);

    /// <summary>What is wrong, in words: <c>worker 3 is dead</c>.</summary>
    public IReadOnlyList<string> Troubles => JournalFailure is null ? Hindrances : [.. Hindrances, $"the journal cannot be written: {JournalFailure}"];

    /// <summary>What of it keeps clients from being served.</summary>
    private IReadOnlyList<string> Hindrances =>
    [
        .. AgeNs > StaleAfterNs
            ? [string.Create(CultureInfo.InvariantCulture, $"the figures are {AgeNs / 1_000_000_000} seconds old: the master does not answer")]
            : (string[])[],
        .. Workers.Where(worker => worker.State is WorkerState.Dead or WorkerState.Stuck).Select(worker => $"worker {worker.Worker} is {Word(worker.State)}"),
        .. FullWorkers.Select(worker => $"worker {worker} has no descriptor left for another client"),
    ];

    /// <summary>The word for a state.</summary>
    public static string Word(WorkerState state) => state switch
    {
        WorkerState.None => "none",
        WorkerState.Dead => "dead",
        WorkerState.Starting => "starting",
        WorkerState.Serving => "serving",
        WorkerState.Ending => "ending",
        WorkerState.Stuck => "stuck",

        // Shared memory may be damaged, and whoever asks is to learn that.
        _ => "unknown",
    };

    /// <summary>After how many nanoseconds without a turn a worker is stuck.</summary>
    /// <param name="workerTimeoutSeconds">When it is killed, <c>--worker-timeout</c>; 0: never.</param>
    public static long StuckAfterNs(int workerTimeoutSeconds) =>
        workerTimeoutSeconds == 0 ? StuckAfterNsMax : Math.Clamp(workerTimeoutSeconds * HalfSecondNs, StuckAfterNsMin, StuckAfterNsMax);

    /// <summary>
    /// A serving worker whose loop has not turned for too long is stuck: stopped, or in a turn that does not end. It was woken in between, and
    /// has had time to turn, so that a sampler that comes late accuses nobody who only had nothing to do.
    /// </summary>
    /// <param name="state">What it is for its master.</param>
    /// <param name="turnedNs">When it turned last.</param>
    /// <param name="wokenNs">When it was woken first since then; before that if it was not.</param>
    /// <param name="nowNs">Now.</param>
    /// <param name="workerTimeoutSeconds">When it is killed, <c>--worker-timeout</c>; 0: never.</param>
    public static WorkerState Judge(WorkerState state, long turnedNs, long wokenNs, long nowNs, int workerTimeoutSeconds)
    {
        bool isStuck = state == WorkerState.Serving
            && nowNs - turnedNs > StuckAfterNs(workerTimeoutSeconds) && wokenNs > turnedNs && nowNs - wokenNs > TurnWithinNs;
        return isStuck ? WorkerState.Stuck : state;
    }

    private Figures NewFigures() => new() { Server = Server, IntervalNs = IntervalNs };

    /// <summary>Of a worker's two slots the one that has a process tells how it is; both have counted.</summary>
    private WorkerSample OneWorker(int worker, SlotInterval[] slots)
    {
        var figures = NewFigures();
        foreach (var slot in slots)
        {
            figures.Add(slot);
        }

        var current = Array.Find(slots, slot => slot.Now.Pid != 0 && slot.Now.State != WorkerState.Ending)
            ?? Array.Find(slots, slot => slot.Now.Pid != 0)
            ?? slots[0];
        var now = current.Now;
        return new WorkerSample(worker, now.Pid, now.State, figures);
    }
}
