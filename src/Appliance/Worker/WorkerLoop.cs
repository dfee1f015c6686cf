using Appliance.Config;
using Appliance.Connections;
using Appliance.Logging;
using Appliance.Loop;
using Appliance.Moving;
using Appliance.Rooms;

namespace Appliance.Worker;

/// <summary>Who tells a worker what to do: its master, or in a single process the signals.</summary>
public interface IWorkerSupervisor
{
    /// <summary>A descriptor to watch for it; -1 for none.</summary>
    int Descriptor { get; }

    /// <summary>The signals that mean something, in the order in which they are looked at.</summary>
    IReadOnlyList<SignalRow> Signals { get; }

    /// <summary>How often it wants to be told that the loop turns; 0 for never.</summary>
    int KeepAliveMs { get; }

    /// <summary>The loop turns.</summary>
    void KeepAlive();

    /// <summary>The loop serves.</summary>
    void OnReady(WorkerLoop loop);

    /// <summary>The descriptor is readable.</summary>
    void OnReadable(WorkerLoop loop);

    /// <summary>Connections were given to another worker.</summary>
    void OnGiven(HandoverOutcome outcome);

    /// <summary>The worker wants a link to that of another slot (<see cref="Gathering"/>).</summary>
    void OnLinkWanted(WorkerSlot slot);

    /// <summary>A client that may moderate asks for something: <see cref="ControlWord.Moderate"/>.</summary>
    void OnModerationAsked(string request);
}

/// <summary>One signal and what it does.</summary>
/// <param name="Signal">The signal.</param>
/// <param name="Act">What it does to the loop.</param>
public sealed record SignalRow(int Signal, Action<WorkerLoop> Act);

/// <summary>The loop of one worker: one thread, which waits nowhere but in epoll.</summary>
public sealed class WorkerLoop : IDisposable
{
    /// <summary>Events of one turn: what comes in while they are handled makes the next turn's batch.</summary>
    private const int EventsMax = 512;

    /// <summary>How long connections may take to go back to the former master's workers, all of which wait for them.</summary>
    private const int ReturnMsMax = 2000;

    private readonly EventLog _log;
    private readonly IWorkerSupervisor _supervisor;
    private readonly IReadOnlyList<ListenSocket> _listeners;
    private readonly LoopClock _clock = new();
    private readonly Poller _poller = new(EventsMax);
#pragma warning disable CA2213 // One of the table's.
    private readonly Wakeup _wakeup;
#pragma warning restore CA2213
    private readonly SignalSet _signals = new();
    private readonly SignalRow[] _signalRows;
    private readonly ClientServer _clients;
    private readonly TurnMeter _meter;
    private readonly ConnectionLog _connectionLog;
    private int _ready;
    private int _handled;
    private bool _stopping;
    private bool _stopped;
    private bool _isReturning;
    private long _stopAtMs;
    private long _keepAliveAtMs = long.MaxValue;

    /// <summary>A loop that serves these listening sockets once it runs.</summary>
    public WorkerLoop(
        Settings settings, RoomLog rooms, WorkerIdentity worker, IReadOnlyList<ListenSocket> listeners, IWorkerSupervisor supervisor, EventLog log)
    {
        _log = log;
        _supervisor = supervisor;
        _listeners = listeners;
        _wakeup = worker.Wakeups.Ensure(worker.Slot);
        _connectionLog = new ConnectionLog(log, _clock);
        _clients = new ClientServer(DescriptorBudget.Raise(), _poller, _clock, rooms, worker, settings, _connectionLog);
        _meter = new TurnMeter(rooms, worker.Slot, _clients);
        _ = _poller.Add(_wakeup.Descriptor, 0).OrThrow("epoll_ctl");
        _ = _poller.Add(_signals.Descriptor, 0).OrThrow("epoll_ctl");
        if (supervisor.Descriptor >= 0)
        {
            _ = _poller.Add(supervisor.Descriptor, 0).OrThrow("epoll_ctl");
        }

        _signalRows = [.. supervisor.Signals];
        foreach (var listener in listeners)
        {
            _clients.Acceptor.Listen(listener);
        }

        _clients.UseCertificates();
        _clients.OnGiven = supervisor.OnGiven;
        _clients.OnLinkWanted = supervisor.OnLinkWanted;
        _clients.OnModerationAsked = supervisor.OnModerationAsked;
    }

    /// <summary>The clients, whom the supervisor may have moved.</summary>
    public ClientServer Clients => _clients;

    /// <summary>The settings in force.</summary>
    public Settings Settings => _clients.Settings;

    /// <summary>The loop's clock, in milliseconds (<see cref="LoopClock.NowMs"/>).</summary>
    public long NowMs => _clock.NowMs;

    /// <summary>Wakes the sampler of a single process, which rests while the loop sleeps; null where another process samples.</summary>
    public Wakeup? Sampler
    {
        get => _meter.Sampler;
        init => _meter.Sampler = value;
    }

    /// <summary>Serves until it is stopped.</summary>
    public void Run()
    {
        // What starting has left behind would otherwise be collected some time later, in front of clients.
        GC.Collect();
        int collections = GC.CollectionCount(0);
        _meter.Begin(_clock.UnixMs);
        _supervisor.OnReady(this);
        _keepAliveAtMs = _supervisor.KeepAliveMs > 0 ? 0 : long.MaxValue;
        while (!_stopped)
        {
            Turn();
        }

        _connectionLog.TellSums(long.MaxValue);
        _log.Write(
            EventCatalogue.Stopped, _clients.Figures.Requests, _clients.Figures.Deliveries, _clients.Figures.Accepted, GC.CollectionCount(0) - collections);
    }

    /// <summary>Ends gracefully: no new client, a close for each that is there. A second call does not wait for them any more.</summary>
    /// <param name="reason">Who asked, for the log.</param>
    public void Stop(string reason)
    {
        _stopAtMs = _stopping ? _clock.NowMs : _clock.NowMs + (Settings.DrainSeconds * 1000L);
        if (!_stopping)
        {
            _stopping = true;
            _log.Write(EventCatalogue.Stopping, reason, _clients.ConnectionCount, Settings.DrainSeconds);
            _clients.Acceptor.Stop();
            foreach (var listener in _listeners)
            {
                listener.Dispose();
            }

            _clients.CloseAll(Settings.DrainSeconds);
        }
    }

    /// <summary>Does what an operator asks of the clients, <c>TICKET COMMAND</c>, and returns <c>TICKET OUTCOME</c>.</summary>
    public string Answer(string question)
    {
        int space = question.IndexOf(' ', StringComparison.Ordinal);
        return $"{question.AsSpan(0, space)} {_clients.Operator.Run(question[(space + 1)..])}";
    }

    /// <summary>Ends without a word to anybody.</summary>
    public void StopAtOnce() => _stopped = true;

    /// <summary>
    /// The master is gone. In an upgrade another one goes on, whose workers get what this one has; otherwise, and after that, it ends without
    /// a word to anybody.
    /// </summary>
    public void OnMasterLost()
    {
        _poller.Remove(_supervisor.Descriptor);
        _isReturning = true;
        _stopAtMs = _clock.NowMs + ReturnMsMax;
    }

    /// <summary>Puts other settings in force, between two turns.</summary>
    public void OnSettings(Settings settings)
    {
        _log.SetLevel(settings.Debug ? LogLevel.Debug : settings.LogLevel);
        _clients.OnSettings(settings);
        try
        {
            _clients.UseCertificates();
        }
        catch (IOException refused)
        {
            _log.Write(EventCatalogue.TlsKept, refused.Message);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _signals.Dispose();
        _clients.Dispose();
        _poller.Dispose();
    }

    /// <summary>
    /// Wait, take signals, dispatch, expire timers, then append, deliver and close what has ended. A flood ends the turn early: what
    /// it leaves of the events is the next turn's, before any further wait.
    /// </summary>
    private void Turn()
    {
        bool mayHaveSignals = _handled < _ready;
        int waitMs = 0;
        if (!mayHaveSignals)
        {
            waitMs = LimitWait(_clients.BeginSleep());
            _ready = _poller.Wait(waitMs);
            _handled = 0;
            mayHaveSignals = _poller.Holds(_signals.Descriptor, _ready);
        }

        _clock.Update(waitMs);
        _meter.BeginTurn(_clock.NowNs);
        _clients.EndSleep();
        if (mayHaveSignals)
        {
            TakeSignals();
        }

        while (_handled < _ready && !_clients.TurnIsFull)
        {
            Dispatch(_poller[_handled++]);
        }

        if (_clock.NowMs >= _keepAliveAtMs)
        {
            _supervisor.KeepAlive();
            _keepAliveAtMs = _clock.NowMs + _supervisor.KeepAliveMs;
        }

        if (_clock.NowMs >= _connectionLog.DueMs)
        {
            _connectionLog.TellSums(_clock.NowMs);
        }

        _clients.ExpireTimers();
        _stopped |= _isReturning && (_clock.NowMs >= _stopAtMs || !(_clients.IsGiving || _clients.TryReturn()));
        _clients.EndTurn();
        _meter.EndTurn();
        if (_isReturning && !_clients.IsGiving)
        {
            // Looks in the next turn whether there is another way.
            _wakeup.Set();
        }

        _stopped |= _stopping && ((_clients.ConnectionCount == 0 && !_clients.IsGiving) || _clock.NowMs >= _stopAtMs);
    }

    /// <summary>Only clients are watched with a generation.</summary>
    private void Dispatch(in PollEvent happened)
    {
        if (happened.Generation != 0)
        {
            _clients.OnClient(happened);
        }
        else if (happened.Descriptor == _wakeup.Descriptor)
        {
            _wakeup.Clear();
        }
        else if (happened.Descriptor == _supervisor.Descriptor)
        {
            _supervisor.OnReadable(this);
        }
        else if (happened.Descriptor != _signals.Descriptor)
        {
            _clients.OnDescriptor(happened.Descriptor);
        }
    }

    /// <summary>A flood that fills turns waits for no event: then signals are looked for in each.</summary>
    private void TakeSignals()
    {
        _signals.Collect();
        foreach (var row in _signalRows)
        {
            if (_signals.Take(row.Signal))
            {
                row.Act(this);
            }
        }
    }

    /// <summary>A wait ends for whatever comes first: a timer of a client (-1: none), the end of a stop, a word to the supervisor, a line of the log.</summary>
    private int LimitWait(int waitMs)
    {
        long until = Math.Min(Math.Min(_keepAliveAtMs, _connectionLog.DueMs), _stopping || _isReturning ? _stopAtMs : long.MaxValue);
        if (until == long.MaxValue)
        {
            return waitMs;
        }

        int left = (int)Math.Clamp(until - _clock.NowMs, 0, int.MaxValue);
        return waitMs < 0 ? left : Math.Min(waitMs, left);
    }

}
