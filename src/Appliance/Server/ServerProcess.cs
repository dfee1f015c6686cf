using Appliance.Config;
using Appliance.Connections;
using Appliance.Logging;
using Appliance.Loop;
using Appliance.Master;
using Appliance.Metrics;
using Appliance.Monitoring;
using Appliance.Native;
using Appliance.Operators;
using Appliance.Rooms;
using Appliance.SystemV;
using Appliance.Worker;

namespace Appliance.Server;

/// <summary>
/// What a server is made of: sockets, pid file, room logs, followers, monitoring port, control queue, and the loop of a master or of a single
/// process on top of them.
/// </summary>
/// <param name="settings">In force when it begins.</param>
/// <param name="read">Reads them anew at every reload.</param>
/// <param name="relaunch">How the binary on disk is started in an upgrade.</param>
/// <param name="build">Which build it is.</param>
internal sealed class ServerProcess(Settings settings, Func<Settings> read, Relaunch relaunch, BuildInfo build)
{
    private bool _hasServed;

    /// <summary>Is called once it serves.</summary>
    public Action OnReady { get; init; } = () => { };

    /// <summary>What keeps a server from starting, in words; null when that is a fault of this program.</summary>
    public static string? Explain(Exception failure) =>
        failure is SettingException or InvariantException ? failure.Message : EnvironmentFailure.Explain(failure);

    /// <summary>Serves until it is told to stop.</summary>
    /// <exception cref="IOException">It cannot: says why.</exception>
    public void Serve()
    {
        RequireHost();
        var service = new ServiceManager();
        var owners = Ownership.OfServer(settings.User);
        using var pidFile = PidFile.Acquire(settings.RunDirectory, settings.StateDirectory, owners);
        RoomLogStore.AwaitFormer(settings.StateDirectory, owners);
        using var listeners = new ListenerSet(settings.Addresses, settings.NoFork ? 1 : settings.WorkersLeast, service.ListenSockets, settings.SocketMode);
        RequireCertificate(listeners);
        using var monitoring = settings.Metrics is { } address ? Listeners.Bind(address, settings.SocketMode) : null;
        if (settings.User.Length > 0)
        {
            int keys = RoomLogStore.OpenKeys(settings.StateDirectory, owners);
            pidFile.DropPrivileges(settings.User, keys);
            _ = Syscall.Close(keys);
            RequireKeys();
        }

        using var log = OpenLog();
        try
        {
            log.Write(EventCatalogue.Starting, build.Version, Environment.ProcessId);
            var (rooms, id, isNew) = RoomLogOpening.Open(settings, log);
            using var resources = new ServerResources
            {
                Rooms = rooms,
                SegmentId = id,
                Listeners = listeners,
                MonitoringSocket = monitoring,
                PidFile = pidFile,
            };
            try
            {
                resources.Followers = MakeFollowers(resources, log);
                resources.Followers.Begin(isNew);
                Run(resources, takeover: null, service, log);
            }
            finally
            {
                if (isNew && !_hasServed)
                {
                    // A start that failed leaves nothing behind.
                    RoomLogStore.Remove(id);
                }
            }
        }
        catch (InvariantException broken)
        {
            log.Write(EventCatalogue.InvariantBroken, broken.Name, broken.Values);
            throw;
        }
        catch (Exception failure) when (settings.LogFile.Length > 0 && Explain(failure) is { } why)
        {
            log.Write(EventCatalogue.Failed, why);
            throw;
        }
    }

    /// <summary>Refuses a host that lacks what every server needs.</summary>
    private void RequireHost()
    {
        DescriptorNeeds.Require(settings);
        if (SystemVSupport.Missing() is { } missing)
        {
            throw new IOException(missing);
        }

        if (settings.Io == IoEngine.Uring && Sender.Probe() is { Ok: false } probe)
        {
            throw new IOException($"--io uring: {Sender.Explain(probe)}; --io auto does without");
        }
    }

    /// <summary>The keys of tokens are here already; reloads and upgrades, which are not root's, read them again.</summary>
    private void RequireKeys()
    {
        if (settings.Auth == AuthMode.Jwt && settings.AuthKeyFiles.FirstOrDefault(path => !Syscall.IsReadable(path)) is { } path)
        {
            throw new IOException(
                $"--auth-key {path}: the user {settings.User} cannot read it, and a reload would fail: chgrp it to a group of this user, and chmod 0640 it");
        }

        if (settings.TlsCertificates.Concat(settings.TlsKeys).FirstOrDefault(path => !Syscall.IsReadable(path)) is { } file)
        {
            string option = settings.TlsKeys.Contains(file, StringComparer.Ordinal) ? "--tls-key" : "--tls-cert";
            throw new IOException(
                $"{option} {file}: the user {settings.User} cannot read it, and a reload would fail: copy it to where that user may read it, with mode 0640 "
                + "and that user's group, whenever it is renewed (docs/tls.md)");
        }
    }

    /// <summary>A service manager may have bound sockets for TLS of which the settings know nothing.</summary>
    private void RequireCertificate(ListenerSet listeners)
    {
        if (settings.TlsCredentials.Length == 0 && listeners.First.Any(socket => socket.Kind is ListenKind.Tls or ListenKind.ProxyTls))
        {
            throw new IOException("LISTEN_FDNAMES: a socket for TLS needs a certificate and its key: --tls-cert FILE --tls-key FILE");
        }
    }

    /// <summary>Goes on with what a former master has given.</summary>
    /// <param name="takeover">What that is.</param>
    /// <param name="note">What became of the settings, for the log.</param>
    public void TakeOver(Takeover takeover, string note)
    {
        using var resources = takeover.ServerResources;
        using var pidFile = resources.PidFile;
        using var listeners = resources.Listeners;
        using var monitoring = resources.MonitoringSocket;
        using var log = OpenLog();
        pidFile.Abandon();
        log.Write(EventCatalogue.Starting, build.Version, Environment.ProcessId);
        if (note.Length > 0)
        {
            log.Write(EventCatalogue.Reloaded, note);
        }

        try
        {
            Run(resources, takeover, new ServiceManager(), log);
        }
        catch (InvariantException broken)
        {
            log.Write(EventCatalogue.InvariantBroken, broken.Name, broken.Values);
            throw;
        }
    }

    private Followers MakeFollowers(ServerResources resources, EventLog log) =>
        new(FollowerTable.Wanted(settings), new FollowerParts(settings, resources.Rooms, resources.Wakeups, log));

    private EventLog OpenLog()
    {
        if (!settings.NoFork)
        {
            Syscall.SetTitle("appliance: master");
        }

        var log = new EventLog(
            settings.LogFile, settings.Debug ? LogLevel.Debug : settings.LogLevel, settings.Daemon, settings.NoFork ? "" : "master");
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
        foreach (var (option, directory) in ((string, string)[])[("run-dir", settings.RunDirectory), ("state-dir", settings.StateDirectory)])
        {
            if (OwnedPath.WhyExposed(directory) is { } why)
            {
                log.Write(EventCatalogue.DirectoryExposed, option, why);
            }
        }
    }

    private void Run(ServerResources resources, Takeover? takeover, ServiceManager service, EventLog log)
    {
        Syscall.SetCoreDumps(settings.CoreDumps);
        for (int worker = 0; worker < (settings.NoFork ? 1 : settings.WorkersMost); worker++)
        {
            _ = resources.Wakeups.Ensure(RoomLogLayout.SlotBeside(resources.FirstSlot, new WorkerNumber(worker)));
        }

        var key = SystemVKey.OfPath(settings.StateDirectory, SystemVKey.DefaultProject);
        var commands = new CommandQueueDepth(key);
        using var monitor = new MonitorThread(
            resources.Rooms,
            new MonitoredServer(slot => resources.Listeners.QueueLength(RoomLogLayout.NumberOf(slot)), resources.Wakeups.Set, commands.Read),
            build,
            resources.MonitoringSocket,
            log)
        {
            CanRest = settings.NoFork,
            Hosts = settings.MetricsHosts,
        };
        void BecomeReady()
        {
            Announce(resources, service, log);
            monitor.SampleSoon();
        }

        if (takeover is not null)
        {
            // Whatever the host may refuse, it refuses before the former process gives anything away.
            resources.Followers = MakeFollowers(resources, log);
        }

        NameTable.Make(resources.Rooms, isAlone: takeover is null);
        using var moderator = Moderator.Open(settings.StateDirectory, resources.Rooms, isSuccessor: takeover is not null, log);
        using var control = new CommandDispatcher(new ControlQueue(key, log), settings.StateDirectory, moderator, resources.Rooms, log);
        if (settings.NoFork)
        {
            RunAlone(resources, monitor, service, control, log, BecomeReady);
            return;
        }

        Confine(SystemCallFilter.ForbidForeign, log);
        using var loop = new MasterLoop(settings, read, resources, takeover, relaunch, monitor, service, control, log) { OnReady = BecomeReady };
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
                resources.Rooms.Header.MasterPid = 0;
            }
        }
    }

    private void RunAlone(ServerResources resources, MonitorThread monitor, ServiceManager service, CommandDispatcher control, EventLog log, Action onReady)
    {
        var rooms = resources.Rooms;
        var supervisor = new SignalSupervisor(read, rooms, service, control, log, onReady, changed =>
        {
            resources.Followers?.OnSettings(changed);
            monitor.Hosts = changed.MetricsHosts;
        });
        (rooms.Header.Workers, rooms.Header.WorkersLeast, rooms.Header.WorkersMost) = (1, 1, 1);
        rooms.Worker(default).State = WorkerState.Serving;
        using var loop = new WorkerLoop(settings, rooms, new WorkerIdentity(default, resources.Wakeups), resources.Listeners.First, supervisor, log)
        {
            Sampler = monitor.Wakeup,
        };
        monitor.Start();
        Confine(SystemCallFilter.ConfineSingleProcess, log);
        loop.Run();
        monitor.Dispose();
        rooms.ResetWorker(default);
        rooms.Header.MasterPid = 0;
    }

    /// <summary>From here on this process, and what it executes, has to do with fewer system calls.</summary>
    private void Confine(Func<SysResult> filter, EventLog log)
    {
        if (settings.Seccomp && filter() is { Ok: false } failed)
        {
            log.Write(EventCatalogue.Unfiltered, SyscallException.Describe(failed.Error));
        }
    }

    /// <summary>Everybody may know: this process is the server.</summary>
    private void Announce(ServerResources resources, ServiceManager service, EventLog log)
    {
        _hasServed = true;
        resources.Followers?.Continue();
        resources.Listeners.OwnPaths();
        if (RoomLogStore.Remember(settings.StateDirectory, resources.SegmentId) is { } why)
        {
            log.Write(EventCatalogue.KeyNotKept, why);
        }

        resources.PidFile.Own();
        resources.PidFile.Write(Environment.ProcessId);
        ref var header = ref resources.Rooms.Header;
        header.MasterPid = Environment.ProcessId;
        header.FirstSlot = resources.FirstSlot.Index;
        header.ReadyMs = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        if (settings.Addresses.Append(settings.Metrics).Any(address => address is { IsAnyFamily: true }) && !Syscall.HasIpv6)
        {
            log.Write(EventCatalogue.Ipv6Missing);
        }

        if (!Directory.Exists("/proc/self"))
        {
            log.Write(EventCatalogue.ProcMissing);
        }

        foreach (string description in resources.Listeners.Descriptions)
        {
            log.Write(EventCatalogue.Ready, description);
        }

        TlsReport.Write(log, settings);
        if (resources.MonitoringSocket is { } monitoring)
        {
            monitoring.Path = settings.Metrics!.UnixPath;
            log.Write(EventCatalogue.Monitoring, Listeners.Describe(settings.Metrics, monitoring));
        }

        service.Ready(Environment.ProcessId);
        OnReady();
    }
}
