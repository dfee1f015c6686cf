namespace Appliance.Bench.Load;

/// <summary>Where a client of the generator is in its life.</summary>
public enum ClientState : byte
{
    /// <summary>Not opened, or closed.</summary>
    None,

    /// <summary>The kernel has not connected it yet.</summary>
    Connecting,

    /// <summary>The answer to its handshake is awaited.</summary>
    Handshaking,

    /// <summary>It is a WebSocket.</summary>
    Open,
}

/// <summary>One client of the generator; its bytes of an unfinished frame lie beside it.</summary>
public struct Client
{
    /// <summary>Its socket.</summary>
    public int Descriptor;

    /// <summary>How many bytes of an unfinished frame are kept.</summary>
    public int Kept;

    /// <summary>Its number as a publisher; -1 when it only listens.</summary>
    public int Publisher;

    /// <summary>Its number among the sampled; -1 when its frames are only counted.</summary>
    public int Sample;

    /// <summary>Where it is in its life.</summary>
    public ClientState State;

    /// <summary>Whether its messages are read and not only counted.</summary>
    public readonly bool IsRead => Publisher >= 0 || Sample >= 0;
}
