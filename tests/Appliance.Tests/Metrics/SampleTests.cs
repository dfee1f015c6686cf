using Appliance.Metrics;
using static Appliance.Tests.Metrics.Samples;

namespace Appliance.Tests.Metrics;

/// <summary>The arithmetic of one interval: what is promised of rate, average and idle time.</summary>
public sealed class SampleTests
{
    /// <summary>Requests in a second, their length in milliseconds; rate, average, idle.</summary>
    public static TheoryData<int, double, double, double, double> Seconds => new()
    {
        { 10, 5, 10, 5, 95 },
        { 0, 0, 0, 0, 100 },
        { 1, 1000, 1, 1000, 0 },
        { 100, 10, 100, 10, 0 },
        { 200, 0.5, 200, 0.5, 90 },
        { 3, 1, 3, 1, 99.7 },
    };

    [Theory]
    [MemberData(nameof(Seconds))]
    public void Interval_has_the_promised_figures(int requests, double ms, double rps, double average, double idle)
    {
        var sample = OneWorker(requests, (long)(ms * Ms));
        foreach (var figures in (Figures[])[sample.Total, sample.Workers[0].Figures])
        {
            Assert.Equal(rps, figures.RequestsPerSecond, 9);
            Assert.Equal(average, figures.AverageRequestMs, 9);
            Assert.Equal(idle, figures.IdlePercent, 9);
        }
    }

    /// <summary>A request of 1.5 s that began in the middle: half a second of the first interval, all of the second, counted at its end.</summary>
    [Fact]
    public void Busy_time_is_split_at_the_border()
    {
        var began = new WorkerSnapshot { AtNs = 10 * Second, State = WorkerState.Serving };
        var border = began with { AtNs = 11 * Second };
        border.Figures.BusyNs = Second / 2;
        var ended = border with { AtNs = 12 * Second };
        ended.Figures.BusyNs = ended.Figures.RequestNs = 3 * Second / 2;
        ended.Figures.Requests = 1;
        var first = Of(new SlotInterval(0, began, border)).Total;
        var second = Of(new SlotInterval(0, border, ended)).Total;
        Assert.Equal((50, 0, 0), (first.IdlePercent, first.RequestsPerSecond, first.AverageRequestMs));
        Assert.Equal((0, 1, 1500), (second.IdlePercent, second.RequestsPerSecond, second.AverageRequestMs));
    }

    [Fact]
    public void Total_is_the_sum_of_all_and_idle_the_mean()
    {
        var sample = Of(Slot(0, 10, 50 * Ms), Slot(1, 30, 10 * Ms));
        Assert.Equal((40, 40), (sample.Total.Counted.Requests, sample.Total.RequestsPerSecond));
        Assert.Equal(20, sample.Total.AverageRequestMs, 9);
        Assert.Equal(60, sample.Total.IdlePercent, 9);
        Assert.Equal((11, 2 << 20, 90.0), (sample.Total.Connections, sample.Total.MemoryBytes, sample.Total.UptimeSeconds));
        Assert.Equal([50, 70], sample.Workers.Select(worker => Math.Round(worker.Figures.IdlePercent, 9)));
    }

    /// <summary>A late sampler makes a longer interval, and no higher rate.</summary>
    [Fact]
    public void Rate_is_by_the_true_length_of_the_interval()
    {
        var slot = Slot(0, 10, 5 * Ms);
        var after = ServerAt(1);
        var sample = new Sample(Build, after with { AtNs = after.AtNs - (2 * Second) }, after, [slot with { Before = slot.Before with { AtNs = 8 * Second } }]);
        Assert.Equal((5, 5), (sample.Total.RequestsPerSecond, sample.Total.AverageRequestMs));
        Assert.Equal(97.5, sample.Total.IdlePercent, 9);
    }

    [Fact]
    public void Before_the_first_interval_rates_are_nothing_and_counts_are_there()
    {
        var sample = new Sample(Build, default, ServerAt(1), [Slot(0, 10, 5 * Ms) with { Before = default }]);
        Assert.Equal((0, 10, 100), (sample.Total.RequestsPerSecond, sample.Total.Counted.Requests, sample.Total.IdlePercent));
    }

    /// <summary>A worker that is not there any more has counted all the same: totals never shrink.</summary>
    [Fact]
    public void Retired_worker_counts_in_the_total_and_is_not_listed()
    {
        var sample = Of(ServerAt(1), Slot(0, 10, Ms), Slot(1, 30, Ms, WorkerState.None));
        Assert.Equal(40, sample.Total.Counted.Requests);
        Assert.Equal([0], sample.Workers.Select(worker => worker.Worker));
    }

    [Fact]
    public void Two_slots_of_one_worker_are_one_worker()
    {
        var sample = Of(ServerAt(1), Slot(0, 10, Ms, WorkerState.None), Slot(0, 30, Ms));
        var worker = Assert.Single(sample.Workers);
        Assert.Equal((40, WorkerState.Serving, 4001), (worker.Figures.Counted.Requests, worker.State, worker.Pid));
    }

    [Theory]
    [InlineData(WorkerState.Serving, true, true)]
    [InlineData(WorkerState.Ending, true, true)]
    [InlineData(WorkerState.Starting, true, false)]
    [InlineData(WorkerState.Dead, false, false)]
    [InlineData(WorkerState.Stuck, false, false)]
    public void State_of_a_worker_decides_on_health(WorkerState state, bool healthy, bool ready)
    {
        var sample = Of(Slot(0, 1, Ms), Slot(1, 1, Ms, state));
        Assert.Equal((healthy, ready), (sample.IsHealthy, sample.IsReady));
        Assert.Equal(healthy ? [] : [$"worker 1 is {Sample.Word(state)}"], sample.Troubles);
    }

    [Fact]
    public void Server_that_stops_or_is_not_ready_yet_is_not_ready()
    {
        Assert.False(Of(ServerAt(1) with { Stopping = 1 }, Slot(0, 1, Ms)).IsReady);
        Assert.False(Of(ServerAt(1) with { ReadyMs = 0 }, Slot(0, 1, Ms)).IsReady);
    }

    [Theory]
    [InlineData(WorkerState.Serving, 5.0, 0, WorkerState.Serving)]
    [InlineData(WorkerState.Serving, 5.1, 0, WorkerState.Stuck)]
    [InlineData(WorkerState.Serving, 5.0, 30, WorkerState.Serving)]
    [InlineData(WorkerState.Serving, 5.1, 3600, WorkerState.Stuck)]
    [InlineData(WorkerState.Serving, 2.5, 5, WorkerState.Serving)]
    [InlineData(WorkerState.Serving, 2.6, 5, WorkerState.Stuck)]
    [InlineData(WorkerState.Serving, 2.0, 1, WorkerState.Serving)]
    [InlineData(WorkerState.Serving, 2.1, 1, WorkerState.Stuck)]
    [InlineData(WorkerState.Starting, 60.0, 1, WorkerState.Starting)]
    [InlineData(WorkerState.Ending, 60.0, 1, WorkerState.Ending)]
    [InlineData(WorkerState.Dead, 60.0, 1, WorkerState.Dead)]
    public void Serving_worker_that_does_not_turn_is_stuck(WorkerState state, double seconds, int workerTimeout, WorkerState judged) =>
        Assert.Equal(judged, Sample.Judge(state, 7 * Second, (7 * Second) + 1, (long)((7 + seconds) * Second), workerTimeout));
}
