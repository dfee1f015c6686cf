using System.Globalization;
using Appliance.Config;
using Appliance.Logging;
using Appliance.Loop;
using Appliance.Native;
using Appliance.Rooms;

namespace Appliance.Master;

/// <summary>The workers of a master: a process for every number, replaced when it dies, more or fewer when asked.</summary>
public sealed partial class WorkerFleet : IDisposable
{
    private readonly ServerResources _resources;
    private readonly RoomLog _rooms;
    private readonly ListenerSet _listeners;
    private readonly Poller _poller;
    private readonly TimerWheel _timers;
    private readonly LoopClock _clock;
    private readonly EventLog _log;
    private readonly Children _children;
    private readonly List<ChildWorker> _workers = [];
    private readonly Lending _lending;
    private readonly RoomLogSuspicion _suspicion = new();
    private readonly MemoryKills _memoryKills = new();
    private bool _stopping;
    private bool _checking;
    private int _wanted;

    /// <summary>No worker yet.</summary>
    internal WorkerFleet(Settings settings, ServerResources resources, Poller poller, TimerWheel timers, LoopClock clock, Children children, EventLog log)
    {
        _children = children;
        Settings = settings;
        _resources = resources;
        _rooms = resources.Rooms;
        _listeners = resources.Listeners;
        _poller = poller;
        _timers = timers;
        _clock = clock;
        _log = log;
        _lending = new Lending(resources.Listeners, _workers);
        Wakeups = new WakeupSharing(_workers, resources.Wakeups, log);
        Ending = new WorkerEnding(_workers, clock, log);
        Moves = new ConnectionMoves(_workers, resources.Rooms, new Rebalancer(_workers, resources.Rooms));
    }

    /// <summary>The settings in force in the master, and in the workers that it starts; a reload exchanges them between two turns.</summary>
    public Settings Settings { get; private set; }

    /// <summary>Its workers, those that end included.</summary>
    public IReadOnlyList<ChildWorker> Workers => _workers;

    /// <summary>How they wake each other.</summary>
    internal WakeupSharing Wakeups { get; }

    /// <summary>Ends their processes.</summary>
    internal WorkerEnding Ending { get; }

    /// <summary>The connections that move between them.</summary>
    internal ConnectionMoves Moves { get; }

    /// <summary>Whether every worker serves.</summary>
    public bool AllServe => _workers.TrueForAll(worker => worker.IsServing);

    /// <summary>Whether the fleet was stopped and no process is left.</summary>
    public bool HasEnded => _stopping && HasNoProcess;

    /// <summary>Whether no process is left.</summary>
    public bool HasNoProcess => _workers.TrueForAll(worker => worker.Pid == 0);

    /// <summary>Whether something that was asked of a worker is not done yet.</summary>
    public bool OwesAnswers => _workers.Exists(worker => worker.Owed > 0);

    /// <summary>The workers that have not done yet what was asked of them, in words: <c>worker 1 (pid 17)</c>.</summary>
    public string Owing => string.Join(" and ", _workers.Where(worker => worker.Owed > 0).Select(worker => $"worker {worker.Number} (pid {worker.Pid})"));

    /// <summary>Numbers of the workers that serve and are to go on, in growing order.</summary>
    public IReadOnlyList<WorkerNumber> ServingWorkers
    {
        get
        {
            var numbers = _workers.FindAll(worker => worker is { IsServing: true, IsRetired: false }).ConvertAll(worker => worker.Number);
            numbers.Sort((one, two) => one.Value.CompareTo(two.Value));
            return numbers;
        }
    }

    /// <summary>Clients of all workers.</summary>
    public int ConnectionCount => _workers.Sum(worker => _rooms.Worker(worker.Slot).Connections);

    /// <summary>Why a worker keeps failing before all have served; null while none does.</summary>
    public string? StartFailure { get; private set; }

    /// <summary>The numbers of the workers.</summary>
    public IReadOnlyList<WorkerNumber> Numbers => _workers.FindAll(worker => worker.Pid > 0).ConvertAll(worker => worker.Number);

    /// <summary>Has so many workers: starts what is missing, retires the highest ones.</summary>
    public void Resize(int count)
    {
        _wanted = count;
        _rooms.Header.Workers = count;
        _ = _workers.RemoveAll(worker => worker.State == ChildState.Ended);
        if (_workers.Count > 0 && _workers.Count(worker => !worker.IsRetired) != count)
        {
            BeginRebalancing();
        }

        for (int i = 0; i < count; i++)
        {
            var number = new WorkerNumber(i);
            if (_workers.Find(worker => worker.Number == number) is { } present)
            {
                // One that is being given up is wanted again: another process follows the one that is told to end.
                present.IsWantedAgain = present.IsRetired;
                continue;
            }

            var worker = new ChildWorker(number, RoomLogLayout.SlotBeside(_resources.FirstSlot, number), _listeners.ForWorker(number));
            if (Wakeups.TryShare(worker))
            {
                _workers.Add(worker);
                Start(worker);
            }
        }

        _lending.Update(count);
        RetireSuperfluous();
    }

    /// <summary>Starts no worker any more and asks each to end: gracefully, or at once and without a word to its clients.</summary>
    public void Stop(bool atOnce)
    {
        _stopping = true;
        if (atOnce)
        {
            // One that starts takes signals only when it serves, and has no client yet.
            Ending.Signal(Syscall.SIGKILL, worker => worker.State == ChildState.Starting);
            Ending.Signal(Syscall.SIGQUIT, worker => worker.State != ChildState.Starting);
        }

        _workers.ForEach(worker => Retire(worker, tell: !atOnce));
        _listeners.Dispose();
    }

    /// <summary>What was to be given stays, and is served again; who has ended meanwhile, or is about to, is replaced.</summary>
    public void KeepAll()
    {
        Moves.KeepAll();
        Resize(_wanted);
        foreach (var worker in _workers.Where(worker => worker is { Pid: 0, IsRetired: false }))
        {
            _timers.Arm(worker.Pause, _clock.NowMs);
        }
    }

    /// <summary>Has every worker end, once all that it had is given away.</summary>
    public void EndAll() => _workers.ForEach(worker => Retire(worker, tell: true));

    /// <summary>Puts other settings in force, in every worker, too.</summary>
    public void OnSettings(Settings settings)
    {
        Settings = settings;
        using var keys = MemoryFile.Of("keys", WorkerSecrets.Pack(settings));
        AskAll(ControlWord.Settings, SettingsBuilder.Write(settings), keys.Descriptors);
    }

    /// <summary>Has every worker show that it takes orders.</summary>
    public void Probe() => _workers.ForEach(worker => worker.Ask(ControlWord.Probe, ""));

    /// <summary>Has every worker open the log anew.</summary>
    public void SendReopen() => AskAll(ControlWord.Reopen, "", []);

    /// <summary>A worker has said something, or has closed its end, which it does when it dies.</summary>
    public void OnReadable(WorkerNumber number)
    {
        if (_workers.Find(worker => worker.Number == number) is not { Channel: { } channel } worker)
        {
            return;
        }

        bool ended;
        while (channel.TryReceive(out var message, out ended))
        {
            Hear(worker, message);
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
        _children.Collect();
        foreach (var worker in _workers.Where(worker => worker.Pid > 0).ToArray())
        {
            int pid = worker.Pid;
            if (_children.HasEnded(pid, out var how))
            {
                OnEnd(worker, pid, how);
            }
        }
    }

    /// <summary>A worker's pause is over.</summary>
    public void OnTimer(WorkerNumber number)
    {
        if (!_stopping && !Moves.IsGivingAll && _workers.Find(worker => worker.Number == number) is { Pid: 0, IsRetired: false } worker)
        {
            Start(worker);
        }
    }

    /// <summary>From now on for some time, connections are evened out.</summary>
    public void BeginRebalancing() => Moves.BeginRebalancing(_clock.NowMs);

    /// <summary>Moves connections from full workers to empty ones, if it is time to and nothing else is under way.</summary>
    public void EvenOut()
    {
        if (!_stopping && !_checking && AllServe)
        {
            Moves.EvenOut(_clock.NowMs);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _workers.ForEach(worker => worker.CloseChannel());

    private void Hear(ChildWorker worker, in ChannelMessage message)
    {
        switch (message.Kind)
        {
            case ControlWord.Ready:
                worker.State = worker.State == ChildState.Starting ? ChildState.Serving : worker.State;
                _log.Write(EventCatalogue.WorkerReady, worker.Number.Value, worker.Pid);
                _lending.OnReady(worker);
                RetireSuperfluous();
                break;
            case ControlWord.Given:
                string[] outcome = message.Text.Split(' ');
                _log.Write(EventCatalogue.ConnectionsMoved, worker.Number.Value, outcome[0]);
                Moves.Hear(worker, failed: outcome[1] != "0");
                break;
            case ControlWord.Link:
                Moves.Link(worker, message.Text);
                break;
            case ControlWord.Moderate:
                OnModerationAsked(worker.Number, message.Text);
                break;
            case ControlWord.Answer:
                OnAnswer(worker.Number, message.Text);
                break;
            default:
                worker.Owed = Math.Max(0, worker.Owed - 1);
                break;
        }
    }

    /// <summary>Starts a process; when the system has none to give, that counts as one that died.</summary>
    private void Start(ChildWorker worker)
    {
        try
        {
            worker.Start(Settings, _resources.SegmentId, _rooms.Layout, _resources.Wakeups, _clock.NowMs);
            _children.Add(worker.Pid);
            _ = _poller.Add(worker.Channel!.Descriptor, (uint)worker.Number.Value + 1).OrThrow("epoll_ctl");
        }
        catch (SyscallException failure)
        {
            int pauseMs = worker.NoteEnd(ProcessEnd.NotStarted, _clock.NowMs);
            _log.Write(EventCatalogue.WorkerDied, worker.Number.Value, 0, failure.Message, pauseMs);
            StartFailure = failure.Message;
            _timers.Arm(worker.Pause, _clock.NowMs + pauseMs);
        }
    }

    /// <summary>Gives up the workers beyond those that are wanted, once there is one who can take their clients.</summary>
    private void RetireSuperfluous()
    {
        if (!_stopping && _workers.Exists(worker => worker is { IsServing: true, IsRetired: false } && worker.Number.Value < _wanted))
        {
            var superfluous = _workers.FindAll(worker => worker.Number.Value >= _wanted && !worker.IsRetired);
            superfluous.ForEach(worker => worker.IsRetired = true);
            superfluous.ForEach(worker => Retire(worker, tell: true));
        }
    }

    /// <summary>
    /// Has a worker end: its connections go to those that stay, or get a close when all are to end. Its sockets stay open, and another
    /// worker serves them.
    /// </summary>
    private void Retire(ChildWorker worker, bool tell)
    {
        (worker.IsRetired, worker.IsWantedAgain) = (true, false);
        _timers.Cancel(worker.Pause);
        if (tell && (_stopping || !Moves.GiveToOthers(worker)))
        {
            _ = worker.Channel?.Send(ControlWord.Stop);
        }

        if (worker.Pid == 0)
        {
            GiveUp(worker);
        }
    }

    private void GiveUp(ChildWorker worker)
    {
        worker.State = ChildState.Ended;
        if (worker.IsWantedAgain && !_stopping)
        {
            (worker.IsRetired, worker.IsWantedAgain) = (false, false);
            Start(worker);
        }
    }

    private void AskAll(char what, string text, int[] files) => _workers.FindAll(worker => !worker.IsRetired).ForEach(worker => worker.Ask(what, text, files));

    private void OnEnd(ChildWorker worker, int pid, ExitStatus how)
    {
        _rooms.ResetWorker(worker.Slot);
        bool expected = worker.IsRetired || _stopping || _checking;
        var end = expected ? ProcessEnd.Expected : _memoryKills.Judge(how, _clock.NowMs);
        int pauseMs = worker.NoteEnd(end, _clock.NowMs);
        if (!how.IsFine)
        {
            Wakeups.WakeAll(_rooms);
        }

        if (worker.IsRetired || _stopping)
        {
            _log.Write(EventCatalogue.WorkerEnded, worker.Number.Value, pid);
            GiveUp(worker);
            return;
        }

        if (!expected)
        {
            NoteDeath(worker, pid, end == ProcessEnd.KilledForMemory ? $"{how}, for lack of memory" : $"{how}", pauseMs);
        }

        // While another master's workers use the logs as well, nobody looks through them.
        if (!expected && !_resources.IsShared && _suspicion.Arises(worker, _workers, _clock.NowMs))
        {
            _checking = true;
            Ending.Signal(Syscall.SIGKILL);
        }

        if (_checking)
        {
            EndCheck();
        }
        else if (pauseMs == 0 && !Moves.IsGivingAll)
        {
            Start(worker);
        }
        else
        {
            _timers.Arm(worker.Pause, _clock.NowMs + pauseMs);
        }
    }

    private void NoteDeath(ChildWorker worker, int pid, string how, int pauseMs)
    {
        _rooms.Worker(worker.Slot).Restarts++;
        _log.Write(EventCatalogue.WorkerDied, worker.Number.Value, pid, how, pauseMs);
        BeginRebalancing();
        if (worker.KeepsDying)
        {
            StartFailure = string.Create(CultureInfo.InvariantCulture, $"worker {worker.Number} dies again and again: {how}; the log says more");
        }
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
            _timers.Arm(worker.Pause, _clock.NowMs + worker.PauseMs);
        }
    }
}
