using Appliance.Chat;
using static Appliance.Chat.RateVerdict;

namespace Appliance.Tests.Chat;

/// <summary>Messages a second of one connection, with times passed in.</summary>
public sealed class RateLimitTests
{
    private const int Rate = 5;
    private const int Burst = 2 * Rate;

    [Fact]
    public void Burst_passes_then_two_strikes_then_the_end()
    {
        var limit = default(RateLimit);
        Assert.All(Enumerable.Range(0, Burst), _ => Assert.Equal(Pass, limit.Take(Rate, 1000)));
        Assert.Equal([Refuse, Refuse, Close], Enumerable.Range(0, 3).Select(_ => limit.Take(Rate, 1000)));
    }

    [Fact]
    public void Allowed_rate_passes_for_ever()
    {
        var limit = default(RateLimit);
        Assert.All(Enumerable.Range(0, 1000), i => Assert.Equal(Pass, limit.Take(Rate, i * 1000L / Rate)));
    }

    [Fact]
    public void Pause_gives_back_what_it_lasted()
    {
        var limit = default(RateLimit);
        Assert.Equal(Burst, Passed(ref limit, 0, Burst));
        Assert.Equal(Rate, Passed(ref limit, 1000, Rate));
        Assert.Equal(Refuse, limit.Take(Rate, 1000));
        Assert.Equal(Burst, Passed(ref limit, 100_000, Burst));
        Assert.Equal(Refuse, limit.Take(Rate, 100_000));
    }

    /// <summary>A connection that moves to a worker whose clock is behind has what it had, strikes included.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(86_400_000)]
    [InlineData(-86_400_000)]
    public void Moves_to_another_clock(long aheadMs)
    {
        const long Now = 100_000_000;
        var limit = default(RateLimit);
        Assert.Equal(Burst, Passed(ref limit, Now, Burst));
        Assert.Equal([Refuse, Refuse], Enumerable.Range(0, 2).Select(_ => limit.Take(Rate, Now)));
        limit = limit.OnClock(aheadMs);
        Assert.Equal(Close, limit.Take(Rate, Now + aheadMs));
        Assert.Equal(Rate, Passed(ref limit, Now + aheadMs + 1000, Rate));
    }

    /// <summary>Times of three messages too many, and what the third gets.</summary>
    [Theory]
    [InlineData(0, 0, 0, Close)]
    [InlineData(0, 5000, 10_000, Close)]
    [InlineData(0, 5000, 10_001, Refuse)]
    [InlineData(0, 20_000, 40_000, Refuse)]
    public void Strikes_count_for_ten_seconds(int first, int second, int third, RateVerdict expected)
    {
        var limit = default(RateLimit);
        Assert.Equal(Refuse, Exceed(ref limit, 1_000_000 + first));
        Assert.Equal(Refuse, Exceed(ref limit, 1_000_000 + second));
        Assert.Equal(expected, Exceed(ref limit, 1_000_000 + third));
    }

    /// <summary>The ten seconds are any ten seconds, not those behind the first strike.</summary>
    [Fact]
    public void Strikes_are_counted_back_from_the_last()
    {
        var limit = default(RateLimit);
        Assert.Equal(Refuse, Exceed(ref limit, 1_000_000));
        Assert.Equal(Refuse, Exceed(ref limit, 1_009_000));
        Assert.Equal(Refuse, Exceed(ref limit, 1_011_000));
        Assert.Equal(Close, Exceed(ref limit, 1_012_000));
    }

    [Fact]
    public void Rate_zero_passes_all()
    {
        var limit = default(RateLimit);
        Assert.All(Enumerable.Range(0, 1000), _ => Assert.Equal(Pass, limit.Take(0, 0)));
    }

    [Fact]
    public void Largest_rate_is_exact()
    {
        var limit = default(RateLimit);
        Assert.Equal(200_000, Passed(ref limit, 0, 200_000));
        Assert.Equal(Refuse, limit.Take(100_000, 0));
    }

    /// <summary>Sends until the first refusal.</summary>
    private static RateVerdict Exceed(ref RateLimit limit, long nowMs)
    {
        RateVerdict verdict;
        do
        {
            verdict = limit.Take(Rate, nowMs);
        }
        while (verdict == Pass);
        return verdict;
    }

    private static int Passed(ref RateLimit limit, long nowMs, int count)
    {
        int rate = count > Burst ? 100_000 : Rate;
        int passed = 0;
        for (int i = 0; i < count; i++)
        {
            passed += limit.Take(rate, nowMs) == Pass ? 1 : 0;
        }

        return passed;
    }
}
