using Appliance.Config;
using Appliance.Journal;
using Appliance.Logging;
using Appliance.Loop;
using Appliance.Rooms;

namespace Appliance.Master;

/// <summary>What a follower is made of.</summary>
/// <param name="Settings">The settings at the start.</param>
/// <param name="Rooms">The rooms that it follows.</param>
/// <param name="Wakeups">The wake-ups of all slots.</param>
/// <param name="Log">The log.</param>
internal sealed record FollowerParts(Settings Settings, RoomLog Rooms, WakeupTable Wakeups, EventLog Log);

/// <summary>A follower that the server can have.</summary>
/// <param name="Name">Its name, as its folder has it.</param>
/// <param name="Slot">Its slot in the segment: one of the <see cref="RoomLogLayout.FollowersMax"/> behind the workers'. It never changes.</param>
/// <param name="Descriptors">Descriptors that it needs, its wake-up and epoll included.</param>
/// <param name="IsWanted">Whether settings ask for it; a change takes a restart.</param>
/// <param name="Make">Makes it; it asks for the settings in force, which a reload exchanges.</param>
internal sealed record FollowerRow(
    string Name, WorkerSlot Slot, int Descriptors, Func<Settings, bool> IsWanted, Func<FollowerParts, Func<Settings>, RoomFollower> Make);

/// <summary>All that can follow the rooms, a row each; the journal first, because others read what it has synced.</summary>
internal static class FollowerTable
{
    /// <summary>The rows.</summary>
    public static IReadOnlyList<FollowerRow> Rows { get; } =
    [
        // Its file, the one that takes its place, their directory, wake-up and epoll.
        new(
            "journal", RoomLogLayout.JournalSlot, Descriptors: 5, settings => settings.JournalFile.Length > 0,
            (parts, inForce) => new JournalWriter(inForce, parts.Rooms, parts.Wakeups, parts.Log)),
    ];

    /// <summary>The rows that settings ask for.</summary>
    public static IEnumerable<FollowerRow> Wanted(Settings settings) => Rows.Where(row => row.IsWanted(settings));
}
