using System.Globalization;
using Appliance.Native;

namespace Appliance.Master;

/// <summary>How a process has ended, as wait(2) tells it.</summary>
/// <param name="status">The status word: the signal in the low seven bits, or the exit status in the second byte.</param>
public readonly struct ExitStatus(int status)
{
    private const int SignalBits = 0x7F;
    private const int UnknownStatus = -1;

    /// <summary>Of a .NET program whose runtime could not begin, which says nothing.</summary>
    private const int RuntimeFailed = 255;

    /// <summary>Of a process that is not there any more, without anybody having been told how it ended.</summary>
    public static ExitStatus Unknown { get; } = new(UnknownStatus);

    /// <summary>The signal that ended it; 0 when it ended by itself.</summary>
    public int Signal => status == UnknownStatus ? 0 : status & SignalBits;

    /// <summary>Its exit status, when it ended by itself.</summary>
    public int Code => (status >> 8) & 0xFF;

    /// <summary>Whether it ended by itself with exit status 0.</summary>
    public bool IsFine => status == 0;

    /// <summary>Whether it failed by its own fault: not when somebody else killed it, and not when it was asked to end.</summary>
    public bool IsFailure => Signal is not (Syscall.SIGKILL or Syscall.SIGTERM or Syscall.SIGQUIT or Syscall.SIGINT) && status != 0;

    /// <summary>For the log: <c>signal 9</c>, <c>exit status 1</c>.</summary>
    public override string ToString() => status == UnknownStatus ? "with unknown status"
        : Signal != 0 ? string.Create(CultureInfo.InvariantCulture, $"signal {Signal}")
        : Code == RuntimeFailed ? string.Create(CultureInfo.InvariantCulture, $"exit status {Code}: no memory or thread to begin with; {TaskLimit.WayOut()}")
        : string.Create(CultureInfo.InvariantCulture, $"exit status {Code}");
}
