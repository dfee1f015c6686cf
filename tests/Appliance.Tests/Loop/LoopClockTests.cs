using Appliance.Loop;
using Appliance.Native;

namespace Appliance.Tests.Loop;

/// <summary>What a loop takes for time when the monotonic clock stands anywhere, jumps, or begins anew.</summary>
public sealed class LoopClockTests
{
    private const long Second = 1_000_000_000;
    private const long End = 1L << 62;

    /// <summary>What the clock shows before and after a turn, how long the turn waited at most, and how many milliseconds have passed for the loop.</summary>
    public static TheoryData<long, long, int, long> Turns => new()
    {
        { 0, 0, 0, 0 },
        { 5 * Second, 6 * Second, 1000, 1000 },
        { 5 * Second, 6 * Second, -1, 1000 },
        { 5 * Second, 86_400 * Second, -1, 86_395_000 },
        { 5 * Second, 86_400 * Second, 1000, 1000 },
        { 5 * Second, 4 * Second, 1000, 0 },
        { 5 * Second, 4 * Second, -1, 0 },
        { 86_400 * Second, 0, 1000, 0 },
        { End - Second, End - 1, 1000, 999 },
        { End - 1, 0, 1000, 0 },
        { End - Second, Second, -1, 0 },
    };

    [Theory]
    [MemberData(nameof(Turns))]
    public void Turn_takes_as_long_as_it_may_have(long beforeNs, long afterNs, int waitedMs, long passedMs)
    {
        var clock = new LoopClock();
        clock.Update(beforeNs, DateTimeOffset.UnixEpoch, -1);
        long began = clock.NowMs;
        clock.Update(afterNs, DateTimeOffset.UnixEpoch, waitedMs);
        Assert.InRange(clock.NowMs - began, passedMs, passedMs + 1);
        Assert.Equal(afterNs, clock.NowNs);
        Assert.Equal(afterNs / 1_000_000, clock.SharedMs);

        long then = clock.NowMs;
        clock.Update(afterNs + Second, DateTimeOffset.UnixEpoch, 1000);
        Assert.Equal(1000, clock.NowMs - then);
    }

    /// <summary>What the kernel shows, and what is read of it: never below zero, and the same as ever on a host that has run for less than 146 years.</summary>
    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 1)]
    [InlineData(146L * 365 * 86_400 * Second, 146L * 365 * 86_400 * Second)]
    [InlineData(End - 1, End - 1)]
    [InlineData(End, 0)]
    [InlineData(End + 1, 1)]
    [InlineData(long.MaxValue, End - 1)]
    [InlineData(long.MinValue, 0)]
    [InlineData(long.MinValue + 7, 7)]
    [InlineData(-1, End - 1)]
    public void Monotonic_clock_is_never_below_zero(long shownNs, long readNs) => Assert.Equal(readNs, MonotonicClock.Fold(shownNs));

    [Fact]
    public void Monotonic_clock_goes_on()
    {
        long began = MonotonicClock.ReadNs();
        Assert.True(Polling.Until(() => MonotonicClock.ReadNs() > began, limitMs: 10_000, everyMs: 1));
    }

    /// <summary>It is looked at least once, and as often as the thing takes to happen.</summary>
    [Theory]
    [InlineData(0, 0, true)]
    [InlineData(1, 0, true)]
    [InlineData(3, 10_000, true)]
    [InlineData(int.MaxValue, 0, false)]
    [InlineData(int.MaxValue, 20, false)]
    public void Polling_ends_with_what_it_waits_for_or_with_its_limit(int looksBefore, long limitMs, bool happens)
    {
        int looks = 0;
        Assert.Equal(happens, Polling.Until(() => looks++ == looksBefore, limitMs, everyMs: 1));
    }
}
