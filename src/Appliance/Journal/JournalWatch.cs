using Appliance.Logging;
using Appliance.Native;
using Appliance.Rooms;

namespace Appliance.Journal;

/// <summary>
/// Notices that the journal's disk does not answer, which its thread cannot tell, as it hangs in a call. Then readers wait no longer; the
/// thread goes on when the disk does.
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
    private readonly Action _wake;
    private readonly EventLog _log;
    private readonly StandbyTimer _timer;
    private int _limitMs;
    private int _isStuck;

    /// <summary>A watch over a thread that can be woken.</summary>
    public JournalWatch(string file, RoomLog rooms, JournalGate gate, Action wake, EventLog log)
    {
        _file = file;
        _rooms = rooms;
        _gate = gate;
        _wake = wake;
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
    public void End() => _timer.Set(Timeout.Infinite);

    /// <summary>Whether the disk was given up since this was asked last.</summary>
    public bool TakeStuck() => Volatile.Read(ref _isStuck) != 0 && Interlocked.Exchange(ref _isStuck, 0) != 0;

    /// <inheritdoc/>
    public void Dispose() => _timer.Dispose();

    /// <summary>On the thread of all timers: has nobody wait, and the thread look up once the disk has answered.</summary>
    private void OnStuck()
    {
        Volatile.Write(ref _isStuck, 1);
        _rooms.Header.JournalError = Errno.ETIMEDOUT;
        _log.Write(EventCatalogue.JournalStuck, _file, _limitMs / 1000);
        _ = _gate.Open();
        _wake();
    }
}
