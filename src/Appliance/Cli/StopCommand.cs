using System.CommandLine;
using System.Globalization;
using Appliance.Config;
using Appliance.Ipc;
using Appliance.Native;
using Appliance.Worker;

namespace Appliance.Cli;

/// <summary>Stops the server, gracefully, and waits until it is gone.</summary>
internal static class StopCommand
{
    private const int PollMs = 20;

    /// <summary>Beyond the drain time: what a loaded machine may need to end a process.</summary>
    private const int GraceMs = 5000;

    /// <summary>The command and its option.</summary>
    public static Command Make()
    {
        var purge = new Option<bool>("--purge");
        var command = new Command("stop") { purge };
        command.SetAction(parsed => Run(CommandLine.ReadSettings(parsed), parsed.GetValue(purge)));
        return command;
    }

    private static int Run(Settings settings, bool purge)
    {
        if (PidFile.RunningPid(settings.RunDirectory) is { } pid)
        {
            _ = Syscall.Kill(pid, Syscall.SIGTERM).OrThrow(string.Create(CultureInfo.InvariantCulture, $"kill {pid}"));
            long deadline = Environment.TickCount64 + (settings.DrainSeconds * 1000L) + GraceMs;
            using var waiting = new ManualResetEventSlim();
            while (PidFile.RunningPid(settings.RunDirectory) == pid)
            {
                if (Environment.TickCount64 > deadline)
                {
                    throw new IOException(string.Create(CultureInfo.InvariantCulture, $"stop: process {pid} is still there after --drain {settings.DrainSeconds} s"));
                }

                _ = waiting.Wait(PollMs);
            }
        }

        if (purge && Directory.Exists(settings.StateDirectory))
        {
            _ = RoomLogStore.Purge(settings.StateDirectory);
        }

        return ExitCode.Fine;
    }
}
