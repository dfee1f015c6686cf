using Appliance.Config;
using Appliance.Logging;
using Appliance.Native;
using Appliance.Worker;

namespace Appliance.Cli;

/// <summary>Runs the server.</summary>
internal static class RunCommand
{
    /// <summary>Serves until a signal ends it.</summary>
    public static int Run(Settings settings)
    {
        if (!settings.NoFork || settings.Daemon)
        {
            throw new SettingException("--daemon, --master and --proc: this version runs as one process in the foreground; add --nofork, without --daemon");
        }

        bool isJournal = Environment.GetEnvironmentVariable("JOURNAL_STREAM") is { Length: > 0 };
        using var log = new EventLog(settings.LogFile, settings.Debug ? LogLevel.Debug : settings.LogLevel, isJournal);
        try
        {
            SingleProcess.Run(settings, Usage.Version, log);
            return ExitCode.Fine;
        }
        catch (Exception failure) when (failure is SyscallException or IOException && settings.LogFile.Length > 0)
        {
            log.Write(EventCatalogue.Failed, failure.Message);
            throw;
        }
    }
}
