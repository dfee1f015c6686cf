using System.Diagnostics;
using Appliance.Config;
using Appliance.Logging;
using Appliance.Loop;
using Appliance.Moving;
using Appliance.Native;
using Appliance.Operators;
using Appliance.Rooms;

namespace Appliance.Worker;

/// <summary>A single process does itself what signals ask for: <c>--nofork</c>.</summary>
public sealed class SignalSupervisor : IWorkerSupervisor, IControlHost
{
    private readonly Func<Settings> _readAgain;
    private readonly RoomLog _rooms;
    private readonly ServiceManager _service;
    private readonly CommandDispatcher _control;
    private readonly EventLog _log;
    private readonly Action _ready;
    private readonly Action<Settings> _reloaded;
    private readonly Lock _telling = new();
    private WorkerLoop? _loop;

    /// <summary>A supervisor for the only process.</summary>
    /// <param name="readAgain">Reads the command line and the configuration file once more.</param>
    /// <param name="rooms">Where the outcome of a reload is noted for the command that asked.</param>
    /// <param name="service">The service manager, if there is one.</param>
    /// <param name="control">The desk of the control queue.</param>
    /// <param name="log">The log.</param>
    /// <param name="ready">Called when the loop serves.</param>
    /// <param name="reloaded">Called with settings that are in force from now on.</param>
    public SignalSupervisor(
        Func<Settings> readAgain,
        RoomLog rooms,
        ServiceManager service,
        CommandDispatcher control,
        EventLog log,
        Action ready,
        Action<Settings> reloaded)
    {
        _readAgain = readAgain;
        _rooms = rooms;
        _service = service;
        _control = control;
        _log = log;
        _ready = ready;
        _reloaded = reloaded;
        Signals = [.. SignalTable.Rows.Select(row => new SignalRow(row.Number, ActionOf(row)))];
    }

    /// <inheritdoc/>
    public int Descriptor => _control.Descriptor;

    /// <inheritdoc/>
    public IReadOnlyList<SignalRow> Signals { get; }

    /// <inheritdoc/>
    public int KeepAliveMs => _service.KeepAliveMs;

    /// <inheritdoc/>
    public void KeepAlive() => _service.KeepAlive();

    /// <inheritdoc/>
    public void OnReady(WorkerLoop loop)
    {
        _loop = loop;
        _control.Start(this, isSuccessor: false);
        _ready();
    }

    /// <inheritdoc/>
    public void OnReadable(WorkerLoop loop) => _control.Turn();

    IReadOnlyList<WorkerNumber> IControlHost.ServingWorkers => [default];

    ControlRights IControlHost.Rights => _loop!.Settings.Control;

    long IControlHost.NowMs => _loop!.NowMs;

    bool IControlHost.Ask(WorkerNumber worker, string question)
    {
        _control.OnAnswer(worker, _loop!.Answer(question));
        return true;
    }

    void IControlHost.TellOutcome(WorkerNumber worker, string outcome) => _loop!.Clients.OnModerated(outcome);

    void IControlHost.Stop() => Stop(_loop!, "stop command");

    void IControlHost.Reload() => Reload(_loop!);

    void IControlHost.Reopen() => Reopen(_ => { });

    /// <inheritdoc/>
    public void OnGiven(HandoverOutcome outcome)
    {
    }

    /// <inheritdoc/>
    public void OnModerationAsked(string request) => _control.AskFor(default, request);

    /// <inheritdoc/>
    public void OnLinkWanted(WorkerSlot slot)
    {
    }

    /// <summary>It has no children of its own; the first process of a container inherits those of others.</summary>
    private static void BuryOrphans()
    {
        while (Syscall.NextEnded(out _) > 0)
        {
        }
    }

    private Action<WorkerLoop> ActionOf(ServerSignal signal) => signal.Action switch
    {
        SignalAction.StopAtOnce => loop => loop.StopAtOnce(),
        SignalAction.Stop => loop => Stop(loop, signal.FullName),
        SignalAction.Reap => _ => BuryOrphans(),
        SignalAction.Reload => Reload,
        SignalAction.Reopen => _ => Reopen(_ => { }),
        SignalAction.Upgrade => _ => RefuseUpgrade(),
        _ => throw new UnreachableException(),
    };

    private void Stop(WorkerLoop loop, string signal)
    {
        _rooms.Header.Stopping = 1;
        _service.Stopping();
        loop.Stop(signal);
    }

    private void Reload(WorkerLoop loop)
    {
        _service.Reloading();
        var settings = SettingsBuilder.Reload(loop.Settings, _readAgain, out string note);
        bool failed = settings is null;
        if (settings is not null)
        {
            TlsReport.Write(_log, settings);
            loop.OnSettings(settings);
            _reloaded(settings);
        }

        _log.Write(failed ? EventCatalogue.ReloadFailed : EventCatalogue.Reloaded, note);
        Reopen(reopening =>
        {
            ReloadNote.Write(_rooms, failed, note + (reopening is null ? "" : $"; {reopening}: the former file stays in use"));
            _service.Ready(Environment.ProcessId);
        });
    }

    private void RefuseUpgrade()
    {
        _log.Write(EventCatalogue.UpgradeUnknown);
        ReloadNote.WriteFailedUpgrade(_rooms, "a single process (--nofork) cannot hand its connections over: restart it instead");
    }

    /// <summary>Reopens the log on another thread, and reports the outcome to the command that asked.</summary>
    private void Reopen(Action<string?> then) => _log.Reopen(failure =>
    {
        lock (_telling)
        {
            if (failure is null)
            {
                _log.Write(EventCatalogue.LogReopened);
            }

            ReloadNote.WriteReopening(_rooms, failure);
            then(failure);
        }
    });
}
