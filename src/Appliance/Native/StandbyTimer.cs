namespace Appliance.Native;

/// <summary>
/// A time limit, and what is done when it has passed. One thread of the process does that, and exists from the first timer on: the runtime's own
/// timers take a thread of the pool each time, and a host that has none to give then ends the process.
/// </summary>
public sealed class StandbyTimer : IDisposable
{
    private const int StackBytes = 256 << 10;
    private const long Never = long.MaxValue;

    private static readonly object Gate = new();
    private static readonly List<StandbyTimer> Armed = [];
    private static StandbyThread? s_thread;

    private readonly Action _passed;
    private long _dueMs = Never;

    /// <summary>A limit that is not set yet.</summary>
    /// <param name="passed">What is done on the thread of all timers; it must not wait for anything.</param>
    /// <exception cref="SyscallException">The host has no thread to give.</exception>
    public StandbyTimer(Action passed)
    {
        _passed = passed;
        lock (Gate)
        {
            if (s_thread is null)
            {
                s_thread = new StandbyThread("timers", Run, StackBytes);
                s_thread.Start();
            }
        }
    }

    /// <summary>Sets the limit, in milliseconds from now, in the place of the former one; <see cref="Timeout.Infinite"/> takes it away.</summary>
    public void Set(long afterMs)
    {
        lock (Gate)
        {
            _ = Armed.Remove(this);
            _dueMs = afterMs < 0 ? Never : MonotonicClock.ReadMs() + afterMs;
            if (_dueMs < Never)
            {
                Armed.Add(this);
                Monitor.Pulse(Gate);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Set(Timeout.Infinite);

    private static void Run()
    {
        while (true)
        {
            TakeNext()._passed();
        }
    }

    /// <summary>Waits for the next limit that passes.</summary>
    private static StandbyTimer TakeNext()
    {
        lock (Gate)
        {
            while (true)
            {
                long nowMs = MonotonicClock.ReadMs();
                long nextMs = Never;
                foreach (var timer in Armed)
                {
                    if (timer._dueMs <= nowMs)
                    {
                        _ = Armed.Remove(timer);
                        return timer;
                    }

                    nextMs = Math.Min(nextMs, timer._dueMs);
                }

                _ = Monitor.Wait(Gate, nextMs == Never ? Timeout.Infinite : (int)Math.Min(nextMs - nowMs, int.MaxValue));
            }
        }
    }
}
