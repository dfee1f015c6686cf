using System.Globalization;
using Appliance.Config;
using Appliance.Ipc;
using Appliance.Logging;
using Appliance.Loop;
using Appliance.Native;

namespace Appliance.Master;

/// <summary>The workers of a master: a process in every slot, replaced when it dies, more or fewer when asked.</summary>
public sealed class WorkerFleet : IDisposable
{
    /// <summary>Failures in a row, of all workers together, after which the room logs are suspected: damage there hits more than one.</summary>
    private const int FailuresBeforeCheck = 3;

    /// <summary>As many of a single worker, while the others do well, are more likely its own.</summary>
    private const int FailuresOfOneBeforeCheck = 6;

    /// <summary>Least time between two checks, each of which ends every worker.</summary>
    private const int CheckEveryMs = 60_000;

    /// <summary>Least pause after the system had no process or descriptor to give.</summary>
    private const int RetryMs = 100;

    private readonly Settings _settings;
    private readonly RoomLog _rooms;
    private readonly int _roomLogId;
    private readonly ListenerSet _listeners;
    private readonly Poller _poller;
    private readonly TimerWheel _timers;
    private readonly LoopClock _clock;
    private readonly EventLog _log;
    private readonly List<ChildWorker> _workers = [];
    private readonly Wakeup[] _wakeups = [.. Enumerable.Range(0, RoomLogLayout.WorkerSlots).Select(_ => new Wakeup())];
    private bool _stopping;
    private bool _checking;
    private long _nextCheckMs;

    /// <summary>No worker yet.</summary>
    public WorkerFleet(
        Settings settings, RoomLog rooms, int roomLogId, ListenerSet listeners, Poller poller, TimerWheel timers, LoopClock clock, EventLog log)
    {
        _settings = settings;
        _rooms = rooms;
        _roomLogId = roomLogId;
        _listeners = listeners;
        _poller = poller;
        _timers = timers;
        _clock = clock;
        _log = log;
    }

    /// <summary>Whether every worker serves.</summary>
    public bool AllServe => _workers.TrueForAll(worker => worker.State == ChildState.Serving);

    /// <summary>Whether the fleet was stopped and no process is left.</summary>
    public bool HasEnded => _stopping && _workers.TrueForAll(worker => worker.Pid == 0);

    /// <summary>Whether something that was asked of a worker is not done yet.</summary>
    public bool OwesAnswers => _workers.Exists(worker => worker.Owed > 0);

    /// <summary>Slots of the workers that serve and are to go on, in growing order.</summary>
    public IEnumerable<int> ServingWorkers =>
        _workers.Where(worker => worker is { State: ChildState.Serving, IsRetired: false }).Select(worker => worker.Slot).Order();

    /// <summary>Called with a worker's slot and its answer to a question.</summary>
    public Action<int, string> OnAnswer { get; set; } = (_, _) => { };

    /// <summary>Clients of all workers.</summary>
    public int ConnectionCount => _workers.Sum(worker => _rooms.Worker(worker.Slot).Connections);

    /// <summary>Why a worker keeps failing before all have served; null while none does.</summary>
    public string? StartFailure { get; private set; }

    /// <summary>Has so many workers: starts what is missing, retires the highest ones.</summary>
    public void Resize(int count)
    {
        _rooms.Header.Workers = count;
        _ = _workers.RemoveAll(worker => worker.State == ChildState.Ended);
        foreach (var worker in _workers.Where(worker => worker.Slot >= count))
        {
            Retire(worker, tell: true);
        }

        for (int slot = 0; slot < count; slot++)
        {
            if (_workers.Find(worker => worker.Slot == slot) is { } present)
            {
                // A slot that is being given up is wanted again: another process follows the one that is told to end.
                present.IsWantedAgain = present.IsRetired;
                continue;
            }

            var worker = new ChildWorker(slot, _listeners.ForWorker(slot));
            _workers.Add(worker);
            Start(worker);
        }
    }

    /// <summary>Starts no worker any more and asks each to end: gracefully, or at once and without a word to its clients.</summary>
    public void Stop(bool atOnce)
    {
        _stopping = true;
        if (atOnce)
        {
            SignalAll(Syscall.SIGQUIT);
        }

        _workers.ForEach(worker => Retire(worker, tell: !atOnce));
        _listeners.Dispose();
    }

    /// <summary>Sends a signal to every process.</summary>
    public void SignalAll(int signal)
    {
        foreach (var worker in _workers.Where(worker => worker.Pid > 0))
        {
            _ = Syscall.Kill(worker.Pid, signal);
        }
    }

    /// <summary>Ends the processes that have not ended by themselves.</summary>
    public void Kill()
    {
        foreach (var worker in _workers.Where(worker => worker.Pid > 0))
        {
            _log.Write(EventCatalogue.WorkerKilled, worker.Slot, worker.Pid);
            _ = Syscall.Kill(worker.Pid, Syscall.SIGKILL);
        }
    }

    /// <summary>Has every worker take the settings over.</summary>
    public void SendSettings() => Ask(ControlWord.Settings, SettingsBuilder.Write(_settings));

    /// <summary>Has every worker open the log anew.</summary>
    public void SendReopen() => Ask(ControlWord.Reopen, "");

    /// <summary>Passes a question on to a worker; false when it cannot take any.</summary>
    public bool Question(int slot, string text) =>
        _workers.Find(worker => worker.Slot == slot)?.Channel is { } channel && channel.Send(ControlWord.Question, text);

    /// <summary>A worker has said something, or has closed its end, which it does when it dies.</summary>
    public void OnReadable(int slot)
    {
        if (_workers.Find(worker => worker.Slot == slot) is not { Channel: { } channel } worker)
        {
            return;
        }

        bool ended;
        while (channel.TryReceive(out char kind, out string text, out ended))
        {
            if (kind == ControlWord.Ready)
            {
                worker.State = worker.State == ChildState.Starting ? ChildState.Serving : worker.State;
                _log.Write(EventCatalogue.WorkerReady, slot, worker.Pid);
            }
            else if (kind == ControlWord.Answer)
            {
                OnAnswer(slot, text);
            }
            else
            {
                worker.Owed = Math.Max(0, worker.Owed - 1);
            }
        }

        if (ended)
        {
            worker.CloseChannel();
            Reap();
        }
    }

    /// <summary>Looks which processes have ended.</summary>
    public void Reap()
    {
        foreach (var worker in _workers.Where(worker => worker.Pid > 0).ToArray())
        {
            int pid = worker.Pid;
            if (Syscall.WaitNoHang(pid, out int status) is { Ok: true, Value: > 0 })
            {
                OnEnd(worker, pid, new ExitStatus(status));
            }
        }
    }

    /// <summary>A worker's pause is over.</summary>
    public void OnTimer(int slot)
    {
        if (!_stopping && _workers.Find(worker => worker.Slot == slot) is { Pid: 0, IsRetired: false } worker)
        {
            Start(worker);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _workers.ForEach(worker => worker.CloseChannel());
        foreach (var wakeup in _wakeups)
        {
            wakeup.Dispose();
        }
    }

    /// <summary>Starts a process in a slot; when the system has none to give, that counts as one that died.</summary>
    private void Start(ChildWorker worker)
    {
        try
        {
            worker.Start(SettingsBuilder.Write(_settings), _roomLogId, _rooms.Layout, _wakeups, _clock.NowMs);
            _ = _poller.Add(worker.Channel!.Descriptor, (uint)worker.Slot + 1).OrThrow("epoll_ctl");
        }
        catch (SyscallException failure)
        {
            int pauseMs = Math.Max(RetryMs, worker.NoteEnd(failed: true, _clock.NowMs));
            _log.Write(EventCatalogue.WorkerDied, worker.Slot, 0, failure.Message, pauseMs);
            StartFailure = failure.Message;
            _timers.Arm(worker.Slot, _clock.NowMs + pauseMs);
        }
    }

    /// <summary>
    /// Asks a worker to end and lets go of its sockets: it takes those who wait there and closes them, and nobody is sent there any more.
    /// </summary>
    private void Retire(ChildWorker worker, bool tell)
    {
        worker.IsRetired = true;
        _timers.Cancel(worker.Slot);
        _ = tell && worker.Channel is { } channel && channel.Send(ControlWord.Stop);
        _listeners.Release(worker.Slot);
        worker.IsWantedAgain = false;
        if (worker.Pid == 0)
        {
            GiveUp(worker);
        }
    }

    private void GiveUp(ChildWorker worker)
    {
        if (worker.IsWantedAgain && !_stopping)
        {
            (worker.IsRetired, worker.IsWantedAgain) = (false, false);
            worker.Listeners = _listeners.ForWorker(worker.Slot);
            Start(worker);
            return;
        }

        worker.State = ChildState.Ended;
    }

    private void Ask(char what, string text)
    {
        foreach (var worker in _workers.Where(worker => worker.Channel is not null && !worker.IsRetired))
        {
            worker.Owed += worker.Channel!.Send(what, text) ? 1 : 0;
        }
    }

    private void OnEnd(ChildWorker worker, int pid, ExitStatus how)
    {
        _rooms.ResetWorker(worker.Slot);
        bool expected = worker.IsRetired || _stopping || _checking;
        int pauseMs = worker.NoteEnd(how.IsFailure && !expected, _clock.NowMs);
        if (worker.IsRetired || _stopping)
        {
            _log.Write(EventCatalogue.WorkerEnded, worker.Slot, pid);
            GiveUp(worker);
            return;
        }

        if (!expected)
        {
            _rooms.Worker(worker.Slot).Restarts++;
            _log.Write(EventCatalogue.WorkerDied, worker.Slot, pid, how.ToString(), pauseMs);
            _rooms.MarkAllDirty();
            foreach (var other in _workers.Where(other => other.Pid > 0))
            {
                _wakeups[other.Slot].Set();
            }
        }

        if (worker.Failures >= FailuresBeforeCheck)
        {
            StartFailure = string.Create(CultureInfo.InvariantCulture, $"worker {worker.Slot} died {worker.Failures} times in a row: {how}; the log says more");
        }

        if (!expected && AreLogsSuspect(worker))
        {
            _checking = true;
            _nextCheckMs = _clock.NowMs + CheckEveryMs;
            SignalAll(Syscall.SIGKILL);
        }

        if (_checking)
        {
            EndCheck();
        }
        else if (pauseMs == 0)
        {
            Start(worker);
        }
        else
        {
            _timers.Arm(worker.Slot, _clock.NowMs + pauseMs);
        }
    }

    private bool AreLogsSuspect(ChildWorker worker)
    {
        bool several = _workers.Count == 1 || _workers.Count(other => other.Failures > 0) > 1;
        return _clock.NowMs >= _nextCheckMs
            && ((several && _workers.Sum(other => other.Failures) >= FailuresBeforeCheck) || worker.Failures >= FailuresOfOneBeforeCheck);
    }

    /// <summary>
    /// What lives in shared memory outlives every restart, damage too. Workers that keep dying are all ended, the logs looked through
    /// while nobody uses them, and then all start anew.
    /// </summary>
    private void EndCheck()
    {
        if (_workers.Exists(worker => worker.Pid > 0))
        {
            return;
        }

        _checking = false;
        int damaged = RoomLogCheck.Mend(_rooms, _clock.UnixMs);
        _log.Write(EventCatalogue.RoomsDamaged, damaged);
        foreach (var worker in _workers)
        {
            _timers.Arm(worker.Slot, _clock.NowMs + worker.PauseMs);
        }
    }
}
