using System.Runtime.InteropServices;
using Appliance.Config;
using Appliance.Ipc;
using Appliance.Logging;
using Appliance.Native;

namespace Appliance.Worker;

/// <summary>A single process does itself what signals ask for: <c>--nofork</c>.</summary>
public sealed class SignalSupervisor : IWorkerSupervisor
{
    private readonly Settings _settings;
    private readonly Func<Settings> _readAgain;
    private readonly RoomLog _rooms;
    private readonly EventLog _log;
    private readonly Action _ready;

    /// <summary>A supervisor for the only process.</summary>
    /// <param name="settings">The settings in force, changed in place.</param>
    /// <param name="readAgain">Reads the command line and the configuration file once more.</param>
    /// <param name="rooms">Where the outcome of a reload is noted for whoever asked.</param>
    /// <param name="log">The log.</param>
    /// <param name="ready">Called when the loop serves.</param>
    public SignalSupervisor(Settings settings, Func<Settings> readAgain, RoomLog rooms, EventLog log, Action ready)
    {
        _settings = settings;
        _readAgain = readAgain;
        _rooms = rooms;
        _log = log;
        _ready = ready;
        Signals =
        [
            new(PosixSignal.SIGQUIT, loop => loop.StopAtOnce()),
            new(PosixSignal.SIGTERM, loop => loop.Stop("SIGTERM")),
            new(PosixSignal.SIGINT, loop => loop.Stop("SIGINT")),
            new(PosixSignal.SIGHUP, Reload),
            new((PosixSignal)Syscall.SIGUSR1, _ => Reopen()),
            new((PosixSignal)Syscall.SIGUSR2, _ => log.Write(EventCatalogue.UpgradeUnknown)),
        ];
    }

    /// <inheritdoc/>
    public int Descriptor => -1;

    /// <inheritdoc/>
    public IReadOnlyList<SignalRow> Signals { get; }

    /// <inheritdoc/>
    public void OnReady() => _ready();

    /// <inheritdoc/>
    public void OnReadable(WorkerLoop loop)
    {
    }

    private void Reload(WorkerLoop loop)
    {
        bool failed = !SettingsBuilder.TryReload(_settings, _readAgain, out string note);
        loop.OnSettings();
        Reopen();
        _log.Write(failed ? EventCatalogue.ReloadFailed : EventCatalogue.Reloaded, note);
        ReloadNote.Write(_rooms, failed, note);
    }

    private void Reopen()
    {
        try
        {
            _log.Reopen();
            _log.Write(EventCatalogue.LogReopened);
        }
        catch (IOException failure)
        {
            _log.Write(EventCatalogue.Failed, failure.Message);
        }

        Volatile.Write(ref _rooms.Header.Reopens, _rooms.Header.Reopens + 1);
    }
}
