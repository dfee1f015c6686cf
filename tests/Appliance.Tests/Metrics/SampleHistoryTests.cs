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
            history.Add(Of(Server(1) with { UnixMs = second * 1000 }, Slot(0, second, 1000)));
        }

        using var all = JsonDocument.Parse(history.Write(0));
        Assert.All(all.RootElement.EnumerateObject(), column => Assert.Equal(SampleHistory.SamplesMax, column.Value.GetArrayLength()));
        Assert.Equal((51_000, 650_000), (all.RootElement.GetProperty("time")[0].GetInt64(), all.RootElement.GetProperty("time")[599].GetInt64()));
        Assert.Equal(650, all.RootElement.GetProperty("rps")[599].GetDouble());
        Assert.Equal(1 << 20, all.RootElement.GetProperty("memory_bytes")[599].GetProperty("0").GetInt64());

        using var newer = JsonDocument.Parse(history.Write(649_000));
        Assert.Equal(650_000, Assert.Single(newer.RootElement.GetProperty("time").EnumerateArray()).GetInt64());
        using var nothing = JsonDocument.Parse(history.Write(long.MaxValue));
        Assert.Equal(0, nothing.RootElement.GetProperty("rps").GetArrayLength());
    }
}
