namespace Appliance.Bench.Peers;

/// <summary>How the bare server hands a message to its clients.</summary>
public enum BareWay
{
    /// <summary>One send(2) for each.</summary>
    Send,

    /// <summary>One io_uring_enter(2) for 256 of them.</summary>
    Uring,
}
