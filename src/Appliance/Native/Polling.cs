namespace Appliance.Native;

/// <summary>Waits for what nobody tells of: another process's lock, its end, a number in shared memory.</summary>
public static class Polling
{
    /// <summary>How often is looked, unless a caller knows better: nobody notices so many milliseconds, and no processor does.</summary>
    public const int EveryMs = 10;

    /// <summary>
    /// Looks again and again whether something has happened; false when it has not within the limit. It is looked at least once, and once
    /// more after the limit, so whoever was stopped meanwhile is not late.
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
