using System.CommandLine;
using System.Globalization;
using Appliance.Config;
using Appliance.Master;
using Appliance.Metrics;
using Appliance.Monitoring;
using Appliance.Native;
using Appliance.Rooms;
using Appliance.SystemV;

namespace Appliance.Cli;

/// <summary>
/// Says how the server is; exit statuses as LSB has them: 0 runs, 1 is dead but left its pid file, 3 does not run, 4 cannot be told.
/// As a plugin of Nagios those of plugins.
/// </summary>
internal static class StatusCommand
{
    private const int Dead = 1;
    private const int NotRunning = 3;
    private const int Unknown = 4;

    private const int EveryMs = 1000;
    private const int AnswerMs = 5000;
    private const int SampleMs = 3000;

    /// <summary>The command.</summary>
    public static Command Make()
    {
        var json = new Option<bool>("--json") { Description = "all figures, as the monitoring port's /status" };
        var nagios = new Option<bool>("--nagios") { Description = "as a Nagios plugin: exits 0, 1, 2 or 3" };
        var watch = new Option<bool>("--watch") { Description = "again every second, until the server ends" };
        var warning = new Option<string[]>("--warning")
        {
            Description = "with --nagios: warn when a figure leaves its range, as idle_percent=20:",
            HelpName = "FIGURE=RANGE",
        };
        var critical = new Option<string[]>("--critical") { Description = "the same for critical", HelpName = "FIGURE=RANGE" };
        var command = new ActionCommand("status") { json, nagios, watch, warning, critical };
        command.SetAction(parsed =>
        {
            string[] thresholds = [string.Join(',', parsed.GetValue(warning) ?? []), string.Join(',', parsed.GetValue(critical) ?? [])];
            if (parsed.GetValue(nagios))
            {
                return RunPlugin(() => CommandLine.ReadPlaces(parsed), thresholds[0], thresholds[1]);
            }

            if (thresholds[0].Length + thresholds[1].Length > 0)
            {
                throw new SettingException("--warning and --critical go with --nagios") { IsUsage = true };
            }

            var settings = CommandLine.ReadPlaces(parsed);
            int Once() => Run(settings, parsed.GetValue(json));
            return parsed.GetValue(watch) ? Watch(Once) : Once();
        });
        return command;
    }

    /// <summary>Whether a command line that is wrong comes from Nagios, which takes exit status 2 for something else.</summary>
    public static bool IsPlugin(string[] arguments) =>
        arguments.Contains("status", StringComparer.Ordinal) && arguments.Contains("--nagios", StringComparer.Ordinal);

    /// <summary>Says what went wrong on stdout, where Nagios reads it, as a state of its own.</summary>
    public static int ComplainAsPlugin(string message)
    {
        StandardOutput.Out.WriteLine($"{NagiosLine.Word(NagiosState.Unknown)} - {message}");
        return (int)NagiosState.Unknown;
    }

    /// <summary>Again and again until the server ends, or somebody presses Ctrl-C.</summary>
    private static int Watch(Func<int> once)
    {
        while (true)
        {
            StatusTable.ClearScreen();
            int exitCode = once();
            if (exitCode != ExitCode.Fine)
            {
                return exitCode;
            }

            Syscall.Rest(EveryMs);
        }
    }

    private static int Run(Settings settings, bool asJson)
    {
        try
        {
            return Print(settings, asJson);
        }
        catch (Exception failure) when (failure is IOException or SyscallException or UnauthorizedAccessException)
        {
            StandardOutput.Complain($"status: {failure.Message}");
            return Unknown;
        }
    }

    private static int Print(Settings settings, bool asJson)
    {
        if (RunningServer.PidOf(settings.RunDirectory, settings.StateDirectory) is not { } pid)
        {
            if (RunningServer.IsStarting(settings.RunDirectory, settings.StateDirectory))
            {
                StandardOutput.Out.WriteLine(asJson ? "{\"running\": false}" : "appliance is starting");
                return NotRunning;
            }

            bool left = PidFile.Exists(settings.RunDirectory);
            StandardOutput.Out.WriteLine(asJson ? "{\"running\": false}"
                : left ? $"appliance is dead, but its pid file is there: {settings.RunDirectory}"
                : "appliance is not running");
            return left ? Dead : NotRunning;
        }

        if (FindSample(settings, asOfNow: !asJson) is { } sample)
        {
            StandardOutput.Out.Write(asJson ? StatusJson.Write(sample) : StatusTable.Write(sample, pid));
        }
        else if (asJson)
        {
            StandardOutput.Out.Write(Ask(settings, "/status"));
        }
        else
        {
            StandardOutput.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"appliance is running, pid {pid}"));
            string who = settings.Metrics is { } address ? $"the monitoring port {address.Text} tells its figures" : "its own user may";
            StandardOutput.Out.WriteLine($"this user may not read its shared memory; {who}");
        }

        return ExitCode.Fine;
    }

    /// <summary>The last sample, one that knows that the server is ready; null when this user may not read it.</summary>
    private static Sample? FindSample(Settings settings, bool asOfNow)
    {
        if (!Directory.Exists(settings.StateDirectory) || RoomLogStore.Find(settings.StateDirectory) is not { } rooms)
        {
            return null;
        }

        var queue = new CommandQueueDepth(SystemVKey.OfPath(settings.StateDirectory, SystemVKey.DefaultProject));
        Sample? sample = null;
        _ = Polling.Until(() => (sample = Sampler.Read(rooms, Usage.Build, asOfNow, queue)).Server.UnixMs >= rooms.Header.ReadyMs, SampleMs);
        return sample;
    }

    private static string Ask(Settings settings, string target) => settings.Metrics is { } address
        ? MonitorClient.Get(address, target, AnswerMs)
        : throw new IOException("this user may not read the server's shared memory, and --metrics is off");

    private static int RunPlugin(Func<Settings> read, string warning, string critical)
    {
        try
        {
            var (state, line) = Plugin(read(), warning, critical);
            StandardOutput.Out.WriteLine(line);
            return (int)state;
        }
        catch (Exception failure) when (failure is SettingException or IOException or SyscallException or UnauthorizedAccessException)
        {
            return ComplainAsPlugin(failure.Message);
        }
    }

    private static void Parse(string option, string text, List<Threshold> thresholds)
    {
        if (Threshold.TryParse(text, thresholds) is { } wrong)
        {
            throw new SettingException($"{option}: {wrong}");
        }
    }

    private static (NagiosState State, string Line) Plugin(Settings settings, string warning, string critical)
    {
        List<Threshold> warnings = [];
        List<Threshold> criticals = [];
        Parse("--warning", warning, warnings);
        Parse("--critical", critical, criticals);

        if (RunningServer.PidOf(settings.RunDirectory, settings.StateDirectory) is null)
        {
            return (
                NagiosState.Critical,
                $"{NagiosLine.Word(NagiosState.Critical)} - appliance is {(PidFile.Exists(settings.RunDirectory) ? "dead" : "not running")}");
        }

        if (FindSample(settings, asOfNow: false) is { } sample)
        {
            return NagiosLine.Write(sample, warnings, criticals);
        }

        string line = Ask(settings, $"/nagios?warning={Escape(warning)}&critical={Escape(critical)}").TrimEnd('\n');
        return (NagiosLine.StateOf(line), line);
    }

    /// <summary>What of thresholds has a meaning in a query is written with percent signs; the rest they hold has none.</summary>
    private static string Escape(string thresholds) => string.Concat(
        Array.ConvertAll(
            System.Text.Encoding.UTF8.GetBytes(thresholds), letter => char.IsAsciiLetterOrDigit((char)letter) ? $"{(char)letter}" : $"%{letter:X2}"));
}
