namespace Appliance.Bench.Load;

/// <summary>Whom a generator's clients connect to, and whence.</summary>
public sealed record GeneratorOptions
{
    /// <summary>Port of 127.0.0.1.</summary>
    public required int Port { get; init; }

    /// <summary>How many clients.</summary>
    public required int Clients { get; init; }

    /// <summary>Rooms they are spread over, each with as many; 1 for the one that a server puts everybody into who names none.</summary>
    public int Rooms { get; init; } = 1;

    /// <summary>What the names of the rooms begin with; a number follows. Empty: clients name no room.</summary>
    public string RoomPrefix { get; init; } = "";

    /// <summary>Last number of the address 127.0.0.x of the first clients.</summary>
    public int FirstSource { get; init; } = 1;

    /// <summary>Bytes that the kernel keeps for a client which does not read; 0 for the system's default.</summary>
    public int ReceiveBufferBytes { get; init; }

    /// <summary>Clients of a room.</summary>
    public int Members => Clients / Rooms;
}
