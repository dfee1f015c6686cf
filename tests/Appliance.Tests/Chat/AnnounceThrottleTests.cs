using Appliance.Chat;

namespace Appliance.Tests.Chat;

/// <summary>Joins and leaves, told one by one or summed up, with times passed in.</summary>
public sealed class AnnounceThrottleTests
{
    private const long Start = 1_000_000;

    [Fact]
    public void Fifty_a_second_are_told_and_the_others_summed_up()
    {
        var throttle = default(AnnounceThrottle);
        Assert.Equal(AnnounceThrottle.PerSecondMax, Told(ref throttle, 80, join: true, Start));
        Assert.Equal(0, Told(ref throttle, 20, join: false, Start + 500));
        Assert.Equal((30, 20, true, Start + 1000), (throttle.Joins, throttle.Leaves, throttle.HasSum, throttle.DueMs));
    }

    [Fact]
    public void Sum_waits_until_it_is_told_and_order_is_kept()
    {
        var throttle = default(AnnounceThrottle);
        _ = Told(ref throttle, 51, join: true, Start);
        Assert.False(throttle.Note(join: false, Start + 5000));
        Assert.Equal((1, 1), (throttle.Joins, throttle.Leaves));
    }

    [Fact]
    public void Sum_counts_as_the_first_of_the_next_second()
    {
        var throttle = default(AnnounceThrottle);
        _ = Told(ref throttle, 100, join: true, Start);
        throttle.Told(Start + 1000);
        Assert.False(throttle.HasSum);
        Assert.Equal(AnnounceThrottle.PerSecondMax - 1, Told(ref throttle, 100, join: true, Start + 1999));
        Assert.Equal(Start + 2000, throttle.DueMs);
    }

    [Fact]
    public void New_second_begins_with_its_first_announcement()
    {
        var throttle = default(AnnounceThrottle);
        Assert.Equal(50, Told(ref throttle, 50, join: true, Start));
        Assert.Equal(50, Told(ref throttle, 50, join: false, Start + 1000));
        Assert.False(throttle.HasSum);
        Assert.False(throttle.Note(join: true, Start + 1999));
    }

    [Fact]
    public void Limit_of_nothing_sums_up_all()
    {
        var throttle = default(AnnounceThrottle);
        Assert.False(throttle.Note(join: true, Start, perSecondMax: 0));
        Assert.Equal((1, 0, Start + 1000), (throttle.Joins, throttle.Leaves, throttle.DueMs));
    }

    private static int Told(ref AnnounceThrottle throttle, int count, bool join, long nowMs)
    {
        int told = 0;
        for (int i = 0; i < count; i++)
        {
            told += throttle.Note(join, nowMs) ? 1 : 0;
        }

        return told;
    }
}
