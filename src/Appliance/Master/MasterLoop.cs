using System.Runtime.InteropServices;
using Appliance.Config;
using Appliance.Control;
using Appliance.Ipc;
using Appliance.Logging;
using Appliance.Loop;
using Appliance.Native;

namespace Appliance.Master;

/// <summary>
/// The loop of the master: takes signals, keeps a process in every worker's slot, and passes on what was asked. It serves no client,
/// so nothing that a client does can hold it up.
/// </summary>
public sealed class MasterLoop : ITimerHandler, IControlHost, IDisposable
{
    private const int EventsMax = 128;

    /// <summary>With what the control desk is watched: workers' channels have their slot's number and one.</summary>
    private const uint ControlGeneration = RoomLogLayout.WorkerSlots + 1;

    /// <summary>What a loaded machine may need beyond the drain time before a worker is killed.</summary>
    private const int GraceMs = 3000;

    /// <summary>Timers: one a slot, and behind them one for the end and one for the service manager's watchdog.</summary>
    private const int StopTimer = RoomLogLayout.WorkersMax;
    private const int KeepAliveTimer = StopTimer + 1;

    private readonly Settings _settings;
    private readonly Func<Settings> _readAgain;
    private readonly RoomLog _rooms;
    private readonly EventLog _log;
    private readonly ServiceManager _service;
    private readonly ControlDesk _control;
    private readonly WorkerFleet _fleet;
    private readonly LoopClock _clock = new();
    private readonly Poller _poller = new(EventsMax);
    private readonly Wakeup _wakeup = new();
    private readonly SignalSet _signals;
    private readonly (PosixSignal Signal, Action Act)[] _signalTable;
    private readonly TimerWheel _timers;
    private string? _reloadNote;
    private bool _reopened;
    private string? _reopenFailure;
    private bool _stopping;

    /// <summary>A master that starts its workers once it runs.</summary>
    /// <param name="settings">The settings in force, changed in place by a reload.</param>
    /// <param name="readAgain">Reads the command line and the configuration file once more.</param>
    /// <param name="rooms">The room logs.</param>
    /// <param name="roomLogId">Their segment.</param>
    /// <param name="listeners">For each address the sockets of the first workers.</param>
    /// <param name="service">The service manager, if there is one.</param>
    /// <param name="control">The desk of the control queue.</param>
    /// <param name="log">The log.</param>
    public MasterLoop(
        Settings settings,
        Func<Settings> readAgain,
        RoomLog rooms,
        int roomLogId,
        ListenerSet listeners,
        ServiceManager service,
        ControlDesk control,
        EventLog log)
    {
        _settings = settings;
        _readAgain = readAgain;
        _rooms = rooms;
        _service = service;
        _control = control;
        _log = log;
        _signals = new SignalSet(_wakeup);
        _timers = new TimerWheel(KeepAliveTimer + 1, _clock.NowMs);
        _fleet = new WorkerFleet(settings, rooms, roomLogId, listeners, _poller, _timers, _clock, log) { OnAnswer = control.OnAnswer };
        _ = _poller.Add(_wakeup.Descriptor, 0).OrThrow("epoll_ctl");
        _ = _poller.Add(control.Descriptor, ControlGeneration).OrThrow("epoll_ctl");
        _signalTable =
        [
            (PosixSignal.SIGQUIT, () => Stop("SIGQUIT", atOnce: true)),
            (PosixSignal.SIGTERM, () => Stop("SIGTERM", atOnce: false)),
            (PosixSignal.SIGINT, () => Stop("SIGINT", atOnce: false)),
            (PosixSignal.SIGCHLD, _fleet.Reap),
            (PosixSignal.SIGHUP, Reload),
            ((PosixSignal)Syscall.SIGUSR1, Reopen),
            ((PosixSignal)Syscall.SIGUSR2, () => _log.Write(EventCatalogue.UpgradeUnknown)),
        ];
        foreach (var (signal, _) in _signalTable)
        {
            _signals.Watch(signal);
        }
    }

    /// <summary>Called once, when every worker serves.</summary>
    public required Action OnReady { get; init; }

    /// <summary>Runs until all workers have ended; returns why the start failed, or null.</summary>
    public string? Run()
    {
        if (_service.KeepAliveMs > 0)
        {
            _timers.Arm(KeepAliveTimer, _clock.NowMs, _service.KeepAliveMs);
        }

        _fleet.Resize(_settings.WorkerCount);
        bool ready = false;
        while (!_fleet.HasEnded)
        {
            Turn();
            if (!ready && _fleet.AllServe)
            {
                ready = true;
                _control.Start(this);
                OnReady();
            }
            else if (!ready && !_stopping && _fleet.StartFailure is not null)
            {
                Stop("a failed start", atOnce: false);
            }
        }

        return ready ? null : _fleet.StartFailure ?? "stopped before it was ready";
    }

    /// <inheritdoc/>
    public void OnTimer(int timer, long nowMs)
    {
        switch (timer)
        {
            case StopTimer:
                _fleet.Kill();
                break;
            case KeepAliveTimer:
                _service.KeepAlive();
                break;
            default:
                _fleet.OnTimer(timer);
                break;
        }
    }

    IEnumerable<int> IControlHost.ServingWorkers => _fleet.ServingWorkers;

    bool IControlHost.Ask(int worker, string question) => _fleet.Question(worker, question);

    void IControlHost.Stop() => Stop("stop command", atOnce: false);

    void IControlHost.Reload() => Reload();

    void IControlHost.Reopen() => Reopen();

    /// <inheritdoc/>
    public void Dispose()
    {
        _signals.Dispose();
        _fleet.Dispose();
        _timers.Dispose();
        _poller.Dispose();
        _wakeup.Dispose();
    }

    /// <summary>Wait, take signals, hear workers, expire timers, tell what is done.</summary>
    private void Turn()
    {
        int ready = _poller.Wait(_timers.MillisecondsToNext(_clock.NowMs));
        _clock.Update();
        foreach (var (signal, act) in _signalTable)
        {
            if (_signals.Take(signal))
            {
                act();
            }
        }

        for (int i = 0; i < ready; i++)
        {
            var happened = _poller[i];
            if (happened.Generation == 0)
            {
                _wakeup.Clear();
            }
            else if (happened.Generation == ControlGeneration)
            {
                _control.Turn();
            }
            else
            {
                _fleet.OnReadable((int)happened.Generation - 1);
            }
        }

        _timers.Expire(_clock.NowMs, this);
        TellOutcome();
    }

    /// <summary>Ends gracefully, or with QUIT at once; a second request does not wait any more.</summary>
    private void Stop(string reason, bool atOnce)
    {
        if (atOnce || _stopping)
        {
            _stopping = true;
            _fleet.Stop(atOnce: true);
            _timers.Arm(StopTimer, _clock.NowMs + GraceMs);
            return;
        }

        _stopping = true;
        _log.Write(EventCatalogue.Stopping, reason, _fleet.ConnectionCount, _settings.DrainSeconds);
        _service.Stopping();
        _fleet.Stop(atOnce: false);
        _timers.Arm(StopTimer, _clock.NowMs + (_settings.DrainSeconds * 1000L) + GraceMs);
    }

    private void Reload()
    {
        if (_stopping)
        {
            return;
        }

        _service.Reloading();
        bool failed = !SettingsBuilder.TryReload(_settings, _readAgain, out string note);
        _log.Write(failed ? EventCatalogue.ReloadFailed : EventCatalogue.Reloaded, note);
        if (failed)
        {
            // The former settings stay as they are; only the log is reopened.
            _reloadNote = ReloadNote.Failed + note;
        }
        else
        {
            _log.SetLevel(_settings.Debug ? LogLevel.Debug : _settings.LogLevel);
            _fleet.SendSettings();
            _fleet.Resize(_settings.WorkerCount);
            _reloadNote = note;
        }

        Reopen();
        _reloadNote += _reopenFailure is null ? "" : $"; {_reopenFailure}: the former file stays in use";
    }

    private void Reopen()
    {
        _reopenFailure = _log.TryReopen();
        if (_reopenFailure is null)
        {
            _log.Write(EventCatalogue.LogReopened);
        }

        _fleet.SendReopen();
        _reopened = true;
    }

    /// <summary>Once every worker has done what was asked, whoever asked is told.</summary>
    private void TellOutcome()
    {
        if (_fleet.OwesAnswers)
        {
            return;
        }

        if (_reopened)
        {
            _reopened = false;
            ReloadNote.WriteReopening(_rooms, _reopenFailure);
        }

        if (_reloadNote is { } note)
        {
            _reloadNote = null;
            bool failed = note.StartsWith(ReloadNote.Failed);
            ReloadNote.Write(_rooms, failed, failed ? note[1..] : note);
            _service.Ready(Environment.ProcessId);
        }
    }
}
