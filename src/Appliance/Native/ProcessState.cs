using System.Globalization;

namespace Appliance.Native;

/// <summary>What a process is doing, as /proc tells it; proc(5).</summary>
/// <param name="State">R: runs or could, S: waits, D: waits for a disk, T: stopped, t: stopped by a debugger, Z: ended.</param>
/// <param name="CpuMs">Processor time that it has had, in milliseconds.</param>
/// <param name="IsTraced">Whether a debugger is attached to it.</param>
public readonly record struct ProcessState(char State, long CpuMs, bool IsTraced)
{
    private const int UserTimeField = 14 - 3;
    private const int SystemTimeField = 15 - 3;

    /// <summary>Milliseconds of the unit of times in /proc: USER_HZ is 100 on every architecture that .NET runs on.</summary>
    private const int MsPerTick = 10;

    private const string Tracer = "TracerPid:";

    /// <summary>Whether it does nothing until somebody has it go on.</summary>
    public bool IsStopped => State is 'T' or 't';

    /// <summary>In words, for a log.</summary>
    public string Description => State switch
    {
        'R' => "it runs",
        'S' => "it waits for something else",
        'D' => "it waits for a disk",
        'T' => "it is stopped",
        _ => string.Create(CultureInfo.InvariantCulture, $"state {State}"),
    };

    /// <summary>The state of a process; null when it is gone, or /proc does not tell.</summary>
    public static ProcessState? Read(int pid)
    {
        string folder = string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}");
        try
        {
            // The name in parentheses may hold anything; the fields behind it begin with the third.
            string stat = File.ReadAllText($"{folder}/stat");
            string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            string? tracer = File.ReadLines($"{folder}/status").FirstOrDefault(line => line.StartsWith(Tracer, StringComparison.Ordinal));
            return new ProcessState(
                fields[0][0],
                MsPerTick * (Number(fields[UserTimeField]) + Number(fields[SystemTimeField])),
                tracer is not null && tracer[Tracer.Length..].Trim() != "0");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static long Number(string field) => long.Parse(field, NumberStyles.None, CultureInfo.InvariantCulture);
}
