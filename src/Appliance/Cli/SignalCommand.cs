using System.CommandLine;
using Appliance.Config;
using Appliance.Master;
using Appliance.Metrics;
using Appliance.Monitoring;
using Appliance.Native;
using Appliance.Rooms;

namespace Appliance.Cli;

/// <summary>Commands that send the running server a signal and wait for what comes of it.</summary>
internal static class SignalCommand
{
    /// <summary>What a loaded machine may need beyond the time that the server itself allows.</summary>
    private const int GraceMs = 10_000;

    /// <summary>A process that is stopped for less was stopped by a debugger, which looks at it, or by mistake.</summary>
    private const int StoppedMs = 2000;

    /// <summary>A new process may need half a minute to serve, and connections a minute to be handed over.</summary>
    private const int UpgradeMs = 100_000;

    /// <summary><c>stop [--purge]</c>.</summary>
    public static Command MakeStop()
    {
        var purge = new Option<bool>("--purge") { Description = "also remove its System V objects" };
        var command = new ActionCommand("stop") { purge };
        command.SetAction(parsed => Stop(CommandLine.ReadPlaces(parsed), parsed.GetValue(purge)));
        return command;
    }

    /// <summary><c>reload</c>.</summary>
    public static Command MakeReload() => Make("reload", Reload);

    /// <summary><c>reopen</c>.</summary>
    public static Command MakeReopen() => Make("reopen", Reopen);

    /// <summary><c>upgrade</c>.</summary>
    public static Command MakeUpgrade() => Make("upgrade", Upgrade);

    private static ActionCommand Make(string name, Func<Settings, int> run)
    {
        var command = new ActionCommand(name);
        command.SetAction(parsed => run(CommandLine.ReadPlaces(parsed)));
        return command;
    }

    private static int Stop(Settings settings, bool purge)
    {
        Wait(
            () => !RunningServer.IsStarting(settings.RunDirectory, settings.StateDirectory),
            GraceMs,
            () => $"stop: a server starts from --run-dir {settings.RunDirectory} and has not come to serve; its log may say why");
        if (RunningServer.Find(settings.RunDirectory, settings.StateDirectory) is { } server)
        {
            int pid = server.Pid;
            Signal("stop", server, Syscall.SIGTERM);
            Wait(
                () => HasStopped(settings, pid),
                (settings.DrainSeconds * 1000L) + GraceMs,
                () => Text($"stop: process {pid} is still there; its log may say why, kill -9 {pid} ends it"));
        }

        PidFile.RemoveStale(settings.RunDirectory);
        if (purge && Directory.Exists(settings.StateDirectory))
        {
            StateObjects.Purge(settings.StateDirectory);
        }

        return ExitCode.Fine;
    }

    /// <summary>Whether a process has ended, and with it the server: one that is in the middle of an upgrade passes the signal on to its successor.</summary>
    private static bool HasStopped(Settings settings, int pid) => RunningServer.PidOf(settings.RunDirectory, settings.StateDirectory) is not { } now
        || (now != pid && ProcessState.Read(pid) is null or { State: 'Z' } && RoomLogStore.Find(settings.StateDirectory)?.Header.Stopping != 1);

    private static int Reload(Settings settings)
    {
        var (server, log) = FindServer("reload", settings);
        int before = Volatile.Read(ref log.Header.Reloads);
        Ask(
            "reload", settings, Syscall.SIGHUP, () => Volatile.Read(ref log.Header.Reloads) != before,
            () => Text($"reload: process {server.Pid} has not answered{Stuck(log)}; its log may say why"));
        var (failed, note) = ReloadNote.Read(log);
        if (failed)
        {
            throw new IOException($"reload: {note}; the former settings stay in force");
        }

        StandardOutput.Out.WriteLine($"reloaded{note}");
        return ExitCode.Fine;
    }

    /// <summary>A worker that does not turn holds the answer up until it is replaced.</summary>
    private static long AnswerMs(Settings settings) => (settings.WorkerTimeoutSeconds * 1000L) + GraceMs;

    private static int Reopen(Settings settings)
    {
        var (server, log) = FindServer("reopen", settings);
        int before = Volatile.Read(ref log.Header.Reopens);
        Ask(
            "reopen", settings, Syscall.SIGUSR1, () => Volatile.Read(ref log.Header.Reopens) != before,
            () => Text($"reopen: process {server.Pid} has not answered{Stuck(log)}; its log may say why"));
        return ReloadNote.ReadReopening(log) is { } failure ? throw new IOException($"reopen: {failure}; the former file stays in use") : ExitCode.Fine;
    }

    private static int Upgrade(Settings settings)
    {
        var (server, log) = FindServer("upgrade", settings);
        int failedBefore = Volatile.Read(ref log.Header.FailedUpgrades);
        int pid = server.Pid;
        int? now = pid;
        Signal("upgrade", server, Syscall.SIGUSR2);
        Wait(
            () =>
            {
                now = RunningServer.PidOf(settings.RunDirectory, settings.StateDirectory);
                return now != pid || Volatile.Read(ref log.Header.FailedUpgrades) != failedBefore;
            },
            UpgradeMs,
            () => Text($"upgrade: process {pid} has not answered{Stuck(log)}; its log may say why"));
        if (now == pid)
        {
            throw new IOException($"upgrade: {ReloadNote.Read(log).Text}; the former process goes on, pid {pid}");
        }

        StandardOutput.Out.WriteLine(now is null ? "upgrade: the server has ended" : Text($"upgraded, pid {now}"));
        return now is null ? ExitCode.Failed : ExitCode.Fine;
    }

    private static (RunningServer Server, RoomLog Log) FindServer(string command, Settings settings)
    {
        var server = RunningServer.Find(settings.RunDirectory, settings.StateDirectory)
            ?? throw ServerPlaces.NoServer(command, settings);
        ServerPlaces.RequireState(command, settings);
        var log = RoomLogStore.Find(settings.StateDirectory) ?? throw ServerPlaces.OtherState(command, settings);
        return (server, log);
    }

    /// <summary>Signals a server that can take the signal: one that is stopped would do so at some other time, when nobody expects it.</summary>
    private static void Signal(string command, RunningServer server, int signal)
    {
        if (!Polling.Until(() => ProcessState.Read(server.Pid) is not { IsStopped: true }, StoppedMs))
        {
            throw new IOException(Text($"{command}: process {server.Pid} is stopped, by SIGSTOP or a debugger, and was not signalled: ")
                + Text($"kill -CONT {server.Pid} has it go on, kill -9 {server.Pid} ends it"));
        }

        server.Signal(signal);
    }

    /// <summary>
    /// Signals the server and waits for its answer. When an upgrade has put another process in its place meanwhile, that one is signalled as well:
    /// the former one may have ended before it could pass the signal on.
    /// </summary>
    private static void Ask(string command, Settings settings, int signal, Func<bool> happened, Func<string> otherwise)
    {
        int asked = 0;
        Wait(
            () =>
            {
                if ((asked == 0 || !happened()) && RunningServer.Find(settings.RunDirectory, settings.StateDirectory) is { } server && server.Pid != asked)
                {
                    asked = server.Pid;
                    TrySignal(command, settings, server, signal);
                }

                return asked != 0 && happened();
            },
            AnswerMs(settings),
            otherwise);
    }

    /// <summary>Signals a server, unless another one has taken its place just now.</summary>
    private static void TrySignal(string command, Settings settings, RunningServer server, int signal)
    {
        try
        {
            Signal(command, server, signal);
        }
        catch (IOException) when (RunningServer.PidOf(settings.RunDirectory, settings.StateDirectory) is { } now && now != server.Pid)
        {
            // The next look finds that one.
        }
    }

    /// <summary>What keeps a server from answering, as far as its workers do.</summary>
    private static string Stuck(RoomLog log)
    {
        var stuck = Sampler.Read(log, Usage.Build, asOfNow: true).Workers.Where(worker => worker.State == WorkerState.Stuck);
        string names = string.Join(" and ", stuck.Select(worker => Text($"worker {worker.Worker} (pid {worker.Pid})")));
        return names.Length > 0 ? $": {names} does not turn, and is replaced after --worker-timeout" : "";
    }

    private static void Wait(Func<bool> happened, long timeoutMs, Func<string> otherwise)
    {
        if (!Polling.Until(happened, timeoutMs))
        {
            throw new IOException(otherwise());
        }
    }

    private static string Text(FormattableString text) => FormattableString.Invariant(text);
}
