namespace Appliance.Native;

/// <summary>Waits for events that no descriptor reports: another process's lock, its end, a number in shared memory.</summary>
public static class Polling
{
    /// <summary>Default interval: too short for people to notice, too long to cost processor time.</summary>
    public const int EveryMs = 10;

    /// <summary>
    /// Looks repeatedly whether something has happened; false when it has not within the limit. It looks at least once, and once more after the
    /// limit, so a process that was stopped in between is not late.
    /// </summary>
    /// <param name="happened">Looks.</param>
    /// <param name="limitMs">How long, in milliseconds, 0 or more.</param>
    /// <param name="everyMs">How long to rest in between, in milliseconds, 1 or more.</param>
    public static bool Until(Func<bool> happened, long limitMs, int everyMs = EveryMs)
    {
        long beganMs = MonotonicClock.ReadMs();
        for (bool isLast = false; !happened(); isLast = MonotonicClock.ReadMs() - beganMs >= limitMs)
        {
            if (isLast)
            {
                return false;
            }

            Syscall.Rest(everyMs);
        }

        return true;
    }
}
