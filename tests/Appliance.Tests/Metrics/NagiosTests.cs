using Appliance.Metrics;
using static Appliance.Tests.Metrics.Samples;

namespace Appliance.Tests.Metrics;

/// <summary>Thresholds in the plugins' syntax, and the state and words that follow from them.</summary>
public sealed class NagiosTests
{
    /// <summary>A range, a value on its good side, a value on its bad side.</summary>
    public static TheoryData<string, double, double> Ranges => new()
    {
        { "10", 10, 10.1 },
        { "10", 0, -1 },
        { "10:", 10, 9.9 },
        { "10:", 1e12, 0 },
        { "~:10", -1000, 11 },
        { "10:20", 15, 21 },
        { "10:20", 20, 9 },
        { "@10:20", 9, 15 },
        { "@10:20", 21, 10 },
        { "@10", 11, 5 },
        { ":10", 0, -1 },
        { "0.5:1.5", 1, 2 },
        { "-5:5", -5, -6 },
    };

    [Theory]
    [MemberData(nameof(Ranges))]
    public void Range_tells_good_from_bad(string range, double good, double bad)
    {
        List<Threshold> thresholds = [];
        Assert.Null(Threshold.TryParse($"rps={range}", thresholds));
        Assert.Equal((false, true), (thresholds[0].IsCrossedBy(good), thresholds[0].IsCrossedBy(bad)));
        Assert.Equal(range, thresholds[0].Text);
    }

    [Theory]
    [InlineData("10")]
    [InlineData("=10")]
    [InlineData("nothing=10")]
    [InlineData("rps=")]
    [InlineData("rps=ten")]
    [InlineData("rps=20:10")]
    [InlineData("rps=1:2:3")]
    [InlineData("rps=@")]
    [InlineData("rps=1e3")]
    [InlineData("connections=5,rps=x")]
    public void Wrong_threshold_is_told(string text) => Assert.Contains('\'', Threshold.TryParse(text, [])!);

    [Theory]
    [InlineData("", "", NagiosState.Ok, "OK - 1 workers, ")]
    [InlineData("rps=5", "", NagiosState.Warning, "WARNING - rps is 10 (5), 1 workers, ")]
    [InlineData("rps=5", "rps=8", NagiosState.Critical, "CRITICAL - rps is 10 (8), rps is 10 (5), 1 workers, ")]
    [InlineData("idle_percent=96:", "idle_percent=20:", NagiosState.Warning, "WARNING - idle_percent is 95 (96:), ")]
    [InlineData("connections=10,rps=5", "", NagiosState.Warning, "WARNING - rps is 10 (5), ")]
    public void Thresholds_decide_on_the_state(string warning, string critical, NagiosState state, string beginning)
    {
        var (found, line) = Line(OneWorker(10, 5 * Ms), warning, critical);
        Assert.Equal(state, found);
        Assert.StartsWith(beginning, line, StringComparison.Ordinal);
    }

    [Fact]
    public void Thresholds_stand_in_the_performance_data()
    {
        string line = Line(OneWorker(10, 5 * Ms), "rps=5,idle_percent=20:", "rps=50,connections=@7:9").Line;
        Assert.Contains(" rps=10;5;50;0 ", line, StringComparison.Ordinal);
        Assert.Contains(" idle_percent=95%;20:;;0;100 ", line, StringComparison.Ordinal);
        Assert.Contains(" connections=5;;@7:9;0 ", line, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(WorkerState.Dead, NagiosState.Critical, "CRITICAL - worker 1 is dead, ")]
    [InlineData(WorkerState.Stuck, NagiosState.Critical, "CRITICAL - worker 1 is stuck, ")]
    [InlineData(WorkerState.Starting, NagiosState.Warning, "WARNING - worker 1 is starting, ")]
    [InlineData(WorkerState.Ending, NagiosState.Ok, "OK - 1 workers, ")]
    public void State_of_workers_decides_without_any(WorkerState worker, NagiosState state, string beginning)
    {
        var (found, line) = NagiosLine.Write(Of(Slot(0, 1, Ms), Slot(1, 1, Ms, worker)), [], []);
        Assert.Equal(state, found);
        Assert.StartsWith(beginning, line, StringComparison.Ordinal);
    }

    [Fact]
    public void Stopping_server_is_critical() =>
        Assert.StartsWith(
            "CRITICAL - the server is stopping, ", NagiosLine.Write(Of(ServerAt(1) with { Stopping = 1 }, Slot(0, 1, Ms)), [], []).Line,
            StringComparison.Ordinal);

    private static (NagiosState State, string Line) Line(Sample sample, string warning, string critical)
    {
        List<Threshold> warnings = [];
        List<Threshold> criticals = [];
        Assert.Null(Threshold.TryParse(warning, warnings));
        Assert.Null(Threshold.TryParse(critical, criticals));
        return NagiosLine.Write(sample, warnings, criticals);
    }
}
