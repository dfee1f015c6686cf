using Appliance.Loop;
using Appliance.Rooms;

namespace Appliance.Master;

/// <summary>
/// What a master has and another one takes over in an upgrade: the room logs, the listening sockets, the locks, and the wake-ups by
/// which all workers, those of both masters, wake each other.
/// </summary>
public sealed class ServerResources : IDisposable
{
    /// <summary>The room logs.</summary>
    public required RoomLog Rooms { get; init; }

    /// <summary>Their segment.</summary>
    public required int SegmentId { get; init; }

    /// <summary>The listening sockets.</summary>
    public required ListenerSet Listeners { get; init; }

    /// <summary>The monitoring port; null for none.</summary>
    public ListenSocket? MonitoringSocket { get; init; }

    /// <summary>The pid file and the locks.</summary>
    public required PidFile PidFile { get; init; }

    /// <summary>The wake-ups of all slots that are used, followers' included.</summary>
    public WakeupTable Wakeups { get; init; } = new(RoomLogLayout.Slots);

    /// <summary>Slot of this master's first worker.</summary>
    public WorkerSlot FirstSlot { get; init; }

    /// <summary>Whether the workers of another master use the room logs as well.</summary>
    public bool IsShared { get; set; }

    /// <summary>Follow the rooms; null before they are made.</summary>
    internal Followers? Followers { get; set; }

    /// <summary>The files of unix sockets belong to another process now.</summary>
    public void DisownPaths()
    {
        Listeners.DisownPaths();
        if (MonitoringSocket is { } socket)
        {
            socket.Path = null;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Followers?.Dispose();
        Wakeups.Dispose();
    }
}
