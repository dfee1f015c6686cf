using Appliance.Chat;
using Appliance.Metrics;
using Appliance.Protocols.WebSocket;

namespace Appliance.Tests.Metrics;

/// <summary>The set of counters that lies in shared memory, and its lists.</summary>
public sealed unsafe class WorkerFiguresTests
{
    [Fact]
    public void Sets_have_their_sizes()
    {
        Assert.Equal(WorkerFigures.Bytes, sizeof(WorkerFigures));
        Assert.Equal(WorkerSnapshot.Bytes, sizeof(WorkerSnapshot));
        Assert.Equal(ServerSnapshot.Bytes, sizeof(ServerSnapshot));
    }

    /// <summary>No list reaches into the next one or over the end.</summary>
    [Fact]
    public void Lists_do_not_overlap()
    {
        var figures = default(WorkerFigures);
        figures.DeliveryCounts.Fill(1);
        for (int reason = 0; reason < RejectReasons.All.Count; reason++)
        {
            figures.Rejected[reason] = 2;
        }

        figures.Closed.Fill(3);
        figures.Refused.Fill(4);
        Assert.All(figures.DeliveryCounts.ToArray(), count => Assert.Equal(1, count));
        Assert.All(figures.Rejected.ToArray(), count => Assert.Equal(2, count));
        Assert.All(figures.Closed.ToArray(), count => Assert.Equal(3, count));
        Assert.All(figures.Refused.ToArray(), count => Assert.Equal(4, count));
        Assert.Equal((0, 0, 0), (figures.DeliveryNs, figures.TlsHandshakes, figures.TlsFailures));
        Assert.True((byte*)&figures + WorkerFigures.Bytes >= (byte*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref figures.Refused[^1]) + sizeof(long));
    }

    [Fact]
    public void Sets_are_added_and_subtracted_as_a_whole()
    {
        var one = new WorkerFigures { Requests = 5, DroppedSlow = 2 };
        one.Closed[^1] = 7;
        var sum = one;
        sum.Add(one);
        Assert.Equal((10, 4, 14), (sum.Requests, sum.DroppedSlow, sum.Closed[^1]));
        var difference = sum.Since(one);
        Assert.Equal((5, 2, 7), (difference.Requests, difference.DroppedSlow, difference.Closed[^1]));
        Assert.Equal(0, one.Since(sum).Requests);
    }

    [Fact]
    public void Every_reason_has_a_word()
    {
        Assert.Equal(Enum.GetValues<RejectReason>().Length, RejectReasons.All.Count);
        Assert.Equal(Enum.GetValues<ChatRefusal>().Select(ChatRefusals.KindOf).Distinct().Count() - 1, RefusedMessages.All.Count);
        Assert.All(
            (IReadOnlyList<string>[])[RejectReasons.All, CloseKinds.All, RefusedMessages.All],
            words => Assert.Equal(words.Count, words.Distinct(StringComparer.Ordinal).Count()));
    }

    [Theory]
    [InlineData(0, "1006")]
    [InlineData(1004, "other")]
    [InlineData(1010, "other")]
    [InlineData(1014, "other")]
    [InlineData(3000, "3xxx")]
    [InlineData(3999, "3xxx")]
    [InlineData(4000, "4xxx")]
    [InlineData(4999, "4xxx")]
    [InlineData(5000, "other")]
    [InlineData(1, "other")]
    public void Close_code_has_a_place(int code, string word) => Assert.Equal(word, CloseKinds.All[CloseKinds.PlaceOf(code)]);

    [Fact]
    public void Every_code_that_is_told_apart_has_its_own_place()
    {
        foreach (string word in CloseKinds.All.Where(word => char.IsAsciiDigit(word[^1])))
        {
            Assert.Equal(word, CloseKinds.All[CloseKinds.PlaceOf(int.Parse(word, System.Globalization.CultureInfo.InvariantCulture))]);
        }

        foreach (var code in Enum.GetValues<CloseCode>().Where(code => code != CloseCode.None))
        {
            Assert.Equal($"{(int)code}", CloseKinds.All[CloseKinds.PlaceOf((int)code)]);
        }
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(100, 0)]
    [InlineData(101, 1)]
    [InlineData(5_000_000, 14)]
    [InlineData(5_000_001, 15)]
    [InlineData(long.MaxValue, 15)]
    public void Latency_has_a_place(long us, int place) => Assert.Equal(place, DeliveryLatency.PlaceOf(us));

    [Fact]
    public void Quantiles_lie_on_straight_lines_between_the_bounds()
    {
        var figures = default(WorkerFigures);
        Assert.Equal(0, DeliveryLatency.QuantileMs(figures.DeliveryCounts, 0.5));
        figures.NoteDelivered(100, 700_000);
        Assert.Equal(0.75, DeliveryLatency.QuantileMs(figures.DeliveryCounts, 0.5), 9);
        Assert.Equal(0.995, DeliveryLatency.QuantileMs(figures.DeliveryCounts, 0.99), 9);
        figures.NoteDelivered(300, 50_000);
        Assert.Equal(0.1 * 200 / 300, DeliveryLatency.QuantileMs(figures.DeliveryCounts, 0.5), 9);
        figures.NoteDelivered(10_000, 60_000_000_000);
        Assert.Equal(5000, DeliveryLatency.QuantileMs(figures.DeliveryCounts, 0.99));
        Assert.Equal(10_400, figures.DeliveryCounts.ToArray().Sum());
        Assert.Equal((100 * 700_000L) + (300 * 50_000L) + (10_000 * 60_000_000_000L), figures.DeliveryNs);
    }
}
