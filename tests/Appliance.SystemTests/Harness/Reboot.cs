using System.Globalization;

namespace Appliance.SystemTests.Harness;

/// <summary>
/// A server with a journal, and what a reboot does to it: a stop, or the death of all processes at once, and the loss of all shared memory.
/// </summary>
public static class Reboot
{
    /// <summary>Where the journal of a server lies.</summary>
    public static string JournalOf(ApplianceDaemon daemon) => Path.Combine(daemon.Folder, "rooms.journal");

    /// <summary>Options with that journal, and without what disturbs counting.</summary>
    public static string[] Options(ApplianceDaemon daemon) => ["--announce", "off", "--max-rate", "0", "--journal", JournalOf(daemon)];

    /// <summary>Starts a daemon with so many workers, or with 0 of one process.</summary>
    public static async Task StartAsync(ApplianceDaemon daemon, int workers, string[] options)
    {
        var started = await daemon.LaunchAsync([workers > 0 ? $"--proc={workers}" : "--nofork", .. options]);
        Assert.True(started.ExitCode == 0, $"{started} {daemon.Tail()}");
    }

    /// <summary>Stops it, and all memory is lost.</summary>
    public static async Task StopAsync(ApplianceDaemon daemon)
    {
        _ = await daemon.SucceedAsync("stop");
        await LoseMemoryAsync(daemon);
    }

    /// <summary>All processes die at the same moment, and all memory is lost.</summary>
    public static async Task CutPowerAsync(ApplianceDaemon daemon)
    {
        ProcessStatus[] all = [daemon.Master, .. daemon.Workers().Values];
        var kill = await CommandResult.RunAsync("kill", ["-9", .. all.Select(process => process.Pid.ToString(CultureInfo.InvariantCulture))]);
        Assert.True(kill.ExitCode == 0, kill.Error);
        foreach (var process in all)
        {
            await daemon.WaitForEndAsync(process);
        }

        await LoseMemoryAsync(daemon);
    }

    private static async Task LoseMemoryAsync(ApplianceDaemon daemon)
    {
        foreach (var one in await SystemVObjects.OfDirectoryAsync(daemon.StateDirectory))
        {
            await SystemVObjects.RemoveAsync(one);
        }
    }
}
