using System.Globalization;
using Appliance.Chat;
using Appliance.Config;
using Appliance.Connections;
using Appliance.Loop;
using Appliance.Rooms;

namespace Appliance.Delivery;

/// <summary>
/// Announces joins and leaves. Each room has a timer for its sum, numbered behind those of the connections. Announcements take a bounded
/// part of a room's log (<see cref="RoomRing.MayAnnounce"/>): when it is used up, the sum waits for the next message.
/// </summary>
internal sealed class Announcements(WorkerContext context, Action<LocalRoom, string> add)
{
    /// <summary>A client has joined, or leaves; a leaving client is still counted in.</summary>
    public void Tell(LocalRoom room, bool isJoin, int fd)
    {
        if (context.Settings.Announce == AnnounceMode.Off)
        {
            return;
        }

        bool counts = context.Settings.Announce == AnnounceMode.Count;
        int perSecondMax = !room.Ring.MayAnnounce ? 0 : counts ? 1 : AnnounceThrottle.PerSecondMax;
        if (room.Throttle.Note(isJoin, context.NowMs, perSecondMax))
        {
            add(room, counts ? CountText(room, leaving: !isJoin) : $"{ConnectionTable.AddressOf(context.Table[fd])} {(isJoin ? "connected" : "disconnected")}");
        }
        else if (!room.IsHeld)
        {
            context.Timers.Arm(TimerOf(room), room.Throttle.DueMs);
        }
    }

    /// <summary>The timer of a room has run out: tells the sum, or holds it back.</summary>
    public void OnTimer(LocalRoom room)
    {
        if (!room.Throttle.HasSum)
        {
            return;
        }

        // The room may have been given up since, and its slot be another one's.
        bool isGone = context.Log.HashAt(room.Slot) != room.Hash;
        room.IsHeld = !isGone && context.Settings.Announce != AnnounceMode.Off && !room.Ring.MayAnnounce;
        if (room.IsHeld)
        {
            return;
        }

        string text = context.Settings.Announce == AnnounceMode.Count ? CountText(room, leaving: false) : SumText(room.Throttle);
        room.Throttle.Told(context.NowMs);
        if (!isGone && context.Settings.Announce != AnnounceMode.Off)
        {
            add(room, text);
        }
    }

    /// <summary>Something was appended to a room: what was held back may be told.</summary>
    public void OnAppended(LocalRoom room)
    {
        if (room.IsHeld && room.Ring.MayAnnounce)
        {
            room.IsHeld = false;
            context.Timers.Arm(TimerOf(room), context.NowMs);
        }
    }

    private TimerId TimerOf(LocalRoom room) => new(context.Table.Capacity + room.Slot);

    private static string SumText(in AnnounceThrottle sum) => string.Create(
        CultureInfo.InvariantCulture, $"{Text(sum.Joins, "connected")}{(sum is { Joins: > 0, Leaves: > 0 } ? ", " : "")}{Text(sum.Leaves, "disconnected")}");

    private static string Text(int count, string what) => count == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"{count} {what}");

    private static string CountText(LocalRoom room, bool leaving) =>
        string.Create(CultureInfo.InvariantCulture, $"{Math.Max(0, room.Ring.MemberCount - (leaving ? 1 : 0))} online");
}
