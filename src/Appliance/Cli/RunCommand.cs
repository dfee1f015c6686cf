using System.Globalization;
using Appliance.Config;
using Appliance.Loop;
using Appliance.Master;
using Appliance.Native;
using Appliance.Server;
using Appliance.Worker;

namespace Appliance.Cli;

/// <summary>Runs the server, in the foreground or as a daemon: which process this one is, and what its caller gets to know.</summary>
internal static class RunCommand
{
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

        using var worker = new WorkerProcess(new WorkerSlot(slot), descriptor, Paths.ForThisUser());
        return worker.Run() ? ExitCode.Fine : ExitCode.Failed;
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
        ServerOf(arguments, read, settings, () => { }).Serve();
        return ExitCode.Fine;
    }

    private static ServerProcess ServerOf(string[] arguments, Func<Settings> read, Settings settings, Action onReady) =>
        new(settings, read, new Relaunch(arguments, CommandLine.StartDirectory), Usage.Build) { OnReady = onReady };

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
            var server = ServerOf(arguments, read, read(), () =>
            {
                word = ProcessRole.ReadyWord;
                Daemon.Tell(descriptor, word);
            });
            Daemon.Detach();
            server.Serve();
            return ExitCode.Fine;
        }
        catch (Exception failure) when (word.Length == 0 && ServerProcess.Explain(failure) is { } why)
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
            if (SettingsBuilder.Reload(takeover.Settings, read, out string note, isSuccessor: true) is not { } settings)
            {
                throw new IOException(note);
            }

            takeover.CloseUnusedWakeups(settings);
            ServerOf(arguments, read, settings, () => serves = true).TakeOver(takeover, note);
            return ExitCode.Fine;
        }
        catch (Exception failure) when (!serves && ServerProcess.Explain(failure) is { } why)
        {
            _ = channel.Send(UpgradeProtocol.Refused, why);
            return ExitCode.Failed;
        }
    }
}
