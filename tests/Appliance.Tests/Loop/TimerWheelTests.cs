using Appliance.Loop;

namespace Appliance.Tests.Loop;

/// <summary>Timers, with times passed in: each runs out once, never early, and at most a tick late.</summary>
public sealed class TimerWheelTests
{
    private const int Tick = TimerWheel.TickMs;
    private const long Start = 1_234_567;
    private const int Revolution = 512 * Tick;

    /// <summary>Milliseconds to wait.</summary>
    public static TheoryData<int> Waits => [0, 1, Tick - 1, Tick, Tick + 1, 1000, Revolution - Tick, Revolution, Revolution + 1, 10 * Revolution, 86_400_000];

    [Theory]
    [MemberData(nameof(Waits))]
    public void Timer_runs_out_on_time(int waitMs)
    {
        using var wheel = new TimerWheel(1, Start);
        wheel.Arm(new(0), Start + waitMs);
        var fired = new Fired();
        long now = Start;
        for (int turns = 0; fired.Timers.Count == 0; turns++)
        {
            Assert.InRange(turns, 0, 2 + (2 * waitMs / Revolution));
            int next = wheel.MillisecondsToNext(now);
            Assert.InRange(next, 0, Revolution);
            now += next;
            wheel.Expire(now, fired);
        }

        Assert.InRange(now, Start + waitMs, Start + waitMs + (2 * Tick));
        Assert.Equal([0], fired.Timers);
        Assert.Equal(-1, wheel.MillisecondsToNext(now));
    }

    [Theory]
    [MemberData(nameof(Waits))]
    public void Timer_is_not_early_and_not_forgotten_by_a_loop_that_was_away(int waitMs)
    {
        foreach (int awayMs in (int[])[0, 3 * Revolution, 100 * Revolution])
        {
            using var wheel = new TimerWheel(1, Start);
            var fired = new Fired();
            wheel.Arm(new(0), Start + waitMs);
            wheel.Expire(Start + waitMs - 1, fired);
            Assert.Empty(fired.Timers);
            wheel.Expire(Start + waitMs + (2 * Tick) + awayMs, fired);
            Assert.Equal([0], fired.Timers);
        }
    }

    [Fact]
    public void Wheel_that_stood_still_does_not_make_a_new_timer_early()
    {
        using var wheel = new TimerWheel(1, Start);
        long now = Start + (1000L * Revolution);
        wheel.Arm(new(0), now + 1000);
        var fired = new Fired();
        wheel.Expire(now + 999, fired);
        Assert.Empty(fired.Timers);
        wheel.Expire(now + 1000 + Tick, fired);
        Assert.Equal([0], fired.Timers);
    }

    [Theory]
    [InlineData(100)]
    [InlineData(30_000)]
    [InlineData(3_600_000)]
    public void Armed_timer_tells_when_it_runs_out(long afterMs)
    {
        using var wheel = new TimerWheel(2, Start);
        wheel.Arm(new(1), Start + afterMs);
        Assert.InRange(wheel.DueMs(new(1)), Start + afterMs, Start + afterMs + Tick);
        Assert.Equal(0, wheel.DueMs(new(0)));
        wheel.Cancel(new(1));
        Assert.Equal(0, wheel.DueMs(new(1)));
    }

    [Fact]
    public void Cancelled_timer_never_runs_out()
    {
        using var wheel = new TimerWheel(2, Start);
        wheel.Arm(new(0), Start + 1000);
        wheel.Cancel(new(0));
        wheel.Cancel(new(0));
        wheel.Cancel(new(1));
        Assert.Equal(-1, wheel.MillisecondsToNext(Start));
        Assert.Empty(After(wheel, Start + 5000));
    }

    [Fact]
    public void Timer_armed_again_runs_out_at_its_last_time_alone()
    {
        using var wheel = new TimerWheel(1, Start);
        wheel.Arm(new(0), Start + 1000);
        wheel.Arm(new(0), Start + 3000);
        Assert.Empty(After(wheel, Start + 2999));
        wheel.Arm(new(0), Start + 4000);
        wheel.Arm(new(0), Start + 3500);
        Assert.Equal([0], After(wheel, Start + 3500 + Tick));
        Assert.Empty(After(wheel, Start + 10_000));
    }

    [Fact]
    public void Time_in_the_past_is_the_next_tick()
    {
        using var wheel = new TimerWheel(1, Start);
        wheel.Arm(new(0), 0);
        Assert.InRange(wheel.MillisecondsToNext(Start), 0, Tick);
        Assert.Equal([0], After(wheel, Start + Tick));
    }

    [Fact]
    public void Handler_may_arm_its_timer_again()
    {
        using var wheel = new TimerWheel(1, Start);
        var fired = new Fired { Then = (timer, now) => wheel.Arm(new(timer), now + 1000) };
        wheel.Arm(new(0), Start + 1000);
        for (long now = Start; now <= Start + 10_000; now += 10)
        {
            wheel.Expire(now, fired);
        }

        Assert.InRange(fired.Timers.Count, 9, 10);
    }

    [Theory]
    [InlineData(1, Tick)]
    [InlineData(1000, 1000)]
    [InlineData(Revolution + 50, Revolution + 50)]
    public void Persistent_timer_runs_out_again_and_again(int everyMs, int leastMs)
    {
        using var wheel = new TimerWheel(1, Start);
        List<long> times = [];
        var fired = new Fired { Then = (_, at) => times.Add(at) };
        wheel.Arm(new(0), Start, everyMs);
        for (long now = Start; times.Count < 20; now += wheel.MillisecondsToNext(now))
        {
            wheel.Expire(now, fired);
        }

        Assert.All(times.Zip(times.Skip(1), (one, next) => next - one), apart => Assert.InRange(apart, leastMs, everyMs + (2 * Tick)));
    }

    [Fact]
    public void Persistent_timer_runs_out_once_for_a_loop_that_was_away()
    {
        using var wheel = new TimerWheel(1, Start);
        wheel.Arm(new(0), Start, everyMs: 1000);
        Assert.Equal([0], After(wheel, Start + (3 * Revolution)));
        Assert.Empty(After(wheel, Start + (3 * Revolution) + 999));
        Assert.Equal([0], After(wheel, Start + (3 * Revolution) + 1000 + Tick));
    }

    [Fact]
    public void Persistent_timer_ends_when_it_is_cancelled_or_armed_once()
    {
        using var wheel = new TimerWheel(2, Start);
        var fired = new Fired
        {
            Then = (timer, now) =>
            {
                wheel.Cancel(new(timer));
                if (timer == 1 && now == Start + 1000)
                {
                    wheel.Arm(new(timer), now + 1000);
                }
            },
        };
        wheel.Arm(new(0), Start, everyMs: 100);
        wheel.Arm(new(1), Start, everyMs: 100);
        for (long now = Start + 1000; now < Start + 5000; now += Tick)
        {
            wheel.Expire(now, fired);
        }

        Assert.Equal([0, 1, 1], fired.Timers.Order());
        Assert.Equal(-1, wheel.MillisecondsToNext(Start + 5000));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(Tick)]
    [InlineData(Revolution)]
    public void Handler_that_arms_for_now_does_not_hold_the_loop_up(int againMs)
    {
        using var wheel = new TimerWheel(1, Start);
        var fired = new Fired { Then = (timer, now) => wheel.Arm(new(timer), now + againMs) };
        wheel.Arm(new(0), Start);
        wheel.Expire(Start + (10 * Tick), fired);
        Assert.InRange(fired.Timers.Count, 1, 11);
    }

    [Fact]
    public void Handler_may_cancel_a_timer_that_is_due_as_well()
    {
        using var wheel = new TimerWheel(3, Start);
        var fired = new Fired { Then = (timer, _) => wheel.Cancel(new(timer == 1 ? 2 : 1)) };
        wheel.Arm(new(0), Start + 5000);
        wheel.Arm(new(1), Start + 1000);
        wheel.Arm(new(2), Start + 1000);
        wheel.Expire(Start + 2000, fired);
        Assert.Single(fired.Timers);
        Assert.InRange(wheel.MillisecondsToNext(Start + 2000), 1, 5000);
    }

    [Fact]
    public void Handler_may_arm_others_for_the_slot_that_is_running_out()
    {
        using var wheel = new TimerWheel(2, Start);
        bool armed = false;
        var fired = new Fired();
        fired.Then = (_, now) =>
        {
            if (!armed)
            {
                armed = true;
                wheel.Arm(new(1), now + Revolution);
            }
        };
        wheel.Arm(new(0), Start + 1000);
        wheel.Expire(Start + 1000 + Tick, fired);
        Assert.Equal([0], fired.Timers);
        wheel.Expire(Start + 1000 + Tick + Revolution - 1, fired);
        Assert.Equal([0], fired.Timers);
        wheel.Expire(Start + 1000 + (2 * Tick) + Revolution, fired);
        Assert.Equal([0, 1], fired.Timers);
    }

    [Fact]
    public void Hundred_thousand_timers_run_out_each_on_time()
    {
        const int Count = 100_000;
        const int Step = 50;
        using var wheel = new TimerWheel(Count, Start);
        var random = new Random(1);
        long[] due = [.. Enumerable.Range(0, Count).Select(_ => Start + random.Next(3 * Revolution))];
        for (int timer = 0; timer < Count; timer++)
        {
            wheel.Arm(new(timer), Start + random.Next(3 * Revolution));
            wheel.Arm(new(timer), due[timer]);
        }

        int wrong = 0;
        var fired = new Fired { Then = (timer, now) => wrong += now >= due[timer] && now <= due[timer] + (2 * Tick) + Step ? 0 : 1 };
        for (long now = Start; now <= Start + (4 * Revolution); now += Step)
        {
            wheel.Expire(now, fired);
        }

        Assert.Equal(0, wrong);
        Assert.Equal((Count, Count), (fired.Timers.Count, fired.Timers.Distinct().Count()));
    }

    [Fact]
    public void Any_order_of_arming_cancelling_and_waiting() => RandomCases.Check(RandomCases.Randomness, AssertLikeModel);

    /// <summary>A dictionary of times is the model; a wait of the loop is never longer than to the next timer and a tick.</summary>
    private static void AssertLikeModel(Random random)
    {
        const int Timers = 20;
        using var wheel = new TimerWheel(Timers, Start);
        Dictionary<int, long> due = [];
        long now = Start;
        for (int operation = 0; operation < 200; operation++)
        {
            int timer = random.Next(Timers);
            switch (random.Next(3))
            {
                case 0:
                    due[timer] = now + random.Next(random.Next(1, 4 * Revolution));
                    wheel.Arm(new(timer), due[timer]);
                    break;
                case 1:
                    due.Remove(timer);
                    wheel.Cancel(new(timer));
                    break;
                default:
                    int next = wheel.MillisecondsToNext(now);
                    Assert.Equal(due.Count == 0, next < 0);
                    Assert.True(due.Count == 0 || now + next <= Math.Max(now, due.Values.Min()) + (2 * Tick));
                    now += random.Next(2) == 0 ? Math.Max(0, next) : random.Next(2 * Revolution);
                    foreach (int fired in After(wheel, now))
                    {
                        Assert.True(due.Remove(fired, out long time) && time <= now, "early, or not armed");
                    }

                    Assert.DoesNotContain(due.Values, time => time + (2 * Tick) <= now);
                    break;
            }
        }
    }

    private static List<int> After(TimerWheel wheel, long nowMs)
    {
        var fired = new Fired();
        wheel.Expire(nowMs, fired);
        return fired.Timers;
    }

    /// <summary>Notes which timers ran out, and does what the test wants then.</summary>
    private sealed class Fired : ITimerHandler
    {
        public List<int> Timers { get; } = [];

        public Action<int, long>? Then { get; set; }

        public void OnTimer(TimerId timer, long nowMs)
        {
            Timers.Add(timer.Index);
            Then?.Invoke(timer.Index, nowMs);
        }
    }
}
