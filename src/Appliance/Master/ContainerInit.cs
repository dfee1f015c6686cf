using Appliance.Loop;
using Appliance.Native;

namespace Appliance.Master;

/// <summary>
/// What the launcher of a daemon becomes when it is the first process of a container, whose end would end all others: it passes signals
/// on to the server, waits for orphans, and ends with the server. Upgrades work below it: the next server becomes its child.
/// </summary>
internal sealed class ContainerInit(string runDirectory, string stateDirectory)
{
    private const int EventsMax = 1;

    private int _server;
    private ExitStatus? _end;

    /// <summary>Whether this process is the first one of a container.</summary>
    public static bool IsNeeded => Environment.ProcessId == 1;

    /// <summary>Stays until no server runs any more; returns how the last one ended.</summary>
    public ExitStatus Run()
    {
        using var signals = new SignalSet();
        using var poller = new Poller(EventsMax);
        _ = poller.Add(signals.Descriptor, 0).OrThrow("epoll_ctl");
        while (FindServer())
        {
            _ = poller.Wait(-1);
            signals.Collect();
            foreach (int signal in SignalSet.All)
            {
                if (signal != Syscall.SIGCHLD && signals.Take(signal))
                {
                    PassOn(signal);
                }
            }

            if (signals.Take(Syscall.SIGCHLD))
            {
                Bury();
            }
        }

        // It gives its locks back a moment before it has ended.
        return _end ?? (Syscall.Wait(_server, alsoOrphans: true, out int status).Ok ? new ExitStatus(status) : ExitStatus.Unknown);
    }

    /// <summary>The server may be another process than before: one that has taken over in an upgrade.</summary>
    private bool FindServer()
    {
        int? running = RunningServer.PidOf(runDirectory, stateDirectory);
        (_server, _end) = running is { } pid && pid != _server ? (pid, null) : (_server, _end);
        return running is not null;
    }

    private void PassOn(int signal)
    {
        try
        {
            RunningServer.Find(runDirectory, stateDirectory)?.Signal(signal);
        }
        catch (Exception failure) when (failure is IOException or SyscallException)
        {
            // It has just ended: then its end is what comes next.
        }
    }

    private void Bury()
    {
        for (int pid; (pid = Syscall.NextEnded(out int status)) > 0;)
        {
            _end = pid == _server ? new ExitStatus(status) : _end;
        }
    }
}
