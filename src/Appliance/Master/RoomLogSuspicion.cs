namespace Appliance.Master;

/// <summary>Decides when failures of workers are more likely the room logs' fault than their own: then the logs are looked through.</summary>
internal sealed class RoomLogSuspicion
{
    /// <summary>Failures in a row, of all workers together: damage hits more than one.</summary>
    public const int FailuresBeforeCheck = 3;

    /// <summary>As many of a single worker, while the others do well, are more likely its own.</summary>
    private const int FailuresOfOneBeforeCheck = 6;

    /// <summary>Least time between two checks, each of which ends every worker.</summary>
    private const int CheckEveryMs = 60_000;

    private long _nextCheckMs;

    /// <summary>Whether the failure of a worker is one too many; then not again for a minute.</summary>
    public bool Arises(ChildWorker failed, IReadOnlyList<ChildWorker> workers, long nowMs)
    {
        bool several = workers.Count == 1 || workers.Count(other => other.Failures > 0) > 1;
        bool arises = nowMs >= _nextCheckMs
            && ((several && workers.Sum(other => other.Failures) >= FailuresBeforeCheck) || failed.Failures >= FailuresOfOneBeforeCheck);
        _nextCheckMs = arises ? nowMs + CheckEveryMs : _nextCheckMs;
        return arises;
    }
}
