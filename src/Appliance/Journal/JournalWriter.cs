using Appliance.Config;
using Appliance.Logging;
using Appliance.Loop;
using Appliance.Native;
using Appliance.Rooms;

namespace Appliance.Journal;

/// <summary>
/// Keeps a journal of the rooms: writes what they have got, syncs, and has readers get it if they wait for that. What fails stops no chat: it
/// is tried again every second.
/// </summary>
internal sealed class JournalWriter : RoomFollower
{
    /// <summary>With <c>--journal-sync group</c> a power cut takes no more than was said in this time.</summary>
    private const int SyncEveryMs = 100;

    /// <summary>While rooms get something all the time nobody need wake this thread: it looks by itself.</summary>
    private const int WriteEveryMs = 10;

    /// <summary>Written in one go before it is synced.</summary>
    private const int TurnBytesMax = 4 << 20;

    /// <summary>After so long it is noticed that somebody has moved the file away.</summary>
    private const int CheckEveryMs = 1000;

    private readonly Func<Settings> _settings;
    private readonly EventLog _log;
    private readonly JournalWatch _watch;
    private readonly JournalGate _gate;
    private readonly JournalLosses _losses;
    private readonly JournalUpkeep _upkeep;
    private readonly List<int> _written = [];
    private JournalFile? _file;
    private JournalBatch? _batch;
    private long _lengthBefore;
    private long _syncDueMs = long.MaxValue;
    private long _nextCheckMs;
    private bool _hasWritten;

    /// <summary>The journal that the settings ask for, which has not begun.</summary>
    /// <param name="settings">The settings in force; how to sync may change.</param>
    /// <param name="rooms">The rooms.</param>
    /// <param name="wakeups">The wake-ups of all slots, its own included from now on.</param>
    /// <param name="log">The log.</param>
    /// <exception cref="SyscallException">The host has no thread or descriptor for it.</exception>
    public JournalWriter(Func<Settings> settings, RoomLog rooms, WakeupTable wakeups, EventLog log)
        : base("journal", RoomLogLayout.JournalSlot, rooms, wakeups)
    {
        _settings = settings;
        _log = log;
        _gate = new JournalGate(rooms, wakeups);
        string file = settings().JournalFile;
        _watch = new JournalWatch(file, rooms, _gate, Wake, log);
        _losses = new JournalLosses(file, rooms, log);
        _upkeep = new JournalUpkeep(file, rooms, log);
    }

    /// <inheritdoc/>
    protected override bool HasEnough => _file!.Length - _lengthBefore >= TurnBytesMax;

    /// <inheritdoc/>
    protected override bool HasMoreToDo => _upkeep.IsUnderWay(Clock.NowMs);

    /// <inheritdoc/>
    protected override int LookAgainMs => _hasWritten && _settings().JournalSync != JournalSync.Always ? WriteEveryMs : 0;

    /// <inheritdoc/>
    protected override long NextTurnMs => Math.Min(_syncDueMs, _upkeep.DueMs);

    /// <inheritdoc/>
    public override void Begin(bool isNew)
    {
        Use(JournalOpening.Open(_settings().JournalFile, Rooms, isNew, isAlone: true, _log));
        base.Begin(isNew);
    }

    /// <summary>A step takes the disk no longer than is allowed while readers wait for it, what a failure brings included.</summary>
    protected override bool TryAdvance()
    {
        _watch.Begin();
        try
        {
            return base.TryAdvance();
        }
        finally
        {
            _watch.End();
        }
    }

    /// <summary>Writes what rooms have got, syncs if it is time to, and sees to the file.</summary>
    protected override void Advance()
    {
        _hasWritten = false;
        Open();
        Write();
        Sync();
        Settle();
        if (!IsStopping)
        {
            Rewrite();
        }

        if (_watch.TakeStuck() && !IsFailing)
        {
            OnRecovered();
        }
    }

    /// <inheritdoc/>
    protected override void Take(in FollowedRecords records)
    {
        _batch!.Add(records);
        if (_batch.IsFull)
        {
            Flush();
        }
    }

    /// <inheritdoc/>
    protected override void Flush() => _batch!.Write(_file!, _written).OrThrow($"pwrite '{_file!.Path}'");

    /// <inheritdoc/>
    protected override void OnOvertaken(int slot, long records) => _losses.Note(slot, records);

    /// <inheritdoc/>
    protected override void OnRecovered()
    {
        Rooms.Header.JournalError = Errno.None;
        _log.Write(EventCatalogue.JournalWorks, _settings().JournalFile);
    }

    /// <summary>Says once that the journal fails, and has nobody wait for it meanwhile. Where cursors are wrong, the file says where to go on.</summary>
    protected override void OnFailed(Exception failure, bool isFirst)
    {
        _upkeep.Abandon();
        if (isFirst)
        {
            Rooms.Header.JournalError = failure is SyscallException { Error: not Errno.None } syscall ? syscall.Error : Errno.EIO;
            _log.Write(EventCatalogue.JournalFailed, _settings().JournalFile, failure.Message);
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
            Due.AddAll();
        }
    }

    /// <inheritdoc/>
    protected override void OnTurned() => _losses.Tell(Clock.NowMs);

    /// <inheritdoc/>
    protected override void OnFinished()
    {
        if (Due.Count == 0 && IsLast && _file!.SetComplete(true) is { Ok: false } failed)
        {
            _log.Write(EventCatalogue.JournalFailed, _file.Path, SyscallException.Describe(failed.Error));
        }

        _losses.Tell(long.MaxValue);
        _upkeep.Dispose();
        _file?.Dispose();
    }

    /// <inheritdoc/>
    protected override void OnEnded() => _watch.Dispose();

    /// <inheritdoc/>
    protected override void OnLeft(int seconds) => _log.Write(EventCatalogue.JournalLeft, _settings().JournalFile, seconds);

    /// <summary>
    /// Opens the file if a former process had it or somebody has moved it away, or writes it anew if nobody knows what of it is on disk.
    /// </summary>
    private void Open()
    {
        LookForFile();
        if (_file is null)
        {
            Use(JournalOpening.Open(_settings().JournalFile, Rooms, isNew: false, isAlone: false, _log));
        }
        else if (_file.IsSuspect)
        {
            Use(JournalOpening.WriteAnew(_file, Rooms));
        }
    }

    /// <summary>Goes on with a file, in which rooms may be further than readers who wait for it know.</summary>
    private void Use((JournalFile File, JournalBatch Batch) opened)
    {
        (_file, _batch) = opened;
        Use(_batch.Cursors);
        _written.Clear();
        _written.AddRange(Due.Slots);
    }

    /// <summary>Without its name a file comes back after no reboot.</summary>
    private void LookForFile()
    {
        if (_file is null || Clock.NowMs < _nextCheckMs)
        {
            return;
        }

        _nextCheckMs = Clock.NowMs + CheckEveryMs;
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
        _lengthBefore = _file!.Length;
        ReadDue();
        _hasWritten = _file.Length > _lengthBefore;
    }

    /// <summary>Syncs what was written if it is time to, and notes how far everything is on disk, for readers who wait for that.</summary>
    private void Sync()
    {
        if (_written.Count == 0)
        {
            return;
        }

        var how = _settings().JournalSync;
        _syncDueMs = Math.Min(_syncDueMs, how == JournalSync.Group && !IsStopping ? Clock.NowMs + SyncEveryMs : Clock.NowMs);
        if (Clock.NowMs < _syncDueMs)
        {
            return;
        }

        if (how != JournalSync.Off || IsStopping || _gate.IsAwaited)
        {
            _ = _file!.Sync().OrThrow($"fdatasync '{_file.Path}'");
        }

        _syncDueMs = long.MaxValue;
        Publish();
    }

    private void Publish()
    {
        long sinceNs = TakeSinceNs();
        _gate.Publish(_file!, _batch!, _written, sinceNs > 0 ? sinceNs : Clock.NowNs);
        _written.Clear();
    }

    private void Settle()
    {
        if (_losses.AreIdsLost)
        {
            _ = _file!.SetHeader(_file.Header with { LeastId = JournalFile.IdOfNow }).OrThrow($"pwrite '{_file.Path}'");
            _losses.AreIdsLost = false;
        }

        if (_gate.Settle(_file!, _batch!, _settings().JournalSync == JournalSync.Always, isIdle: Due.Count == 0))
        {
            Due.AddAll();
        }
    }

    private void Rewrite()
    {
        if (_upkeep.Step(_file!, Clock.NowMs) is { } done)
        {
            _file!.Dispose();
            Use((done.File, done.Batch));
            Publish();
        }
    }
}
