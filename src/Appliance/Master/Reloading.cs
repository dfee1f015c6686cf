using Appliance.Config;
using Appliance.Ipc;
using Appliance.Logging;

namespace Appliance.Master;

/// <summary>Has master and workers take changed settings over and open the log anew, and tells whoever asked once all have done it.</summary>
internal sealed class Reloading(
    Settings settings, Func<Settings> readAgain, Estate estate, WorkerFleet fleet, LoadFollower load, ServiceManager service, EventLog log)
{
    private string? _reloadNote;
    private bool _reopened;
    private string? _reopenFailure;

    /// <summary>Reads the configuration again; a bad one changes nothing. The log is opened anew in any case.</summary>
    public void Reload()
    {
        service.Reloading();
        bool failed = !SettingsBuilder.TryReload(settings, readAgain, out string note);
        log.Write(failed ? EventCatalogue.ReloadFailed : EventCatalogue.Reloaded, note);
        if (failed)
        {
            // The former settings stay as they are; only the log is reopened.
            _reloadNote = ReloadNote.Failed + note;
        }
        else
        {
            log.SetLevel(settings.Debug ? LogLevel.Debug : settings.LogLevel);
            estate.Journal?.OnSettings();
            fleet.SendSettings();
            load.Apply();
            _reloadNote = note;
        }

        Reopen();
        _reloadNote += _reopenFailure is null ? "" : $"; {_reopenFailure}: the former file stays in use";
    }

    /// <summary>Opens the log anew.</summary>
    public void Reopen()
    {
        _reopenFailure = log.TryReopen();
        if (_reopenFailure is null)
        {
            log.Write(EventCatalogue.LogReopened);
        }

        fleet.SendReopen();
        _reopened = true;
    }

    /// <summary>Once a turn: when every worker has done what was asked, tells whoever asked.</summary>
    public void TellOutcome()
    {
        if (fleet.OwesAnswers)
        {
            return;
        }

        if (_reopened)
        {
            _reopened = false;
            ReloadNote.WriteReopening(estate.Rooms, _reopenFailure);
        }

        if (_reloadNote is { } note)
        {
            _reloadNote = null;
            bool failed = note.StartsWith(ReloadNote.Failed);
            ReloadNote.Write(estate.Rooms, failed, failed ? note[1..] : note);
            service.Ready(Environment.ProcessId);
        }
    }
}
