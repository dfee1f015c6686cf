using Appliance.Connections;
using Appliance.Loop;
using Appliance.Rooms;

namespace Appliance.Delivery;

/// <summary>Who reads which room, and in which shape.</summary>
public sealed partial class ChatRooms
{
    private const int LagEveryMs = 1000;

    private readonly List<RoomViews> _views = [];
    private long _lagBytes;
    private long _nextLagMs;

    /// <summary>The room that a connection is in.</summary>
    public LocalRoom RoomOf(in Connection connection) => _rooms[connection.Room]!;

    /// <summary>Those who read the same of its room as a connection does.</summary>
    public Audience AudienceOf(in Connection connection) => RoomOf(connection).AudienceOf(connection.View);

    /// <summary>Takes a connection into a room, at its beginning for it: history, or what lies behind an id.</summary>
    /// <param name="fd">The connection.</param>
    /// <param name="name">A valid room name.</param>
    /// <param name="after">The last id it has; -1 for none.</param>
    /// <param name="history">How many old messages it wants at most.</param>
    /// <param name="gap">True when something behind the id is missing.</param>
    public RoomOpening Join(int fd, ReadOnlySpan<byte> name, long after, int history, out bool gap)
    {
        gap = false;
        var opening = Open(name, out int slot);
        if (slot < 0)
        {
            return opening;
        }

        var room = LocalRoomOf(slot);
        ref var connection = ref _table[fd];
        if (OpenAudience(room, connection.View) is not { } audience)
        {
            CountOut(slot);
            return RoomOpening.NoMemory;
        }

        var start = after >= 0 ? room.Ring.StartAfter(after, history) : room.Ring.StartOfHistory(history);
        gap = start.Gap;
        connection.Room = slot;
        connection.Position = audience.FromLog(start.Position);
        _table.Admit(fd);
        audience.Add(fd, ref connection);
        _announcements.Tell(room, isJoin: true, fd);
        return opening;
    }

    /// <summary>Takes a connection out of its room, if it is in one.</summary>
    public void Leave(int fd)
    {
        ref var connection = ref _table[fd];
        if (connection.MemberIndex < 0)
        {
            return;
        }

        var room = RoomOf(connection);
        Remove(ref connection);
        room.Ring.Touch(_clock.SharedMs);
        _announcements.Tell(room, isJoin: false, fd);
        room.Ring.CountMember(_worker, -1);
    }

    /// <summary>
    /// Unsubscribes a connection silently for a hand-over, with its position in the room's log from now on; the room counts it as a member until it
    /// is at the other worker. False when it is in no room.
    /// </summary>
    public bool Detach(int fd)
    {
        ref var connection = ref _table[fd];
        bool isMember = connection.MemberIndex >= 0;
        if (isMember)
        {
            if (connection.View != 0)
            {
                EndRecord(fd);
                connection.Position = AudienceOf(connection).ToLog(connection.Position);
            }

            Remove(ref connection);
        }

        return isMember;
    }

    /// <summary>Subscribes a connection that came from another worker to its room, from its position in the log on.</summary>
    public void Attach(int fd)
    {
        ref var connection = ref _table[fd];
        var room = LocalRoomOf(connection.Room);
        if (OpenAudience(room, connection.View) is { } audience)
        {
            connection.Position = audience.FromLog(connection.Position);
            audience.Add(fd, ref connection);
            if (connection.View == 0 && connection.Is(ConnectionFlags.MidFrame) && room.Ring.HasTombstone(connection.Position, connection.Position + 1))
            {
                // It may have a part of what was there before.
                connection.Set(ConnectionFlags.Torn, true);
                _table.MarkForClose(fd);
            }
        }
        else
        {
            // It is told nothing wrong: its stream ends, and it comes again.
            connection.View = 0;
            room.Frames.Add(fd, ref connection);
            connection.Set(ConnectionFlags.Torn, true);
            _table.MarkForClose(fd);
        }

        room.Ring.CountMember(_worker, 1);
        MarkDirty(room, _clock.NowNs);
    }

    /// <summary>
    /// The slot of the worker that has most clients of a connection's room, the connection aside, of the workers of this master; null when it is
    /// this one, the room is not small, or that worker has too many connections.
    /// </summary>
    public WorkerSlot? HostOf(in Connection connection, int membersMax, int connectionsMax)
    {
        var members = RoomOf(connection).Ring.Members;
        int own = _worker.Index;
        int first = RoomLogLayout.SlotBeside(_worker, default).Index;
        int total = 0;
        int host = own;
        int most = members[own] - 1;
        for (int slot = first; slot < first + RoomLogLayout.WorkersMax; slot++)
        {
            total += members[slot];
            (host, most) = members[slot] > most && slot != own ? (slot, members[slot]) : (host, most);
        }

        return host != own && total <= membersMax && _log.Worker(new WorkerSlot(host)).Connections <= connectionsMax ? new WorkerSlot(host) : null;
    }

    /// <summary>Whether a slot that another worker names is valid, and has a room if a connection is its member.</summary>
    public bool IsSlot(int slot, bool isMember) => slot >= 0 && slot < _rooms.Length && (!isMember || _log.HashAt(slot) != 0);

    /// <summary>Whether rooms can be read in a shape that another worker names.</summary>
    public bool IsView(byte view) => view <= _views.Count;

    /// <summary>From now on rooms can be read in another shape; returns its number, for <see cref="Connection.View"/>.</summary>
    public byte AddView(RecordShape shape)
    {
        _views.Add(new RoomViews(_log.Layout, shape));
        return (byte)_views.Count;
    }

    /// <summary>Counts a client out that is in another worker now.</summary>
    public void CountOut(int slot) => _log.Ring(slot).CountMember(_worker, -1);

    /// <summary>
    /// Bytes of its room's log that the slowest client has not got: looked for once a second while a client's buffer is full, because
    /// all members of all rooms are looked at, a millisecond for 100,000.
    /// </summary>
    public long MeasureLag()
    {
        if (_table.BlockedCount == 0)
        {
            _lagBytes = 0;
        }
        else if (_clock.NowMs >= _nextLagMs)
        {
            _lagBytes = FindLag();
            _nextLagMs = _clock.NowMs + LagEveryMs;
        }

        return _lagBytes;
    }

    private long FindLag()
    {
        long lag = 0;
        foreach (var room in _rooms)
        {
            if (room is not { MemberCount: > 0 })
            {
                continue;
            }

            lag = Math.Max(lag, FindLag(room.Frames));
            foreach (var audience in room.Others ?? [])
            {
                lag = audience is null ? lag : Math.Max(lag, FindLag(audience));
            }
        }

        return lag;
    }

    private long FindLag(Audience audience)
    {
        long lag = 0;
        long head = audience.View.Head;
        foreach (int fd in audience.Members)
        {
            ref var connection = ref _table[fd];
            lag = connection.Is(ConnectionFlags.Blocked) ? Math.Max(lag, head - connection.Position) : lag;
        }

        return lag;
    }

    /// <summary>The readers of a room in a shape, the first of them if need be; null when there is no memory for it.</summary>
    private Audience? OpenAudience(LocalRoom room, byte view)
    {
        if (view == 0 || room.Others?[view - 1] is not null)
        {
            return room.AudienceOf(view);
        }

        if (_views[view - 1].TryOpen(room.Slot, room.Ring) is not { } shaped)
        {
            return null;
        }

        room.Others ??= new Audience[_views.Count];
        return room.Others[view - 1] = new Audience(room, shaped);
    }

    /// <summary>Takes a connection from the readers of its room; with the last one of a shape its view ends.</summary>
    private void Remove(ref Connection connection)
    {
        var room = RoomOf(connection);
        var audience = room.AudienceOf(connection.View);
        audience.Remove(ref connection, _table);
        if (connection.View != 0 && audience.MemberCount == 0)
        {
            audience.Close();
            room.Others![connection.View - 1] = null;
        }
    }

    /// <summary>
    /// Where a connection's cursor stands inside a record, the rest of that goes before what waits for its end. If it is gone, the connection stays
    /// where it is, and cannot go on.
    /// </summary>
    private void EndRecord(int fd)
    {
        ref var connection = ref _table[fd];
        var view = AudienceOf(connection).View;
        if (connection.Is(ConnectionFlags.MidFrame) && connection.Position >= view.Tail)
        {
            long end = view.BoundaryFrom(connection.Position);
            view.Read(connection.Position, _table.OutboxOf(fd).ReserveFront((int)(end - connection.Position)));
            connection.Position = end;
            connection.Set(ConnectionFlags.MidFrame, false);
        }
    }
}
