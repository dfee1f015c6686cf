using System.Diagnostics;

namespace Appliance.Native;

/// <summary>
/// The clock that all processes of a host share and that nobody sets: for how long something takes, and for times that one process notes
/// and another one compares. What it shows means nothing, only differences do.
/// </summary>
/// <remarks>
/// The kernel counts 64 bits without a sign. A clock that begins in 1970 instead of at the boot (a virtual machine, a test) is past half
/// of them from 2262 on, and a signed number then goes below zero. So the two highest bits are left out: all processes see the same value
/// from 0 to 2^62 - 1, on every other host the one that former releases saw, and sums of two times do not overflow. Every 146 years the
/// value begins anew at 0; time limits treat that, like any other step back, as a moment in which no time passes.
/// </remarks>
public static class MonotonicClock
{
    private const long Mask = (1L << 62) - 1;
    private const int NsPerMs = 1_000_000;

    /// <summary>Nanoseconds now, 0 to 2^62 - 1. It costs 25 ns and no system call.</summary>
#pragma warning disable RS0030 // The one place where it is read.
    public static long ReadNs() => Fold(Stopwatch.GetTimestamp());
#pragma warning restore RS0030

    /// <summary>Milliseconds now, by the same clock.</summary>
    public static long ReadMs() => ReadNs() / NsPerMs;

    /// <summary>What is read of a clock that shows so many nanoseconds, as a number of 64 bits.</summary>
    public static long Fold(long shownNs) => shownNs & Mask;
}
