using Appliance.Connections;
using Appliance.Native;

namespace Appliance.Delivery;

/// <summary>Invariants of rooms and their members: a few of them at the end of a turn, one after the other.</summary>
public sealed partial class ChatRooms
{
    private int _audited;

    /// <summary>Looks at the next slot.</summary>
    public void AuditNext()
    {
        int slot = _audited;
        _audited = slot + 1 < _rooms.Length ? slot + 1 : 0;
        if (_rooms[slot] is not { } room)
        {
            return;
        }

        Invariant.Hold(!room.Frames.IsDirty || Dirty.Count > 0, "dirty room against list", "room {0}, and the list is empty", slot);
        Invariant.Hold(room.Batch is null || _pending.Count > 0, "pending batch against list", "room {0}, and the list is empty", slot);
        if (room.MemberCount > 0)
        {
            ulong hash = _log.HashAt(slot);
            Invariant.Hold(hash == room.Hash, "room of members against directory", "room {0}: {1}, directory {2}", slot, (long)room.Hash, (long)hash);
            int counted = room.Ring.Members[_worker.Index];
            Invariant.Hold(counted >= room.MemberCount, "counted members against list", "room {0}: {1}, but {2} are in", slot, counted, room.MemberCount);
        }
    }

    /// <summary>Looks at a connection: it is among the members of its room, and has what they have been served.</summary>
    public void Audit(int fd)
    {
        ref readonly var connection = ref _table[fd];
        if (connection.MemberIndex < 0)
        {
            Invariant.Hold(connection.State != ConnectionState.Chat, "chat client against members", "descriptor {0} is in no room", fd);
            return;
        }

        Invariant.Hold(
            (uint)connection.Room < (uint)_rooms.Length && _rooms[connection.Room] is not null,
            "member against rooms",
            "descriptor {0}, room {1}", fd, connection.Room);
        bool isView = connection.View == 0 || RoomOf(connection).Others?[connection.View - 1] is not null;
        Invariant.Hold(isView, "member against views", "descriptor {0}, room {1}, view {2}", fd, connection.Room, connection.View);
        var audience = AudienceOf(connection);
        audience.HoldMember(fd, connection);
        Invariant.Hold(
            connection.Position <= audience.View.Head,
            "cursor against head",
            "descriptor {0}, room {1}: {2} of {3}", fd, connection.Room, connection.Position, audience.View.Head);
        bool isServed = !audience.IsDirty && connection.State == ConnectionState.Chat && !connection.Is(ConnectionFlags.Blocked | ConnectionFlags.ClosePending);
        Invariant.Hold(
            !isServed || connection.Position >= audience.Owed,
            "cursor against what was served",
            "descriptor {0}, room {1}: {2} of {3}", fd, connection.Room, connection.Position, audience.Owed);
    }
}
