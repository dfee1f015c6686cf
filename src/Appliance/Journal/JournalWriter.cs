using Appliance.Config;
using Appliance.Logging;
using Appliance.Loop;
using Appliance.Native;
using Appliance.Rooms;

namespace Appliance.Journal;

/// <summary>
/// Keeps a journal of the rooms, on a thread of its own: it sleeps and is woken as workers are, writes what rooms have got, syncs, and has
/// readers get it if they wait for that. What fails stops no chat: it is tried again every second.
/// </summary>
public sealed class JournalWriter : IDisposable
{
    /// <summary>With <c>--journal-sync group</c> a power cut takes no more than was said in this time.</summary>
    private const int SyncEveryMs = 100;

    /// <summary>While rooms get something all the time nobody need wake this thread: it looks by itself.</summary>
    private const int WriteEveryMs = 10;

    /// <summary>Written in one go before it is synced.</summary>
    private const int TurnBytesMax = 4 << 20;

    private const int RetryMs = 1000;

    /// <summary>After so long it is noticed that somebody has moved the file away.</summary>
    private const int CheckEveryMs = 1000;

    private readonly RoomLog _rooms;
#pragma warning disable CA2213 // One of the table's.
    private readonly Wakeup _wakeup;
#pragma warning restore CA2213
    private readonly EventLog _log;
    private readonly JournalWatch _watch;
    private readonly Poller _poller = new(1);
    private readonly LoopClock _clock = new();
    private readonly StandbyThread _thread;
    private readonly JournalGate _gate;
    private readonly JournalLosses _losses;
    private readonly JournalUpkeep _upkeep;
    private readonly RoomQueue _due;
    private readonly List<int> _written = [];
    private JournalFile? _file;
    private JournalBatch? _batch;
    private long _syncDueMs = long.MaxValue;
    private long _retryMs;
    private long _nextCheckMs;
    private long _sinceNs;
    private bool _isFailing;
    private bool _hasWritten;
    private bool _isLast;
    private volatile bool _stopping;
    private volatile Settings _settings;

    private JournalWriter(Settings settings, RoomLog rooms, WakeupTable wakeups, EventLog log)
    {
        _settings = settings;
        _rooms = rooms;
        _wakeup = wakeups.Ensure(RoomLogLayout.JournalSlot);
        _log = log;
        _due = new RoomQueue(rooms.Layout.Rooms);
        _gate = new JournalGate(rooms, wakeups);
        _watch = new JournalWatch(settings.JournalFile, rooms, _gate, _wakeup, log);
        _losses = new JournalLosses(settings.JournalFile, rooms, log);
        _upkeep = new JournalUpkeep(settings.JournalFile, rooms, log);
        _thread = new StandbyThread("journal", Run);
        _ = _poller.Add(_wakeup.Descriptor, 0).OrThrow("epoll_ctl");
    }

    /// <summary>Begins to keep the journal that the settings ask for; null when they ask for none. Nobody uses the rooms yet.</summary>
    /// <param name="settings">The settings; how to sync may change.</param>
    /// <param name="rooms">The rooms.</param>
    /// <param name="isNew">Whether they are to be filled from it.</param>
    /// <param name="wakeups">The wake-ups of all slots, its own included from now on.</param>
    /// <param name="log">The log.</param>
    /// <exception cref="IOException">The file cannot be used.</exception>
    public static JournalWriter? Begin(Settings settings, RoomLog rooms, bool isNew, WakeupTable wakeups, EventLog log)
    {
        if (settings.JournalFile.Length == 0)
        {
            return null;
        }

        var writer = new JournalWriter(settings, rooms, wakeups, log);
        try
        {
            writer.Use(JournalOpening.Open(settings.JournalFile, rooms, isNew, isAlone: true, log));
        }
        catch
        {
            writer._poller.Dispose();
            throw;
        }

        writer.Turn();
        writer._thread.Start();
        return writer;
    }

    /// <summary>
    /// Is ready to go on with the journal of another process, once that has ended its part (<see cref="Continue"/>); null when there is none.
    /// Workers use the rooms.
    /// </summary>
    /// <exception cref="SyscallException">The host has no thread or descriptor for it.</exception>
    public static JournalWriter? Prepare(Settings settings, RoomLog rooms, WakeupTable wakeups, EventLog log) =>
        settings.JournalFile.Length == 0 ? null : new JournalWriter(settings, rooms, wakeups, log);

    /// <summary>Goes on where another process has ended; one that has begun itself does so anyway.</summary>
    public void Continue() => _thread.Start();

    /// <summary>Puts other settings in force, on the thread of the process's loop: how to sync may have changed.</summary>
    public void OnSettings(Settings settings)
    {
        _settings = settings;
        _wakeup.Set();
    }

    /// <summary>Writes and syncs all remaining records, and ends; it does not wait for a disk that does not answer.</summary>
    /// <param name="isLast">Whether nobody uses the rooms any more; otherwise another process goes on.</param>
    public void Stop(bool isLast)
    {
        if (_stopping)
        {
            return;
        }

        _isLast = isLast;
        _stopping = true;
        _wakeup.Set();
        if (_watch.Await(_thread))
        {
            _watch.Dispose();
            _poller.Dispose();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Stop(isLast: true);

    private void Run()
    {
        while (!_stopping)
        {
            Turn();
            Wait();
        }

        Finish();
        _upkeep.Abandon();
        _file?.Dispose();
    }

    /// <summary>Takes what rooms have got, writes it, syncs if it is time to, and sees to the file.</summary>
    private void Turn()
    {
        _clock.Update();
        _hasWritten = false;
        for (int slot = _rooms.TakeDirty(RoomLogLayout.JournalSlot, 0); slot >= 0; slot = _rooms.TakeDirty(RoomLogLayout.JournalSlot, slot))
        {
            _due.Add(slot);
        }

        if (!_isFailing || _clock.NowMs >= _retryMs)
        {
            _ = TryAdvance();
        }

        _losses.Tell(_clock.NowMs);
    }

    private bool TryAdvance()
    {
        try
        {
            _watch.Begin();
            Open();
            Write();
            Sync();
            Settle();
            if (!_stopping)
            {
                Rewrite();
            }

            if (_watch.TakeStuck() || (_isFailing && _due.Count == 0))
            {
                _isFailing = false;
                _rooms.Header.JournalError = Errno.None;
                _log.Write(EventCatalogue.JournalWorks, _settings.JournalFile);
            }

            return true;
        }
        catch (Exception failure) when (failure is IOException or SyscallException or UnauthorizedAccessException or InvariantException)
        {
            Fail(failure);
            return false;
        }
        finally
        {
            _watch.End();
        }
    }

    /// <summary>
    /// Opens the file if a former process had it or somebody has moved it away, or writes it anew if nobody knows what of it is on disk.
    /// </summary>
    private void Open()
    {
        LookForFile();
        if (_file is null)
        {
            Use(JournalOpening.Open(_settings.JournalFile, _rooms, isNew: false, isAlone: false, _log));
        }
        else if (_file.IsSuspect)
        {
            Use(JournalOpening.WriteAnew(_file, _rooms));
        }
    }

    /// <summary>Goes on with a file, in which rooms may be further than readers who wait for it know.</summary>
    private void Use((JournalFile File, JournalBatch Batch) opened)
    {
        (_file, _batch) = opened;
        _batch.OnMissing = _losses.Note;
        _due.AddAll();
        _written.Clear();
        _written.AddRange(_due.Slots);
    }

    /// <summary>Without its name a file comes back after no reboot.</summary>
    private void LookForFile()
    {
        if (_file is null || _clock.NowMs < _nextCheckMs)
        {
            return;
        }

        _nextCheckMs = _clock.NowMs + CheckEveryMs;
        if (!_file.IsInPlace)
        {
            _log.Write(EventCatalogue.JournalMoved, _file.Path);
            _upkeep.Abandon();
            _file.Dispose();
            _file = null;
        }
    }

    private void Write()
    {
        long before = _file!.Length;
        int done = 0;
        while (done < _due.Count && _file.Length - before < TurnBytesMax)
        {
            bool more = _batch!.Read(_due.Slots[done]);
            done += more ? 0 : 1;
            if (_batch.IsFull)
            {
                _ = _batch.Write(_file, _written).OrThrow($"pwrite '{_file.Path}'");
            }
        }

        _ = _batch!.Write(_file, _written).OrThrow($"pwrite '{_file.Path}'");
        _due.RemoveFirst(done);
        _hasWritten = _file.Length > before;
    }

    /// <summary>Syncs what was written if it is time to, and notes how far everything is on disk, for readers who wait for that.</summary>
    private void Sync()
    {
        if (_written.Count == 0)
        {
            return;
        }

        var how = _settings.JournalSync;
        _syncDueMs = Math.Min(_syncDueMs, how == JournalSync.Group && !_stopping ? _clock.NowMs + SyncEveryMs : _clock.NowMs);
        if (_clock.NowMs < _syncDueMs)
        {
            return;
        }

        if (how != JournalSync.Off || _stopping || _gate.IsAwaited)
        {
            _ = _file!.Sync().OrThrow($"fdatasync '{_file.Path}'");
        }

        _syncDueMs = long.MaxValue;
        Publish();
    }

    private void Publish()
    {
        _gate.Publish(_file!, _batch!, _written, _sinceNs > 0 ? _sinceNs : _clock.NowNs);
        _sinceNs = 0;
        _written.Clear();
    }

    private void Settle()
    {
        if (_losses.AreIdsLost)
        {
            _ = _file!.SetHeader(_file.Header with { LeastId = JournalFile.IdOfNow }).OrThrow($"pwrite '{_file.Path}'");
            _losses.AreIdsLost = false;
        }

        if (_gate.Settle(_file!, _batch!, _settings.JournalSync == JournalSync.Always, isIdle: _due.Count == 0))
        {
            _due.AddAll();
        }
    }

    private void Rewrite()
    {
        if (_upkeep.Step(_file!, _clock.NowMs) is { } done)
        {
            _file!.Dispose();
            Use((done.File, done.Batch));
            Publish();
        }
    }

    /// <summary>Says once that the journal fails, and has nobody wait for it meanwhile. Where cursors are wrong, the file says where to go on.</summary>
    private void Fail(Exception failure)
    {
        _retryMs = _clock.NowMs + RetryMs;
        _upkeep.Abandon();
        if (!_isFailing)
        {
            _isFailing = true;
            _rooms.Header.JournalError = failure is SyscallException { Error: not Errno.None } syscall ? syscall.Error : Errno.EIO;
            _log.Write(EventCatalogue.JournalFailed, _settings.JournalFile, failure.Message);
        }

        if (_gate.IsAwaited)
        {
            // Written over what is there, this needs no space.
            _ = _file?.SetComplete(false);
        }

        if (failure is InvariantException)
        {
            _file?.Dispose();
            _file = null;
        }

        if (_gate.Open())
        {
            _due.AddAll();
        }
    }

    private void Finish()
    {
        _due.AddAll();
        _isFailing = false;
        while (_due.Count > 0 && TryAdvance())
        {
            _clock.Update();
        }

        if (_due.Count == 0 && _isLast && _file!.SetComplete(true) is { Ok: false } failed)
        {
            _log.Write(EventCatalogue.JournalFailed, _file.Path, SyscallException.Describe(failed.Error));
        }

        _losses.Tell(long.MaxValue);
    }

    /// <summary>Waits until a room has got something, or it is time for the next sync or try.</summary>
    private void Wait()
    {
        long waitMs = -1;
        if (_isFailing)
        {
            waitMs = Math.Max(1, _retryMs - _clock.NowMs);
        }
        else if (_due.Count > 0 || _upkeep.IsUnderWay)
        {
            waitMs = 0;
        }
        else if (_hasWritten && _settings.JournalSync != JournalSync.Always)
        {
            waitMs = WriteEveryMs;
        }
        else if (!_rooms.BeginSleep(RoomLogLayout.JournalSlot))
        {
            waitMs = 0;
        }
        else if (_syncDueMs != long.MaxValue)
        {
            waitMs = Math.Max(0, _syncDueMs - _clock.NowMs);
        }

        _ = _poller.Wait((int)waitMs);
        _wakeup.Clear();
        long sinceNs = _rooms.EndSleep(RoomLogLayout.JournalSlot);
        _sinceNs = _sinceNs == 0 ? sinceNs : _sinceNs;
    }
}
