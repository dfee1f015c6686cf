using System.Diagnostics;

namespace Appliance.Fuzz.Driver;

/// <summary>
/// Ends the process when a run does not end: it has used too much processor time, which a loaded machine does not make longer, or waits
/// for something that never comes.
/// </summary>
internal sealed class Watchdog : IDisposable
{
    /// <summary>Exit status of a process that was ended by it.</summary>
    public const int ExitStatus = 3;

    private const int WaitSecondsMax = 120;
    private const int CheckEveryMs = 100;

    private readonly Timer _timer;
    private readonly TimeSpan _processorTimeMax;
    private long _run;
    private long _lookedAt;
    private TimeSpan _since;
    private long _sinceTicks;

    /// <summary>Watches from now on.</summary>
    /// <param name="seconds">Processor time that a run may take.</param>
    public Watchdog(int seconds)
    {
        _processorTimeMax = TimeSpan.FromSeconds(seconds);
        _timer = new Timer(_ => Look(), null, CheckEveryMs, CheckEveryMs);
    }

    /// <summary>A run begins, or has ended: odd numbers are runs.</summary>
    public void Step() => Volatile.Write(ref _run, _run + 1);

    /// <inheritdoc/>
    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        long run = Volatile.Read(ref _run);
        var used = Environment.CpuUsage.TotalTime;
        if (run != _lookedAt || run % 2 == 0)
        {
            (_lookedAt, _since, _sinceTicks) = (run, used, Stopwatch.GetTimestamp());
        }
        else if (used - _since > _processorTimeMax || Stopwatch.GetElapsedTime(_sinceTicks).TotalSeconds > WaitSecondsMax)
        {
            // Timers overlap when one is late.
            _ = _timer.Change(Timeout.Infinite, Timeout.Infinite);
            Console.Error.WriteLine($"does not end: {(used - _since).TotalSeconds:0.0} s of processor time");
            Environment.Exit(ExitStatus);
        }
    }
}
