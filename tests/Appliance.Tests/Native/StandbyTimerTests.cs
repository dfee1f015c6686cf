using System.Collections.Concurrent;
using Appliance.Native;

namespace Appliance.Tests.Native;

public sealed class StandbyTimerTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private readonly ConcurrentQueue<string> _passed = new();

    [Fact]
    public void Limits_pass_in_the_order_of_their_times_and_once()
    {
        using var end = new ManualResetEventSlim();
        using var first = new StandbyTimer(() => _passed.Enqueue("first"));
        using var second = new StandbyTimer(() => _passed.Enqueue("second"));
        using var last = new StandbyTimer(end.Set);
        last.Set(120);
        second.Set(60);
        first.Set(0);
        Assert.True(end.Wait(Limit));
        Assert.Equal("first second", string.Join(" ", _passed));
    }

    [Fact]
    public void Limit_that_is_taken_away_does_not_pass_and_one_that_is_set_anew_does_so_then()
    {
        using var end = new ManualResetEventSlim();
        using var taken = new StandbyTimer(() => _passed.Enqueue("taken"));
        using var anew = new StandbyTimer(() => _passed.Enqueue("anew"));
        using var disposed = new StandbyTimer(() => _passed.Enqueue("disposed"));
        using var last = new StandbyTimer(end.Set);
        taken.Set(30);
        anew.Set(int.MaxValue);
        disposed.Set(30);
        taken.Set(Timeout.Infinite);
        anew.Set(40);
        disposed.Dispose();
        last.Set(120);
        Assert.True(end.Wait(Limit));
        Assert.Equal("anew", string.Join(" ", _passed));
    }

    [Fact]
    public void Limit_may_be_set_where_it_passes()
    {
        using var end = new CountdownEvent(3);
        StandbyTimer? again = null;
        again = new StandbyTimer(() =>
        {
            if (!end.Signal())
            {
                again!.Set(0);
            }
        });
        again.Set(0);
        Assert.True(end.Wait(Limit));
        again.Dispose();
    }
}
