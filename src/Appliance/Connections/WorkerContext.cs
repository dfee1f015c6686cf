using Appliance.Config;
using Appliance.Loop;
using Appliance.Metrics;
using Appliance.Moderation;
using Appliance.Rooms;

namespace Appliance.Connections;

/// <summary>What all parts of one worker share. One thread uses it.</summary>
public sealed class WorkerContext
{
    /// <summary>Which worker this is.</summary>
    public required WorkerIdentity Worker { get; init; }

    /// <summary>The settings in force; a reload exchanges them between two turns.</summary>
    public required Settings Settings { get; set; }

    /// <summary>The rooms of the server.</summary>
    public required RoomLog Log { get; init; }

    /// <summary>The descriptors that the loop waits for.</summary>
    public required Poller Poller { get; init; }

    /// <summary>The loop's time.</summary>
    public required LoopClock Clock { get; init; }

    /// <summary>The timers: one for each connection, at the number of its descriptor, then those of rooms and of the worker.</summary>
    public required TimerWheel Timers { get; init; }

    /// <summary>The connections.</summary>
    public required ConnectionTable Table { get; init; }

    /// <summary>What operators have forbidden, to whom.</summary>
    public ModerationView Moderation { get; init; } = new(null);

    /// <summary>Gets what happens to connections, for the log.</summary>
    public required IConnectionObserver Observer { get; init; }

    /// <summary>The worker's counts.</summary>
    public WorkerCounters Counters { get; } = new();

    /// <summary>The loop's time in milliseconds: <see cref="LoopClock.NowMs"/>.</summary>
    public long NowMs => Clock.NowMs;

    /// <summary>Sets the timer of a connection to run out in so many milliseconds.</summary>
    public void ArmIn(int fd, long milliseconds) => ArmIn(new TimerId(fd), milliseconds);

    /// <summary>Sets a timer to run out after so many milliseconds.</summary>
    public void ArmIn(TimerId timer, long milliseconds) => Timers.Arm(timer, Clock.NowMs + milliseconds);
}
