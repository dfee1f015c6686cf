using System.CommandLine;
using System.Globalization;
using Appliance.Config;
using Appliance.Ipc;
using Appliance.Master;

namespace Appliance.Cli;

/// <summary>Says how the server is; exit statuses as LSB has them: 0 runs, 1 is dead but left its pid file, 3 does not run, 4 cannot be told.</summary>
internal static class StatusCommand
{
    private const int Dead = 1;
    private const int NotRunning = 3;
    private const int Unknown = 4;

    /// <summary>The command.</summary>
    public static Command Make()
    {
        var command = new Command("status");
        command.SetAction(parsed => Run(CommandLine.ReadPlaces(parsed)));
        return command;
    }

    private static int Run(Settings settings)
    {
        try
        {
            return Print(settings);
        }
        catch (IOException failure)
        {
            Console.Error.WriteLine($"appliance: status: {failure.Message}");
            return Unknown;
        }
    }

    private static int Print(Settings settings)
    {
        if (PidFile.RunningPid(settings.RunDirectory, settings.StateDirectory) is not { } pid)
        {
            if (PidFile.IsStarting(settings.RunDirectory, settings.StateDirectory))
            {
                Console.Out.WriteLine("appliance is starting");
                return NotRunning;
            }

            bool left = PidFile.Exists(settings.RunDirectory);
            Console.Out.WriteLine(left
                ? $"appliance is dead, but its pid file is there: {settings.RunDirectory}"
                : "appliance is not running");
            return left ? Dead : NotRunning;
        }

        Console.Out.WriteLine(Text($"appliance is running, pid {pid}"));
        if (RoomLogStore.Find(settings.StateDirectory) is { } log)
        {
            PrintWorkers(log);
        }

        return ExitCode.Fine;
    }

    private static void PrintWorkers(RoomLog log)
    {
        long nowMs = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        var up = TimeSpan.FromMilliseconds(Math.Clamp(nowMs - log.Header.ReadyMs, 0, nowMs));
        Console.Out.WriteLine(Text($"up {up:d\\d\\ hh\\:mm\\:ss}, rooms: {log.RoomCount()}"));
        Console.Out.WriteLine("worker      pid  connections     messages    deliveries  restarts");
        int workers = Math.Clamp(log.Header.Workers, 1, RoomLogLayout.WorkersMax);
        for (int number = 0; number < workers; number++)
        {
            var worker = log.WorkerOf(number);
            Console.Out.WriteLine(Text(
                $"{number,6} {worker.Pid,8} {worker.Connections,12} {worker.Messages,12} {worker.Deliveries,13} {worker.Restarts,9}"));
        }
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
