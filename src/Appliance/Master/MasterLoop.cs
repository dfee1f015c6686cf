using Appliance.Config;
using Appliance.Logging;
using Appliance.Loop;
using Appliance.Monitoring;
using Appliance.Native;
using Appliance.Operators;
using Appliance.Rooms;

namespace Appliance.Master;

/// <summary>
/// The loop of the master: takes signals, keeps a process in every worker's slot, and passes on what was asked. It serves no client,
/// so nothing that a client does can hold it up.
/// </summary>
public sealed partial class MasterLoop : ITimerHandler, IDisposable
{
    private const int EventsMax = 128;

    /// <summary>What a loaded machine may need beyond the drain time before a worker is killed.</summary>
    private const int GraceMs = 3000;

    /// <summary>What a worker that was killed may take to end: one that waits for a dead disk ends with the disk.</summary>
    private const int KilledMs = 1000;

    /// <summary>How often connections are evened out while that is due.</summary>
    private const int RebalanceMs = 500;

    /// <summary>How often the number of workers is thought about, once for each sample, and looked whether they turn.</summary>
    private const int ScalingMs = 1000;

    /// <summary>Timers: one a worker, and behind them those of the master itself.</summary>
    private const int StopTimer = RoomLogLayout.WorkersMax;
    private const int KeepAliveTimer = StopTimer + 1;
    private const int UpgradeTimer = StopTimer + 2;
    private const int RebalanceTimer = StopTimer + 3;
    private const int ScalingTimer = StopTimer + 4;
    private const int Timers = StopTimer + 5;

    /// <summary>Events of signals, of workers from 1 on, of the other master, of the control desk, and of what other threads have done.</summary>
    private const uint SignalEvent = 0;
    private const uint MasterEvent = RoomLogLayout.WorkersMax + 1;
    private const uint ControlEvent = MasterEvent + 1;
    private const uint WakeupEvent = ControlEvent + 1;

    private readonly RoomLog _rooms;
    private readonly EventLog _log;
    private readonly ServiceManager _service;
    private readonly CommandDispatcher _control;
    private readonly ServerResources _resources;
    private readonly Takeover? _takeover;
    private readonly Upgrade _upgrade;
    private readonly WorkerWatch _watch;
    private readonly WorkerFleet _fleet;
    private readonly MonitorThread _monitor;
    private readonly LoadFollower _load;
    private readonly LoopClock _clock = new();
    private readonly Poller _poller = new(EventsMax);
    private readonly Wakeup _wakeup = new();
    private readonly SignalSet _signals = new();
    private readonly (int Signal, Action Act)[] _signalTable;
    private readonly Children _children = new();
    private readonly TimerWheel _timers;
    private readonly Reloading _reloading;
    private readonly TurnGuard _guard;
    private bool _stopping;
    private bool _isKilling;
    private bool _owesReload;

    /// <summary>A master that starts its workers once it runs.</summary>
    /// <param name="settings">The settings that it starts with.</param>
    /// <param name="readAgain">Reads the command line and the configuration file once more.</param>
    /// <param name="resources">The room logs, the listening sockets and the locks.</param>
    /// <param name="takeover">The master from whom it takes all that over; null for none.</param>
    /// <param name="relaunch">How to start its successor.</param>
    /// <param name="monitor">Samples the workers and serves the monitoring port, once this one starts it.</param>
    /// <param name="service">The service manager, if there is one.</param>
    /// <param name="control">The desk of the control queue.</param>
    /// <param name="log">The log.</param>
    public MasterLoop(
        Settings settings,
        Func<Settings> readAgain,
        ServerResources resources,
        Takeover? takeover,
        Relaunch relaunch,
        MonitorThread monitor,
        ServiceManager service,
        CommandDispatcher control,
        EventLog log)
    {
        _resources = resources;
        _takeover = takeover;
        _rooms = resources.Rooms;
        _monitor = monitor;
        _service = service;
        _control = control;
        _log = log;
        _timers = new TimerWheel(Timers, _clock.NowMs);
        _fleet = new WorkerFleet(settings, resources, _poller, _timers, _clock, _children, log)
        {
            OnAnswer = control.OnAnswer,
            OnModerationAsked = control.AskFor,
        };
        _guard = new TurnGuard(log);
        _watch = new WorkerWatch(_fleet, resources, log);
        _load = new LoadFollower(_rooms, _fleet, log);
        _reloading = new Reloading(readAgain, resources, _fleet, _load, monitor, service, log, _wakeup.Set);
        _upgrade = new Upgrade(resources, _fleet, service, control, relaunch, _children, _signals, log)
        {
            OnHandOver = monitor.Dispose,
            OnReturning = afterMs => _timers.Arm(new TimerId(UpgradeTimer), _clock.NowMs + afterMs),
        };
        _ = _poller.Add(_signals.Descriptor, SignalEvent).OrThrow("epoll_ctl");
        _ = _poller.Add(_wakeup.Descriptor, WakeupEvent).OrThrow("epoll_ctl");
        _ = _poller.Add(control.Descriptor, ControlEvent).OrThrow("epoll_ctl");
        if (takeover is not null)
        {
            _ = _poller.Add(takeover.Descriptor, MasterEvent).OrThrow("epoll_ctl");
        }

        _signalTable = [.. SignalTable.Rows.Select(row => (row.Number, ActionOf(row)))];
    }

    /// <summary>Called once, when every worker serves and all is this master's.</summary>
    public required Action OnReady { get; init; }

    /// <summary>Whether another master has all that this one had.</summary>
    public bool IsHandedOver => _upgrade.IsComplete;

    /// <summary>Runs until all workers have ended; returns why the start failed, or null.</summary>
    public string? Run()
    {
        if (_service.KeepAliveMs > 0)
        {
            _timers.Arm(new TimerId(KeepAliveTimer), _clock.NowMs, _service.KeepAliveMs);
        }

        _timers.Arm(new TimerId(RebalanceTimer), _clock.NowMs + RebalanceMs, RebalanceMs);
        _timers.Arm(new TimerId(ScalingTimer), _clock.NowMs + ScalingMs, ScalingMs);
        _load.Apply();
        if (_takeover is null)
        {
            _monitor.Start();
        }

        bool ready = false;
        while (!_fleet.HasEnded && !IsHandedOver)
        {
            _guard.Try(Turn, mustSucceed: !ready);
            if (!ready && _fleet.AllServe)
            {
                ready = true;
                Begin();
            }
            else if (!ready && !_stopping && _fleet.StartFailure is not null)
            {
                Stop("a failed start", atOnce: false);
            }
        }

        return ready ? null : _fleet.StartFailure ?? "stopped before it was ready";
    }

    /// <inheritdoc/>
    public void OnTimer(TimerId timer, long nowMs)
    {
        switch (timer.Index)
        {
            case StopTimer when _isKilling:
                _fleet.Ending.Leave();
                break;
            case StopTimer:
                _isKilling = true;
                _fleet.Ending.Kill();
                _timers.Arm(new TimerId(StopTimer), nowMs + KilledMs);
                break;
            case KeepAliveTimer:
                _service.KeepAlive();
                break;
            case UpgradeTimer when _upgrade.OnTimer() is { } restMs:
                _timers.Arm(new TimerId(UpgradeTimer), nowMs + restMs);
                break;
            case UpgradeTimer:
            case RebalanceTimer when _resources.IsShared:
                break;
            case RebalanceTimer:
                _fleet.EvenOut();
                break;
            case ScalingTimer:
                FollowLoad();
                WatchWorkers();
                break;
            default:
                _fleet.OnTimer(new WorkerNumber(timer.Index));
                break;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _signals.Dispose();
        _fleet.Dispose();
        _timers.Dispose();
        _poller.Dispose();
        _wakeup.Dispose();
    }

    /// <summary>Every worker serves: so does this server, unless another master must hand its connections over first.</summary>
    private void Begin()
    {
        if (_takeover is null)
        {
            Serve();
        }
        else
        {
            _takeover.OpenRoutes(_fleet, _fleet.Settings.WorkersLeast);
        }
    }

    /// <summary>The former master, or the next one, has said something.</summary>
    private void OnMaster(int channel)
    {
        if (channel != _takeover?.Descriptor)
        {
            _upgrade.OnReadable();
        }
        else if (_takeover.OnReadable())
        {
            _poller.Remove(channel);
            _resources.IsShared = false;
            _log.Write(EventCatalogue.TookOver, _takeover.FormerPid, _fleet.ConnectionCount);
            _fleet.BeginRebalancing();
            Serve();
            _takeover.End();
            _monitor.Start();
        }
    }

    private void FollowLoad()
    {
        if (!_stopping && !_upgrade.IsUnderWay && !_resources.IsShared)
        {
            _load.Follow(_clock.NowMs);
        }
    }

    /// <summary>A stop has limits of its own.</summary>
    private void WatchWorkers()
    {
        if (!_stopping)
        {
            _watch.Check(_clock.NowMs);
        }
    }

    private void Serve()
    {
        _control.Start(this, isSuccessor: _takeover is not null);
        OnReady();
    }

    private void BeginUpgrade()
    {
        if (!_stopping && !_upgrade.IsUnderWay && !_resources.IsShared && _upgrade.Begin() is { } begun)
        {
            if (_poller.Add(begun.Descriptor, MasterEvent) is { Ok: false } failed)
            {
                _upgrade.Fail($"epoll_ctl: {SyscallException.Describe(failed.Error)}");
                return;
            }

            _timers.Arm(new TimerId(UpgradeTimer), _clock.NowMs + begun.LimitMs);
        }
    }

    /// <summary>Wait, take signals, hear workers, expire timers, tell what is done.</summary>
    private void Turn()
    {
        int waitMs = _timers.MillisecondsToNext(_clock.NowMs);
        int ready = _poller.Wait(waitMs);
        _clock.Update(waitMs);
        _signals.Collect();
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
            switch (happened.Generation)
            {
                case SignalEvent:
                    break;
                case WakeupEvent:
                    _wakeup.Clear();
                    break;
                case ControlEvent:
                    _control.Turn();
                    break;
                case MasterEvent:
                    OnMaster(happened.Descriptor);
                    break;
                default:
                    _fleet.OnReadable(new WorkerNumber((int)happened.Generation - 1));
                    break;
            }
        }

        _timers.Expire(_clock.NowMs, this);
        _upgrade.Continue();
        _load.Publish(_stopping);
        if (_owesReload && !_resources.IsShared)
        {
            Reload();
        }

        _reloading.TellOutcome();
    }

    /// <summary>Ends gracefully, or with QUIT at once; a second request does not wait any more.</summary>
    private Action ActionOf(ServerSignal signal) => signal.Action switch
    {
        SignalAction.StopAtOnce => () => Stop(signal.FullName, atOnce: true),
        SignalAction.Stop => () => Stop(signal.FullName, atOnce: false),
        SignalAction.Reap => _fleet.Reap,
        SignalAction.Reload => Reload,
        SignalAction.Reopen => Reopen,
        SignalAction.Upgrade => BeginUpgrade,
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private void Stop(string reason, bool atOnce)
    {
        if (_upgrade.IsGiving)
        {
            _upgrade.PassOn(atOnce ? Syscall.SIGQUIT : Syscall.SIGTERM, reason);
            return;
        }

        if (_upgrade.IsUnderWay)
        {
            _upgrade.Fail($"{reason} received");
        }

        if (atOnce || _stopping)
        {
            _stopping = true;
            _fleet.Stop(atOnce: true);
            _timers.Arm(new TimerId(StopTimer), _clock.NowMs + GraceMs);
            return;
        }

        _stopping = true;
        _rooms.Header.Stopping = 1;
        _log.Write(EventCatalogue.Stopping, reason, _fleet.ConnectionCount, _fleet.Settings.DrainSeconds);
        _service.Stopping();
        _fleet.Stop(atOnce: false);
        _timers.Arm(new TimerId(StopTimer), _clock.NowMs + (_fleet.Settings.DrainSeconds * 1000L) + GraceMs);
    }

    /// <summary>In an upgrade it waits for the end: the process that remains will act on it.</summary>
    private void Reload()
    {
        _owesReload = _takeover is not null && _resources.IsShared && !_upgrade.IsUnderWay;
        if (_upgrade.IsUnderWay)
        {
            _upgrade.PassOn(Syscall.SIGHUP, "SIGHUP");
        }
        else if (!_owesReload && !_stopping)
        {
            _reloading.Reload();
        }
    }

    /// <summary>In an upgrade the next process has opened the log already, perhaps before it was moved away: it gets the order as well.</summary>
    private void Reopen()
    {
        if (_upgrade.IsUnderWay)
        {
            _upgrade.PassOn(Syscall.SIGUSR1, "SIGUSR1");
        }

        _reloading.Reopen();
    }
}
