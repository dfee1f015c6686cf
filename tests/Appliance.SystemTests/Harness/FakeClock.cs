using System.Globalization;

namespace Appliance.SystemTests.Harness;

/// <summary>
/// The clock of a host, for one server: it shows another time and goes on from there, and can be put forward and back while the server runs.
/// The monotonic clock is the host's own, as it is where somebody sets the clock, or is faked as well. It is Debian's libfaketime, which
/// stands before libc.
/// </summary>
public sealed class FakeClock : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    private readonly bool _fakesMonotonic;

    /// <summary>A clock that shows a time.</summary>
    /// <param name="now">The time.</param>
    /// <param name="fakesMonotonic">Whether the monotonic clock counts from 1970, too, and jumps with this one.</param>
    public FakeClock(DateTimeOffset now, bool fakesMonotonic = false)
    {
        _fakesMonotonic = fakesMonotonic;
        Set(now);
    }

    /// <summary>What it shows now.</summary>
    public DateTimeOffset Now => DateTimeOffset.UtcNow + Ahead;

    /// <summary>How far it is ahead of the host's.</summary>
    public TimeSpan Ahead { get; private set; }

    /// <summary>What a process needs in its environment to see this clock, and its children.</summary>
    public Dictionary<string, string> Environment => new()
    {
        ["LD_PRELOAD"] = Library,
        ["FAKETIME_TIMESTAMP_FILE"] = _file,
        ["FAKETIME_NO_CACHE"] = "1",
        ["DONT_FAKE_MONOTONIC"] = _fakesMonotonic ? "0" : "1",
        ["NO_FAKE_STAT"] = "1",
    };

    private static string Library => Directory.GetDirectories("/usr/lib", "*-linux-gnu*")
        .Select(folder => Path.Combine(folder, "faketime", "libfaketime.so.1"))
        .FirstOrDefault(File.Exists) ?? throw new FileNotFoundException("libfaketime.so.1: run './build.sh prerequisites' first.");

    /// <summary>Puts it to a time.</summary>
    public void Set(DateTimeOffset now)
    {
        Ahead = now - DateTimeOffset.UtcNow;
        var next = _file + ".next";
        File.WriteAllText(next, string.Create(CultureInfo.InvariantCulture, $"{Ahead.TotalSeconds:+0.000;-0.000}\n"));
        File.Move(next, _file, overwrite: true);
    }

    /// <inheritdoc/>
    public void Dispose() => File.Delete(_file);
}
