namespace Appliance.Master;

/// <summary>How far an upgrade has come, as the old master sees it.</summary>
internal enum UpgradeState
{
    /// <summary>None is under way.</summary>
    None,

    /// <summary>The new process is to serve.</summary>
    Starting,

    /// <summary>It serves; every worker of this master is to show that it takes orders before anything is given.</summary>
    Probing,

    /// <summary>Connections are given: the upgrade can only be brought to its end, or lose those that are given.</summary>
    Giving,

    /// <summary>It has failed while connections were given: the new workers give back what they have.</summary>
    Returning,

    /// <summary>All are given, and the workers of this master end.</summary>
    Ending,

    /// <summary>This process has nothing left to do.</summary>
    Complete,
}
