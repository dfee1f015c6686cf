using Appliance.Logging;
using Appliance.Loop;
using Appliance.Native;
using Appliance.Rooms;

namespace Appliance.Journal;

/// <summary>
/// Notices that the journal's disk does not answer, which its thread cannot tell, as it hangs in a call. Then readers wait no longer, nor
/// does a server that stops; the thread goes on when the disk does.
/// </summary>
internal sealed class JournalWatch : IDisposable
{
    /// <summary>A slow disk syncs what one step writes (4 MiB) in a fraction of it.</summary>
    private const int StuckMs = 3000;

    /// <summary>While nobody waits: a sync then has all that was written in a second, and what the kernel has not written by itself.</summary>
    private const int UnawaitedStuckMs = 10_000;

    private readonly string _file;
    private readonly RoomLog _rooms;
    private readonly JournalGate _gate;
    private readonly Wakeup _wakeup;
    private readonly EventLog _log;
    private readonly StandbyTimer _timer;
    private long _steps;
    private int _limitMs;
    private int _isStuck;

    /// <summary>A watch over the thread that a wake-up wakes.</summary>
    public JournalWatch(string file, RoomLog rooms, JournalGate gate, Wakeup wakeup, EventLog log)
    {
        _file = file;
        _rooms = rooms;
        _gate = gate;
        _wakeup = wakeup;
        _log = log;
        _timer = new StandbyTimer(OnStuck);
    }

    /// <summary>The thread begins a step, which takes the disk no longer than is allowed: less while readers wait for it.</summary>
    public void Begin()
    {
        _limitMs = _gate.IsAwaited ? StuckMs : UnawaitedStuckMs;
        _timer.Set(_limitMs);
    }

    /// <summary>The step has ended.</summary>
    public void End()
    {
        _timer.Set(Timeout.Infinite);
        Volatile.Write(ref _steps, _steps + 1);
    }

    /// <summary>Whether the disk was given up since this was asked last.</summary>
    public bool TakeStuck() => Volatile.Read(ref _isStuck) != 0 && Interlocked.Exchange(ref _isStuck, 0) != 0;

    /// <summary>Waits for the end of the thread, for as long as the disk takes a step now and then; false, and told, when it does not.</summary>
    public bool Await(StandbyThread thread)
    {
        for (long steps = -1; !thread.Join(StuckMs); steps = Volatile.Read(ref _steps))
        {
            if (steps == Volatile.Read(ref _steps))
            {
                _log.Write(EventCatalogue.JournalLeft, _file, 2 * StuckMs / 1000);
                return false;
            }
        }

        return true;
    }

    /// <inheritdoc/>
    public void Dispose() => _timer.Dispose();

    /// <summary>On the thread of all timers: has nobody wait, and the thread look up once the disk has answered.</summary>
    private void OnStuck()
    {
        Volatile.Write(ref _isStuck, 1);
        _rooms.Header.JournalError = Errno.ETIMEDOUT;
        _log.Write(EventCatalogue.JournalStuck, _file, _limitMs / 1000);
        _ = _gate.Open();
        _wakeup.Set();
    }
}
