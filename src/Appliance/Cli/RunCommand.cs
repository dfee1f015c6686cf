using System.Globalization;
using Appliance.Config;
using Appliance.Connections;
using Appliance.Control;
using Appliance.Ipc;
using Appliance.Logging;
using Appliance.Loop;
using Appliance.Master;
using Appliance.Native;
using Appliance.Worker;

namespace Appliance.Cli;

/// <summary>Runs the server: in the foreground or as a daemon, in one process or as a master with workers.</summary>
internal sealed class RunCommand
{
    private readonly Func<Settings> _read;
    private readonly Settings _settings;
    private readonly Action<string> _tell;

    private RunCommand(Func<Settings> read, Action<string> tell)
    {
        _read = read;
        _settings = read();
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
        if (role == ProcessRole.Master)
        {
            return RunDaemon(read, descriptor);
        }

        var settings = read();
        return settings.Daemon ? Launch(arguments, settings) : new RunCommand(read, _ => { }).Serve();
    }

    /// <summary>What this process is, if another one of ours has started it, and the descriptor to the one that waits.</summary>
    private static (string? Role, int Descriptor) Role => (
        Environment.GetEnvironmentVariable(ProcessRole.Variable),
        int.TryParse(Environment.GetEnvironmentVariable(ProcessRole.Descriptor), NumberStyles.None, CultureInfo.InvariantCulture, out int fd) ? fd : -1);

    private static int Launch(string[] arguments, Settings settings)
    {
        if (Daemon.Launch(arguments) is { } why)
        {
            throw new IOException(why);
        }

        Console.Out.WriteLine($"daemon process started, pid {PidFile.RunningPid(settings.RunDirectory, settings.StateDirectory)}");
        return ExitCode.Fine;
    }

    private static int RunDaemon(Func<Settings> read, int descriptor)
    {
        string word = "";
        try
        {
            var command = new RunCommand(read, ready =>
            {
                word = ready;
                Daemon.Tell(descriptor, ready);
            });
            Daemon.Detach();
            return command.Serve();
        }
        catch (Exception failure) when (failure is SyscallException or IOException or UnauthorizedAccessException or SettingException && word.Length == 0)
        {
            Daemon.Tell(descriptor, failure.Message);
            return ExitCode.Failed;
        }
    }

    private int Serve()
    {
        Syscall.ResetSignals();
        var service = new ServiceManager();
        using var pidFile = PidFile.Acquire(_settings.RunDirectory, _settings.StateDirectory);
        RoomLogStore.AwaitFormer(_settings.StateDirectory);
        using var listeners = new ListenerSet(_settings.Listen, _settings.NoFork ? 1 : _settings.WorkerCount, service.ListenDescriptors);
        if (_settings.User.Length > 0)
        {
            Privileges.Drop(_settings.User, pidFile.Descriptors, pidFile.MadeDirectories);
        }

        string process = _settings.NoFork ? "" : "master";
        if (!_settings.NoFork)
        {
            Syscall.SetTitle("appliance: master");
        }

        using var log = new EventLog(_settings.LogFile, _settings.Debug ? LogLevel.Debug : _settings.LogLevel, _settings.Daemon, process);
        try
        {
            log.Write(EventCatalogue.Starting, Usage.Version, Environment.ProcessId);
            var (rooms, id, isNew) = RoomLogOpening.Open(_settings, log);
            using var control = new ControlDesk(new ControlQueue(SystemVKey.OfPath(_settings.StateDirectory, SystemVKey.DefaultProject), log), rooms, log);
            bool hasServed = false;
            void OnReady()
            {
                hasServed = true;
                Announce(rooms, pidFile, listeners, service, log);
            }

            try
            {
                Run(rooms, id, listeners, service, control, log, OnReady);
            }
            finally
            {
                rooms.Header.MasterPid = 0;
                if (isNew && !hasServed)
                {
                    // A start that failed leaves nothing behind.
                    RoomLogStore.Remove(id);
                }
            }

            return ExitCode.Fine;
        }
        catch (Exception failure) when (failure is SyscallException or IOException && _settings.LogFile.Length > 0)
        {
            log.Write(EventCatalogue.Failed, failure.Message);
            throw;
        }
    }

    private void RunAlone(RoomLog rooms, ListenerSet listeners, ServiceManager service, ControlDesk control, EventLog log, Action onReady)
    {
        using var wakeup = new Wakeup();
        var supervisor = new SignalSupervisor(_settings, _read, rooms, service, control, log, onReady);
        rooms.Header.Workers = 0;
        using var loop = new WorkerLoop(
            _settings, rooms, new WorkerIdentity(0, [wakeup]), listeners.First, supervisor, log);
        loop.Run();
        rooms.ResetWorker(0);
    }

    private void Run(RoomLog rooms, int id, ListenerSet listeners, ServiceManager service, ControlDesk control, EventLog log, Action onReady)
    {
        if (_settings.NoFork)
        {
            RunAlone(rooms, listeners, service, control, log, onReady);
            return;
        }

        using var loop = new MasterLoop(_settings, _read, rooms, id, listeners, service, control, log) { OnReady = onReady };
        if (loop.Run() is { } failure)
        {
            throw new IOException(failure);
        }
    }

    private void Announce(RoomLog rooms, PidFile pidFile, ListenerSet listeners, ServiceManager service, EventLog log)
    {
        pidFile.Write(Environment.ProcessId);
        rooms.Header.MasterPid = Environment.ProcessId;
        rooms.Header.ReadyMs = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        foreach (string description in listeners.Descriptions)
        {
            log.Write(EventCatalogue.Ready, description);
        }

        service.Ready(Environment.ProcessId);
        _tell(ProcessRole.ReadyWord);
    }
}
