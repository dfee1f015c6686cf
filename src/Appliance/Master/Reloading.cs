using Appliance.Config;
using Appliance.Logging;
using Appliance.Loop;
using Appliance.Monitoring;
using Appliance.Rooms;
using Appliance.Worker;

namespace Appliance.Master;

/// <summary>
/// Makes master and workers apply changed settings and reopen the log, and answers the command that asked once all have done it. The log's own
/// thread opens it and wakes the loop when that is done.
/// </summary>
internal sealed class Reloading(
    Func<Settings> readAgain, ServerResources resources, WorkerFleet fleet, LoadFollower load,
    MonitorThread monitor, ServiceManager service, EventLog log, Action wake)
{
    private string? _reloadNote;
    private bool _reopened;
    private int _reopenings;
    private volatile string? _reopenFailure;

    /// <summary>Reads the configuration again; a bad one changes nothing. The log is opened anew in any case.</summary>
    public void Reload()
    {
        service.Reloading();
        var settings = SettingsBuilder.Reload(fleet.Settings, readAgain, out string note);
        log.Write(settings is null ? EventCatalogue.ReloadFailed : EventCatalogue.Reloaded, note);
        if (settings is null)
        {
            // The former settings stay as they are; only the log is reopened.
            _reloadNote = ReloadNote.Failed + note;
        }
        else
        {
            log.SetLevel(settings.Debug ? LogLevel.Debug : settings.LogLevel);
            TlsReport.Write(log, settings);
            resources.Followers?.OnSettings(settings);
            monitor.Hosts = settings.MetricsHosts;
            fleet.OnSettings(settings);
            load.Apply();
            _reloadNote = note;
        }

        Reopen();
    }

    /// <summary>Opens the log anew.</summary>
    public void Reopen()
    {
        _ = Interlocked.Increment(ref _reopenings);
        log.Reopen(failure =>
        {
            if (failure is null)
            {
                log.Write(EventCatalogue.LogReopened);
            }

            _reopenFailure = failure;
            _ = Interlocked.Decrement(ref _reopenings);
            wake();
        });
        fleet.SendReopen();
        _reopened = true;
    }

    /// <summary>Once a turn: when every worker has carried out the order, answers the command that asked.</summary>
    public void TellOutcome()
    {
        if (fleet.OwesAnswers || Volatile.Read(ref _reopenings) > 0)
        {
            return;
        }

        if (_reopened)
        {
            _reopened = false;
            ReloadNote.WriteReopening(resources.Rooms, _reopenFailure);
        }

        if (_reloadNote is { } note)
        {
            _reloadNote = null;
            note += _reopenFailure is null ? "" : $"; {_reopenFailure}: the former file stays in use";
            bool failed = note.StartsWith(ReloadNote.Failed);
            ReloadNote.Write(resources.Rooms, failed, failed ? note[1..] : note);
            service.Ready(Environment.ProcessId);
        }
    }
}
