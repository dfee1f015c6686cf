using System.Globalization;

namespace Appliance.Native;

/// <summary>Whom the kernel kills when memory runs out; proc_pid_oom_score_adj(5).</summary>
public static class OomScore
{
    /// <summary>
    /// Thousandths of all memory that this process seems to use more than it does: enough to come before an equal one, too few to come before
    /// others.
    /// </summary>
    private const int Step = 10;

    private const int Most = 1000;
    private const string Adjustment = "/proc/self/oom_score_adj";

    /// <summary>
    /// Has the kernel kill this process before its parent, which can replace it. Any process may; where /proc does not let it, nothing changes.
    /// </summary>
    public static void StandBeforeParent()
    {
        try
        {
            int score = int.Parse(File.ReadAllText(Adjustment), NumberStyles.AllowLeadingSign | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture);
            File.WriteAllText(Adjustment, Math.Min(score + Step, Most).ToString(CultureInfo.InvariantCulture));
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            // The order in which processes end is no reason not to serve.
        }
    }
}
