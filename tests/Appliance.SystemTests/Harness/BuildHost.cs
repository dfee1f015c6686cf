using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Appliance.SystemTests.Harness;

/// <summary>
/// What the host of a build gives to every process that it starts, and so to the binary under test: put to what a login shell gives. A
/// build under nohup(1), in the background of a script or in another language tests the same as one in a terminal.
/// </summary>
internal static partial class BuildHost
{
    private const nint DefaultAction = 0;
    private const int SIGHUP = 1;
    private const int SIGINT = 2;
    private const int SIGQUIT = 3;
    private const int SIGUSR1 = 10;
    private const int SIGUSR2 = 12;
    private const int SIGTERM = 15;
    private const int RLIMIT_NOFILE = 7;

    /// <summary>Descriptors: three test classes at a time, some with thousands of clients, both ends in this process or its children.</summary>
    private const ulong DescriptorsMin = 16_384;

    /// <summary>Before the first test, because the runtime hands ignored signals on to whatever it starts.</summary>
    [ModuleInitializer]
    internal static void Prepare()
    {
        long ignored = IgnoredSignals();
        foreach (int signal in (int[])[SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGTERM])
        {
            if ((ignored & (1L << (signal - 1))) != 0)
            {
                _ = SetAction(signal, DefaultAction);
            }
        }

        RaiseDescriptorLimit();
    }

    /// <summary>Root may raise the hard limit as well; anybody else is told how.</summary>
    private static void RaiseDescriptorLimit()
    {
        _ = GetLimit(RLIMIT_NOFILE, out var limit);
        var wanted = new ResourceLimit { Soft = Math.Max(limit.Hard, DescriptorsMin), Hard = Math.Max(limit.Hard, DescriptorsMin) };
        if (limit.Soft < DescriptorsMin && SetLimit(RLIMIT_NOFILE, wanted) != 0)
        {
            throw new InvalidOperationException(
                $"The tests need {DescriptorsMin} descriptors and may open {limit.Hard}: run 'ulimit -n {DescriptorsMin}' as root first.");
        }
    }

    /// <summary>A bit a signal, the lowest one for number 1; proc_pid_status(5).</summary>
    private static long IgnoredSignals()
    {
        const string Field = "SigIgn:";
        string line = File.ReadLines("/proc/self/status").First(line => line.StartsWith(Field, StringComparison.Ordinal));
        return long.Parse(line.AsSpan(Field.Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }

    [LibraryImport("libc", EntryPoint = "signal")]
    private static partial nint SetAction(int signal, nint action);

    [LibraryImport("libc", EntryPoint = "getrlimit")]
    private static partial int GetLimit(int resource, out ResourceLimit limit);

    [LibraryImport("libc", EntryPoint = "setrlimit")]
    private static partial int SetLimit(int resource, in ResourceLimit limit);

    /// <summary><c>struct rlimit</c>, getrlimit(2).</summary>
    private struct ResourceLimit
    {
        public ulong Soft;
        public ulong Hard;
    }
}
