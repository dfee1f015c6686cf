using System.Text.Json;
using Appliance.Metrics;
using static Appliance.Tests.Metrics.Samples;

namespace Appliance.Tests.Metrics;

/// <summary>Ten minutes of what is plotted.</summary>
public sealed class SampleHistoryTests
{
    [Fact]
    public void Ten_minutes_are_kept_and_told_from_a_time_on()
    {
        var history = new SampleHistory();
        for (int second = 1; second <= SampleHistory.SamplesMax + 50; second++)
        {
            history.Add(Of(ServerAt(1) with { UnixMs = second * 1000 }, Slot(0, second, 1000)));
        }

        using var all = JsonDocument.Parse(history.Write(0));
        Assert.All(all.RootElement.EnumerateObject(), column => Assert.Equal(SampleHistory.SamplesMax, column.Value.GetArrayLength()));
        Assert.Equal((51_000, 650_000), (all.RootElement.GetProperty("time")[0].GetInt64(), all.RootElement.GetProperty("time")[599].GetInt64()));
        Assert.Equal(650, all.RootElement.GetProperty("rps")[599].GetDouble());
        Assert.Equal(1 << 20, all.RootElement.GetProperty("memory_bytes")[599].GetProperty("0").GetInt64());

        using var newer = JsonDocument.Parse(history.Write(649_000));
        Assert.Equal(650_000, Assert.Single(newer.RootElement.GetProperty("time").EnumerateArray()).GetInt64());
        using var nothing = JsonDocument.Parse(history.Write(650_000));
        Assert.Equal(0, nothing.RootElement.GetProperty("rps").GetArrayLength());
    }

    /// <summary>Of a rest each second is told, so that no plot has a gap; a longer one than ten minutes is all there is.</summary>
    [Theory]
    [InlineData(5400, new long[] { 2000, 3000, 4000, 5000, 5400 })]
    [InlineData(2000, new long[] { 2000 })]
    [InlineData(1000, new long[] { 1000 })]
    public void Rest_has_a_point_each_second(long endMs, long[] times)
    {
        var history = new SampleHistory();
        history.Add(Of(ServerAt(1) with { UnixMs = 1000 }, Slot(0, 7, 1000)));
        history.AddRest(Of(ServerAt(1) with { UnixMs = endMs }, Slot(0, 0, 0)));
        using var all = JsonDocument.Parse(history.Write(0));
        Assert.Equal([1000, .. times], all.RootElement.GetProperty("time").EnumerateArray().Select(time => time.GetInt64()));
        Assert.Equal([7, .. times.Select(_ => 0)], all.RootElement.GetProperty("rps").EnumerateArray().Select(rps => rps.GetInt32()));
    }

    /// <summary>Times go on growing, and whoever asks from a time on that has not come yet gets all.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Clock_that_is_put_back_is_followed(bool rests)
    {
        const long Day = 86_400_000;
        var history = new SampleHistory();
        history.Add(Of(ServerAt(1) with { UnixMs = Day + 1000 }, Slot(0, 7, 1000)));
        history.Add(Of(ServerAt(1) with { UnixMs = Day + 2000 }, Slot(0, 8, 1000)));
        var back = Of(ServerAt(1) with { UnixMs = 3000 }, Slot(0, 9, 1000));
        if (rests)
        {
            history.AddRest(back);
        }
        else
        {
            history.Add(back);
        }

        using var all = JsonDocument.Parse(history.Write(Day + 2000));
        Assert.Equal([1000, 2000, 3000], all.RootElement.GetProperty("time").EnumerateArray().Select(time => time.GetInt64()));
        Assert.Equal([7, 8, 9], all.RootElement.GetProperty("rps").EnumerateArray().Select(rps => rps.GetInt32()));
    }

    [Fact]
    public void Rest_of_hours_is_ten_minutes()
    {
        var history = new SampleHistory();
        history.Add(Of(ServerAt(1) with { UnixMs = 1000 }, Slot(0, 7, 1000)));
        history.AddRest(Of(ServerAt(1) with { UnixMs = 10_000_000 }, Slot(0, 0, 0)));
        using var all = JsonDocument.Parse(history.Write(0));
        var times = all.RootElement.GetProperty("time").EnumerateArray().Select(time => time.GetInt64()).ToArray();
        Assert.Equal((SampleHistory.SamplesMax, 9_401_000, 10_000_000), (times.Length, times[0], times[^1]));
    }
}
