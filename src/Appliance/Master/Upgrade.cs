using System.Globalization;
using Appliance.Logging;
using Appliance.Loop;
using Appliance.Native;
using Appliance.Operators;
using Appliance.Rooms;

namespace Appliance.Master;

/// <summary>
/// The old master's side of an upgrade: starts the binary that is on disk now, waits until it serves, orders every worker
/// to give its connections to the new ones, and ends. If anything fails before the end, or takes too long, this master goes on.
/// </summary>
internal sealed class Upgrade
{
    /// <summary>How often it is looked whether all that was given has come back, and how many times.</summary>
    private const int CheckEveryMs = 100;
    private const int ChecksMax = 30;

    /// <summary>How long a new process may take to name itself in the pid file. One of a release before does not tell.</summary>
    private const int SuccessorMsMax = 1000;

    private readonly ServerResources _resources;
    private readonly WorkerFleet _fleet;
    private readonly ServiceManager _service;
    private readonly CommandDispatcher _control;
    private readonly Relaunch _relaunch;
    private readonly Children _children;
    private readonly EventLog _log;
    private readonly SignalSet _received;
    private readonly SortedSet<int> _signals = [];
    private readonly UpgradeRoutes _routes;
    private ControlChannel? _channel;
    private int _pid;
    private bool _isLastPart;
    private string _failure = "";
    private int _checks;

    /// <summary>An upgrade that can begin.</summary>
    public Upgrade(
        ServerResources resources, WorkerFleet fleet, ServiceManager service, CommandDispatcher control,
        Relaunch relaunch, Children children, SignalSet received, EventLog log)
    {
        _received = received;
        _children = children;
        _control = control;
        _resources = resources;
        _fleet = fleet;
        _service = service;
        _relaunch = relaunch;
        _log = log;
        _routes = new UpgradeRoutes(fleet.Moves);
    }

    /// <summary>Is told how soon <see cref="OnTimer"/> is to be called, because connections come back.</summary>
    public required Action<int> OnReturning { get; init; }

    /// <summary>Is called when all connections are given, right before the new master begins.</summary>
    public required Action OnHandOver { get; init; }

    /// <summary>How far it has come.</summary>
    public UpgradeState State { get; private set; }

    /// <summary>Whether one is under way.</summary>
    public bool IsUnderWay => State is not (UpgradeState.None or UpgradeState.Complete);

    /// <summary>Whether connections are given already: then it can only be brought to its end.</summary>
    public bool IsGiving => State is UpgradeState.Giving or UpgradeState.Returning or UpgradeState.Ending;

    /// <summary>Whether all is handed over: this process has nothing left to do.</summary>
    public bool IsComplete => State == UpgradeState.Complete;

    /// <summary>Of the time that all may take, what is left at least for connections to be given; a worker takes 20 to 40 µs for each.</summary>
    private int LastPartMs => _fleet.Settings.UpgradeTimeoutSeconds * 1000 / 3;

    /// <summary>A signal for the process that is the server in the end.</summary>
    public void PassOn(int signal, string name)
    {
        _log.Write(EventCatalogue.Postponed, name);
        _ = _signals.Add(signal);
    }

    /// <summary>Starts the new process. Returns the channel to watch and how long to wait, or null when that fails.</summary>
    public (int Descriptor, int LimitMs)? Begin()
    {
        _isLastPart = false;
        _service.Reloading();
        try
        {
            if (Environment.ProcessId == 1)
            {
                throw new IOException(
                    "the first process of a container cannot end while its successor goes on: restart the container instead, "
                    + "or start the server below an init (docker run --init) or with --daemon");
            }

            (_channel, var there) = ControlChannel.CreatePair();
            using (there)
            {
                _fleet.Wakeups.Share(RoomLogLayout.OtherFirst(_resources.FirstSlot), RoomLogLayout.WorkersMax);
                UpgradeProtocol.Send(_channel, _resources, _fleet.Settings, _fleet.Numbers);
                _pid = _relaunch.Start(there.Descriptor, _service.Environment);
                _children.Add(_pid);
            }
        }
        catch (Exception failure) when (failure is SyscallException or IOException)
        {
            Fail(failure.Message);
            return null;
        }

        State = UpgradeState.Starting;
        _resources.IsShared = true;
        _log.Write(EventCatalogue.UpgradeBegun, _relaunch.Binary, _pid);
        return (_channel.Descriptor, (_fleet.Settings.UpgradeTimeoutSeconds * 1000) - LastPartMs);
    }

    /// <summary>The new process has said something or has ended.</summary>
    public void OnReadable()
    {
        bool ended = false;
        while (_channel is not null && _channel.TryReceive(out var message, out ended))
        {
            switch (message.Kind)
            {
                case UpgradeProtocol.Refused:
                    Fail(message.Text);
                    return;
                case UpgradeProtocol.Route
                    when int.TryParse(message.Text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && message.Descriptors.Length == 1:
                    _routes.Add(new WorkerNumber(number), message.Descriptors[0]);
                    break;
                case UpgradeProtocol.Serves when !_routes.Serve(_fleet.Numbers):
                    Fail("the new process does not take the connections of every worker");
                    return;
                case UpgradeProtocol.Serves when State == UpgradeState.Starting:
                    // One that is stopped would keep what it has, while the others have given theirs.
                    State = UpgradeState.Probing;
                    _fleet.Probe();
                    break;
                default:
                    Array.ForEach(message.Descriptors, descriptor => _ = Syscall.Close(descriptor));
                    break;
            }
        }

        if (_channel is not null && ended)
        {
            Fail("the new process ended; its log may say why");
        }
    }

    /// <summary>
    /// The time is over: that for whatever comes before connections are given, and then the last part. Returns how long that is, or null
    /// when nothing is to be waited for.
    /// </summary>
    public int? OnTimer()
    {
        if (State is UpgradeState.Giving or UpgradeState.Ending && !_isLastPart)
        {
            _isLastPart = true;
            return LastPartMs;
        }

        switch (State)
        {
            case UpgradeState.Returning when ++_checks < ChecksMax && !_routes.HaveEnded:
                return CheckEveryMs;
            case UpgradeState.Returning:
                GoOn();
                break;
            case UpgradeState.Starting:
                Fail("the new process did not serve in time");
                break;
            case UpgradeState.Probing:
                Fail($"{_fleet.Owing} does not answer, so its connections could not be given; --worker-timeout ends a worker that does not turn");
                break;
            case UpgradeState.Giving:
                Fail("not all connections could be given in time");
                break;
            case UpgradeState.Ending:
                // They have no client any more.
                _fleet.Ending.Kill();
                break;
            case UpgradeState.None:
            case UpgradeState.Complete:
                break;
            default:
                throw new System.Diagnostics.UnreachableException();
        }

        return null;
    }

    /// <summary>Once a turn: looks whether the next step is due.</summary>
    public void Continue()
    {
        if (State == UpgradeState.Probing && !_fleet.OwesAnswers)
        {
            State = UpgradeState.Giving;
            _routes.GiveAll();
        }

        if (State == UpgradeState.Giving)
        {
            _routes.Continue();
            if (_routes.AreBlocked)
            {
                Fail("no new worker takes the rest of the connections");
            }
            else if (_routes.AreDone)
            {
                EndWorkers();
            }
        }

        if (State == UpgradeState.Ending && _fleet.HasNoProcess)
        {
            Complete();
        }
    }

    /// <summary>
    /// Goes on as if nothing had happened: once what is given has come back, since new workers whose master is gone give back what they
    /// have.
    /// </summary>
    public void Fail(string why)
    {
        _failure = why;
        if (_pid > 0)
        {
            _children.End(_pid);
        }

        _channel?.Dispose();
        (_channel, _pid) = (null, 0);
        if (State is UpgradeState.Giving)
        {
            (State, _checks) = (UpgradeState.Returning, 0);
            OnReturning(CheckEveryMs);
            return;
        }

        GoOn();
    }

    private void GoOn()
    {
        if (IsGiving)
        {
            _control.TakeBack();
            _fleet.KeepAll();
        }

        _routes.Close();
        _resources.IsShared = false;
        State = UpgradeState.None;
        _log.Write(EventCatalogue.UpgradeFailed, _failure);
        ReloadNote.WriteFailedUpgrade(_resources.Rooms, _failure);
        _service.Ready(Environment.ProcessId);
        SendSignals(Environment.ProcessId);
    }

    private void EndWorkers()
    {
        if (HasSuccessorEnded())
        {
            Fail("the new process ended");
            return;
        }

        _routes.Close();

        // What comes for the server from here on is its successor's to take.
        State = UpgradeState.Ending;
        _control.HandOver();
        _fleet.EndAll();
    }

    private void Complete()
    {
        _control.Finish();
        _resources.Followers?.Stop(isLast: false);
        _log.Write(EventCatalogue.Upgraded, _pid);
        _resources.PidFile.Abandon();
        _resources.DisownPaths();
        _service.HandOver(_pid);
        OnHandOver();
        _ = _channel!.Send(UpgradeProtocol.Done);
        PassOnAll(_channel);
        State = UpgradeState.Complete;
    }

    /// <summary>
    /// Passes on every signal that was meant for the server: this process gets them until the pid file names the new one, which closes its end of
    /// the channel then. Whoever waits for the end of the server must not find it as if nobody had asked.
    /// </summary>
    private void PassOnAll(ControlChannel channel)
    {
        _ = Polling.Until(HasEnded, SuccessorMsMax, everyMs: 1);
        _received.Collect();
        foreach (var row in SignalTable.Rows.Where(row => row.Action is not (SignalAction.Reap or SignalAction.Upgrade) && _received.Take(row.Number)))
        {
            PassOn(row.Number, row.FullName);
        }

        bool stops = _signals.Overlaps([Syscall.SIGTERM, Syscall.SIGINT]);
        SendSignals(_pid);
        _ = stops && Polling.Until(() => Volatile.Read(ref _resources.Rooms.Header.Stopping) != 0, SuccessorMsMax, everyMs: 1);

        bool HasEnded()
        {
            _ = channel.TryReceive(out _, out bool ended);
            return ended;
        }
    }

    private void SendSignals(int server)
    {
        foreach (int signal in _signals)
        {
            _ = Syscall.Kill(server, signal);
        }

        _signals.Clear();
    }

    private bool HasSuccessorEnded()
    {
        bool ended = _children.HasEnded(_pid, out _);
        _pid = ended ? 0 : _pid;
        return ended;
    }
}
