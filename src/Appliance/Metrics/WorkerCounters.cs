namespace Appliance.Metrics;

/// <summary>The figures of one process, for all who count.</summary>
public sealed class WorkerCounters
{
    /// <summary>What was counted so far.</summary>
    public WorkerFigures Figures;
}
