using System.Globalization;
using Appliance.Config;
using Appliance.Connections;
using Appliance.Control;
using Appliance.Ipc;
using Appliance.Journal;
using Appliance.Logging;
using Appliance.Loop;
using Appliance.Master;
using Appliance.Metrics;
using Appliance.Monitoring;
using Appliance.Native;
using Appliance.Worker;

namespace Appliance.Cli;

/// <summary>Runs the server: in the foreground or as a daemon, in one process or as a master with workers.</summary>
internal sealed class RunCommand
{
    private readonly Relaunch _relaunch;
    private readonly Func<Settings> _read;
    private readonly Settings _settings;
    private readonly Action<string> _tell;
    private bool _hasServed;

    private RunCommand(string[] arguments, Func<Settings> read, Settings settings, Action<string> tell)
    {
        _relaunch = new Relaunch(arguments, CommandLine.StartDirectory);
        _read = read;
        _settings = settings;
        _tell = tell;
    }

    /// <summary>
    /// Does what a process of the daemon does that needs no command line: begins its session, or is a worker. Returns the exit
    /// status, or null for any other process.
    /// </summary>
    public static int? TryRunRole(string[] arguments)
    {
        var (role, descriptor) = Role;
        if (role is not null)
        {
            // Started through /proc/self/exe, it would be called "exe".
            Syscall.SetName("appliance");
        }

        if (role == ProcessRole.Session)
        {
            Daemon.StartMaster(arguments, descriptor);
            return ExitCode.Fine;
        }

        if (role is not null)
        {
            SignalSet.Begin();
        }

        if (!int.TryParse(role, NumberStyles.None, CultureInfo.InvariantCulture, out int slot))
        {
            return null;
        }

        using var worker = new WorkerProcess(slot, descriptor, Paths.ForThisUser());
        worker.Run();
        return ExitCode.Fine;
    }

    /// <summary>Serves, or starts the daemon that does.</summary>
    /// <param name="arguments">The command line, for the daemon.</param>
    /// <param name="read">Reads the settings from it, and again at every reload.</param>
    public static int Run(string[] arguments, Func<Settings> read)
    {
        var (role, descriptor) = Role;
        switch (role)
        {
            case ProcessRole.Master:
                return RunDaemon(arguments, read, descriptor);
            case ProcessRole.Upgrade:
                return RunUpgrade(arguments, read, descriptor);
            default:
                var settings = read();
                return settings.Daemon ? Launch(arguments, settings) : RunForeground(arguments, read, settings);
        }
    }

    /// <summary>What this process is, if another one of ours has started it, and the descriptor to the one that waits.</summary>
    private static (string? Role, int Descriptor) Role => (
        Environment.GetEnvironmentVariable(ProcessRole.Variable),
        int.TryParse(Environment.GetEnvironmentVariable(ProcessRole.Descriptor), NumberStyles.None, CultureInfo.InvariantCulture, out int fd) ? fd : -1);

    private static int RunForeground(string[] arguments, Func<Settings> read, Settings settings)
    {
        SignalSet.Begin();
        Syscall.SetName("appliance");
        return new RunCommand(arguments, read, settings, _ => { }).Serve();
    }

    /// <summary>What keeps a server from starting, in words; null when that is a fault of this program.</summary>
    private static string? Explain(Exception failure) =>
        failure is SettingException or InvalidDataException ? failure.Message : EnvironmentFailure.Explain(failure);

    /// <summary>Starts the daemon. As the first process of a container it then stays: with its end, the kernel would end the daemon as well.</summary>
    private static int Launch(string[] arguments, Settings settings)
    {
        if (ContainerInit.IsNeeded)
        {
            SignalSet.Begin();
        }

        if (Daemon.Launch(arguments) is { } why)
        {
            throw new IOException(why);
        }

        StandardOutput.TryTell($"daemon process started, pid {RunningServer.PidOf(settings.RunDirectory, settings.StateDirectory)}");
        return !ContainerInit.IsNeeded || new ContainerInit(settings.RunDirectory, settings.StateDirectory).Run().IsFine ? ExitCode.Fine : ExitCode.Failed;
    }

    private static int RunDaemon(string[] arguments, Func<Settings> read, int descriptor)
    {
        string word = "";
        try
        {
            var command = new RunCommand(arguments, read, read(), ready =>
            {
                word = ready;
                Daemon.Tell(descriptor, ready);
            });
            Daemon.Detach();
            return command.Serve();
        }
        catch (Exception failure) when (word.Length == 0 && Explain(failure) is { } why)
        {
            Daemon.Tell(descriptor, why);
            return ExitCode.Failed;
        }
    }

    /// <summary>Takes over from the master at the other end of a channel, which goes on when this one cannot.</summary>
    private static int RunUpgrade(string[] arguments, Func<Settings> read, int descriptor)
    {
        using var channel = new ControlChannel(descriptor);
        ProcessRole.Forget();
        bool serves = false;
        try
        {
            var takeover = Takeover.Receive(channel, Paths.ForThisUser());
            if (!SettingsBuilder.TryReload(takeover.Settings, read, out string note))
            {
                throw new IOException(note);
            }

            takeover.CloseUnusedWakeups();
            new RunCommand(arguments, read, takeover.Settings, _ => serves = true).TakeOver(takeover, note);
            return ExitCode.Fine;
        }
        catch (Exception failure) when (!serves && Explain(failure) is { } why)
        {
            _ = channel.Send(UpgradeProtocol.Refused, why);
            return ExitCode.Failed;
        }
    }

    private int Serve()
    {
        DescriptorNeeds.Require(_settings);
        if (SystemVSupport.Missing() is { } missing)
        {
            throw new IOException(missing);
        }

        if (_settings.Io == IoEngine.Uring && Sender.Probe() is { Ok: false } probe)
        {
            throw new IOException($"--io uring: {Sender.Explain(probe)}; --io auto does without");
        }

        var service = new ServiceManager();
        var owners = Ownership.OfServer(_settings.User);
        using var pidFile = PidFile.Acquire(_settings.RunDirectory, _settings.StateDirectory, owners);
        RoomLogStore.AwaitFormer(_settings.StateDirectory, owners);
        using var listeners = new ListenerSet(_settings.Listen, _settings.NoFork ? 1 : _settings.WorkersLeast, service.ListenDescriptors, _settings.SocketMode);
        using var monitoring = _settings.Metrics is { } address ? Listeners.Bind(address, _settings.SocketMode, Listeners.MetricsOption) : null;
        if (_settings.User.Length > 0)
        {
            int keys = RoomLogStore.OpenKeys(_settings.StateDirectory, owners);
            pidFile.DropPrivileges(_settings.User, keys);
            _ = Syscall.Close(keys);
        }

        using var log = OpenLog();
        try
        {
            log.Write(EventCatalogue.Starting, Usage.Version, Environment.ProcessId);
            var (rooms, id, isNew) = RoomLogOpening.Open(_settings, log);
            using var estate = new Estate { Rooms = rooms, SegmentId = id, Listeners = listeners, MonitoringSocket = monitoring, PidFile = pidFile };
            try
            {
                estate.Journal = JournalWriter.Begin(_settings, rooms, isNew, estate.Wakeups, log);
                Run(estate, takeover: null, service, log);
            }
            finally
            {
                if (isNew && !_hasServed)
                {
                    // A start that failed leaves nothing behind.
                    RoomLogStore.Remove(id);
                }
            }

            return ExitCode.Fine;
        }
        catch (Exception failure) when (_settings.LogFile.Length > 0 && Explain(failure) is { } why)
        {
            log.Write(EventCatalogue.Failed, why);
            throw;
        }
    }

    private void TakeOver(Takeover takeover, string note)
    {
        using var estate = takeover.Estate;
        using var pidFile = estate.PidFile;
        using var listeners = estate.Listeners;
        using var monitoring = estate.MonitoringSocket;
        using var log = OpenLog();
        pidFile.Abandon();
        log.Write(EventCatalogue.Starting, Usage.Version, Environment.ProcessId);
        if (note.Length > 0)
        {
            log.Write(EventCatalogue.Reloaded, note);
        }

        Run(estate, takeover, new ServiceManager(), log);
    }

    private EventLog OpenLog()
    {
        if (!_settings.NoFork)
        {
            Syscall.SetTitle("appliance: master");
        }

        var log = new EventLog(
            _settings.LogFile, _settings.Debug ? LogLevel.Debug : _settings.LogLevel, _settings.Daemon, _settings.NoFork ? "" : "master");
        try
        {
            log.Open();
            WarnOfExposed(log);
            return log;
        }
        catch
        {
            log.Dispose();
            throw;
        }
    }

    /// <summary>Where others may write to our directories, they cannot pass anything off as ours, but they can remove what is.</summary>
    private void WarnOfExposed(EventLog log)
    {
        foreach (var (option, directory) in ((string, string)[])[("run-dir", _settings.RunDirectory), ("state-dir", _settings.StateDirectory)])
        {
            if (OwnedPath.WhyExposed(directory) is { } why)
            {
                log.Write(EventCatalogue.DirectoryExposed, option, why);
            }
        }
    }

    private void Run(Estate estate, Takeover? takeover, ServiceManager service, EventLog log)
    {
        for (int worker = 0; worker < (_settings.NoFork ? 1 : _settings.WorkersMost); worker++)
        {
            _ = estate.Wakeups.Ensure(estate.FirstSlot + worker);
        }

        var key = SystemVKey.OfPath(_settings.StateDirectory, SystemVKey.DefaultProject);
        var commands = new CommandQueueDepth(key);
        using var monitor = new MonitorThread(
            estate.Rooms,
            new MonitoredServer(slot => estate.Listeners.QueueLength(slot % RoomLogLayout.WorkersMax), estate.Wakeups.Set, commands.Read),
            Usage.Build,
            estate.MonitoringSocket,
            log)
        {
            CanRest = _settings.NoFork,
        };
        void OnReady()
        {
            Announce(estate, service, log);
            monitor.SampleSoon();
        }

        if (takeover is not null)
        {
            // Whatever the host may refuse, it refuses before the former process gives anything away.
            estate.Journal = JournalWriter.Prepare(_settings, estate.Rooms, estate.Wakeups, log);
        }

        using var control = new ControlDesk(new ControlQueue(key, log), estate.Rooms, log);
        if (_settings.NoFork)
        {
            RunAlone(estate, monitor, service, control, log, OnReady);
            return;
        }

        using var loop = new MasterLoop(_settings, _read, estate, takeover, _relaunch, monitor, service, control, log) { OnReady = OnReady };
        try
        {
            if (loop.Run() is { } failure)
            {
                throw new IOException(failure);
            }
        }
        finally
        {
            if (_hasServed && !loop.IsHandedOver)
            {
                estate.Rooms.Header.MasterPid = 0;
            }
        }
    }

    private void RunAlone(Estate estate, MonitorThread monitor, ServiceManager service, ControlDesk control, EventLog log, Action onReady)
    {
        var rooms = estate.Rooms;
        var supervisor = new SignalSupervisor(_settings, _read, rooms, service, control, log, onReady, () => estate.Journal?.OnSettings());
        (rooms.Header.Workers, rooms.Header.WorkersLeast, rooms.Header.WorkersMost) = (1, 1, 1);
        rooms.Worker(0).State = WorkerState.Serving;
        using var loop = new WorkerLoop(_settings, rooms, new WorkerIdentity(0, estate.Wakeups), estate.Listeners.First, supervisor, log) { Sampler = monitor.Wakeup };
        monitor.Start();
        loop.Run();
        monitor.Dispose();
        rooms.ResetWorker(0);
        rooms.Header.MasterPid = 0;
    }

    /// <summary>Everybody may know: this process is the server.</summary>
    private void Announce(Estate estate, ServiceManager service, EventLog log)
    {
        _hasServed = true;
        estate.Journal?.Continue();
        estate.Listeners.OwnPaths();
        if (RoomLogStore.Remember(_settings.StateDirectory, estate.SegmentId) is { } why)
        {
            log.Write(EventCatalogue.KeyNotKept, why);
        }

        estate.PidFile.Own();
        estate.PidFile.Write(Environment.ProcessId);
        ref var header = ref estate.Rooms.Header;
        header.MasterPid = Environment.ProcessId;
        header.FirstSlot = estate.FirstSlot;
        header.ReadyMs = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        if (_settings.Listen.Append(_settings.Metrics).Any(address => address is { IsAnyFamily: true }) && !Syscall.HasIpv6)
        {
            log.Write(EventCatalogue.Ipv6Missing);
        }

        if (!Directory.Exists("/proc/self"))
        {
            log.Write(EventCatalogue.ProcMissing);
        }

        foreach (string description in estate.Listeners.Descriptions)
        {
            log.Write(EventCatalogue.Ready, description);
        }

        if (estate.MonitoringSocket is { } monitoring)
        {
            monitoring.Path = _settings.Metrics!.UnixPath;
            log.Write(EventCatalogue.Monitoring, Listeners.Describe(_settings.Metrics, monitoring));
        }

        service.Ready(Environment.ProcessId);
        _tell(ProcessRole.ReadyWord);
    }
}
