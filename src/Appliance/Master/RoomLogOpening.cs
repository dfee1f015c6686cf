using System.Globalization;
using Appliance.Config;
using Appliance.Logging;
using Appliance.Rooms;

namespace Appliance.Master;

/// <summary>Opens the room logs for a process that is alone with them, and says in the log what it found.</summary>
public static class RoomLogOpening
{
    /// <summary>Opens or makes the logs of the state directory.</summary>
    /// <exception cref="Native.SyscallException">The kernel refuses.</exception>
    public static (RoomLog Log, int Id, bool IsNew) Open(Settings settings, EventLog log)
    {
        var layout = new RoomLogLayout(settings.MaxRooms, settings.RoomSize);
        var (rooms, report) = RoomLogStore.Open(settings.StateDirectory, layout, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
        foreach (string foreign in report.Foreign)
        {
            log.Write(EventCatalogue.LogForeign, foreign);
        }

        string key = string.Create(CultureInfo.InvariantCulture, $"0x{report.Key:x8}");
        if (report.Resumed)
        {
            log.Write(report.Resized ? EventCatalogue.LogResized : EventCatalogue.LogResumed, key, report.Rooms);
        }
        else
        {
            log.Write(EventCatalogue.LogCreated, key, layout.Rooms, layout.RingBytes);
        }

        if (report.Removed > 0)
        {
            log.Write(EventCatalogue.LogRemoved, report.Removed);
        }

        if (report.DamagedRooms > 0)
        {
            log.Write(EventCatalogue.RoomsDamaged, report.DamagedRooms);
        }

        return (rooms, report.Id, IsNew: !report.Resumed);
    }
}
