using System.Text;
using Appliance.Chat;
using Appliance.Connections;
using Appliance.Loop;
using Appliance.Metrics;
using Appliance.Native;
using Appliance.Rooms;

namespace Appliance.Delivery;

/// <summary>
/// The rooms of a worker: members, this turn's batch of each room, and its append.
/// </summary>
public sealed partial class ChatRooms
{
    /// <summary>What a turn may gather for one room before it is appended in between.</summary>
    private const int BatchBytesMax = 64 << 10;

    private const int AnnouncementBytesMax = 512;
    private const int LagEveryMs = 1000;

    private readonly RoomLog _log;
    private readonly RoomMemory _memory;
    private readonly ConnectionTable _table;
    private readonly Announcements _announcements;
    private readonly WorkerContext _context;
    private readonly LoopClock _clock;
    private readonly WorkerCounters _counters;
    private readonly int _worker;
    private ChatLimits _limits;
    private WorkerSet _wake;
    private readonly LocalRoom?[] _rooms;
    private readonly List<LocalRoom> _pending = [];
    private readonly Stack<RecordBatch> _batches = new();
    private long _lagBytes;
    private long _nextLagMs;
    private byte[] _unescaped = [];
    private byte[] _encoded = [];

    /// <summary>No client yet.</summary>
    public ChatRooms(WorkerContext context)
    {
        _context = context;
        _log = context.Log;
        _memory = new RoomMemory(_log);
        _counters = context.Counters;
        _table = context.Table;
        _clock = context.Clock;
        _worker = context.Worker.Slot;
        _rooms = new LocalRoom?[_log.Layout.Rooms];
        _announcements = new Announcements(context, AddSystemMessage);
        OnSettings();
    }

    /// <summary>What lies where in the log that all rooms share.</summary>
    public RoomLogLayout Layout => _log.Layout;

    /// <summary>Rooms in which some member may lack something, in the order in which they are served.</summary>
    public Queue<LocalRoom> Dirty { get; } = new();

    /// <summary>Whether nothing is left to do before the loop waits; other workers wake it from now on.</summary>
    public bool BeginSleep() => _pending.Count == 0 && Dirty.Count == 0 && _log.BeginSleep(_worker);

    /// <summary>The wait is over: finds the rooms that other workers have appended to.</summary>
    public void EndSleep()
    {
        long sinceNs = _log.EndSleep(_worker);
        sinceNs = sinceNs > 0 ? sinceNs : _clock.NowNs;
        for (int slot = _log.TakeDirty(_worker, 0); slot >= 0; slot = _log.TakeDirty(_worker, slot))
        {
            if (slot < _rooms.Length && _rooms[slot] is { MemberCount: > 0 } room)
            {
                MarkDirty(room, sinceNs);
            }
        }
    }

    /// <summary>Takes over limits that have changed.</summary>
    public void OnSettings()
    {
        _limits = new ChatLimits(_context.Settings.MaxName, _context.Settings.MaxMessage);
        _unescaped = new byte[_context.Settings.MaxFrame];
        _encoded = new byte[Math.Max(_limits.EncodedBytesMax, AnnouncementBytesMax)];
        _memory.SetLimit(_context.Settings.MaxMemoryBytes, _clock.SharedMs);
    }

    /// <summary>The room that a connection is in.</summary>
    public LocalRoom RoomOf(in Connection connection) => _rooms[connection.Room]!;

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
        var start = after >= 0 ? room.Ring.StartAfter(after, history) : room.Ring.StartOfHistory(history);
        gap = start.Gap;
        ref var connection = ref _table[fd];
        connection.Room = slot;
        connection.Position = start.Position;
        _table.Admit(fd);
        room.Add(fd, ref connection);
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
        room.Remove(ref connection, _table);
        room.Ring.Touch(_clock.SharedMs);
        _announcements.Tell(room, isJoin: false, fd);
        room.Ring.CountMember(_worker, -1);
    }

    /// <summary>
    /// Unsubscribes a connection silently for a hand-over; the room counts it as a member until it is at the other worker. False when it is in
    /// no room.
    /// </summary>
    public bool Detach(int fd)
    {
        ref var connection = ref _table[fd];
        bool isMember = connection.MemberIndex >= 0;
        if (isMember)
        {
            RoomOf(connection).Remove(ref connection, _table);
        }

        return isMember;
    }

    /// <summary>Subscribes a connection that came from another worker to its room, from its position on.</summary>
    public void Attach(int fd)
    {
        ref var connection = ref _table[fd];
        var room = LocalRoomOf(connection.Room);
        room.Add(fd, ref connection);
        room.Ring.CountMember(_worker, 1);
        MarkDirty(room, _clock.NowNs);
    }

    /// <summary>
    /// The slot of the worker that has most clients of a connection's room, the connection aside, of the workers of this master; -1 when it is
    /// this one, the room is not small, or that worker has too many connections.
    /// </summary>
    public int HostOf(in Connection connection, int membersMax, int connectionsMax)
    {
        var members = RoomOf(connection).Ring.Members;
        int first = _worker / RoomLogLayout.WorkersMax * RoomLogLayout.WorkersMax;
        int total = 0;
        int host = _worker;
        int most = members[_worker] - 1;
        for (int slot = first; slot < first + RoomLogLayout.WorkersMax; slot++)
        {
            total += members[slot];
            (host, most) = members[slot] > most && slot != _worker ? (slot, members[slot]) : (host, most);
        }

        return host != _worker && total <= membersMax && _log.Worker(host).Connections <= connectionsMax ? host : -1;
    }

    /// <summary>Whether a slot that another worker names is valid, and has a room if a connection is its member.</summary>
    public bool IsSlot(int slot, bool isMember) => slot >= 0 && slot < _rooms.Length && (!isMember || _log.HashAt(slot) != 0);

    /// <summary>Counts a client out that is in another worker now.</summary>
    public void CountOut(int slot) => _log.Ring(slot).CountMember(_worker, -1);

    /// <summary>Whether what a client sent is a heartbeat, which concerns no room.</summary>
    public bool IsPing(ReadOnlySpan<byte> json) => ChatInput.IsPing(json, _unescaped);

    /// <summary>Adds a client's message to its room, or returns why not.</summary>
    public ChatRefusal Publish(int fd, ReadOnlySpan<byte> json)
    {
        ref var connection = ref _table[fd];
        var refusal = ChatInput.Read(json, _unescaped, _limits, out var input);
        if (refusal == ChatRefusal.None)
        {
            _counters.Figures.Requests++;
            Add(RoomOf(connection), ChatEncoder.WriteUserMessage(_encoded, input, _clock.UnixMs), isMessage: true);
        }

        return refusal;
    }

    /// <summary>Adds an operator's message to a room, marked as such, unless there is no place for that room.</summary>
    public RoomOpening Say(ReadOnlySpan<byte> name, in ChatInput input)
    {
        var opening = Open(name, out int slot);
        if (slot < 0)
        {
            return opening;
        }

        var room = LocalRoomOf(slot);
        _counters.Figures.Requests++;
        Add(room, ChatEncoder.WriteUserMessage(_encoded, input, _clock.UnixMs, fromServer: true), isMessage: true);

        // An empty room could be given up: the message must be in it before nobody counts as its member.
        AppendEarly(room);
        room.Ring.CountMember(_worker, -1);
        return opening;
    }

    /// <summary>Appends what the turn brought: one append a room.</summary>
    public void Append()
    {
        foreach (var room in _pending)
        {
            AppendEarly(room);
            _batches.Push(room.Batch!);
            room.Batch = null;
        }

        _pending.Clear();
        while (_wake.TryTake(out int worker))
        {
            _context.Worker.Wakeups.Set(worker);
        }
    }

    /// <summary>Keeps the memory of all rooms within its limit; at the end of a turn, when members have got what was appended.</summary>
    public void HoldMemory() => _memory.Check(_clock.SharedMs);

    /// <summary>Appends what this turn has brought so far for a room: before a member leaves that must still see it.</summary>
    public void AppendEarly(LocalRoom room)
    {
        if (room.Batch is { Records.Length: > 0 })
        {
            Append(room);
        }
    }

    /// <summary>The timer of a room has run out.</summary>
    public void OnTimer(int timer)
    {
        if (_rooms[timer - _table.Capacity] is { } room)
        {
            _announcements.OnTimer(room);
        }
    }

    /// <summary>Finds a room or makes it, if there is place and memory for it, and counts one client in; the slot is -1 otherwise.</summary>
    private RoomOpening Open(ReadOnlySpan<byte> name, out int slot)
    {
        slot = -1;
        if (_memory.IsShort && !name.SequenceEqual(RoomLog.Lobby) && _log.Find(name) < 0 && !_memory.MayMakeRoom(_clock.SharedMs))
        {
            return RoomOpening.NoMemory;
        }

        var opening = _log.Join(name, _worker, _clock.UnixMs, _clock.SharedMs, out slot);
        if (opening == RoomOpening.Created)
        {
            _memory.NoteGrowth(RoomMemory.RoomBytesMin);
        }

        return opening;
    }

    /// <summary>A slot without members of ours may have become another room since.</summary>
    private LocalRoom LocalRoomOf(int slot) => _rooms[slot] is { } room && (room.MemberCount > 0 || room.Batch is not null)
        ? room
        : _rooms[slot] = new LocalRoom(slot, _log.Ring(slot)) { Hash = _log.HashAt(slot) };

    private void AddSystemMessage(LocalRoom room, string text)
    {
        Span<byte> utf8 = stackalloc byte[AnnouncementBytesMax / 2];
        int bytes = Encoding.UTF8.GetBytes(text, utf8);
        Add(room, ChatEncoder.WriteSystemMessage(_encoded, utf8[..bytes], _clock.UnixMs), isMessage: false);
    }

    /// <summary>Takes what has just been encoded into a room.</summary>
    private void Add(LocalRoom room, EncodedMessage encoded, bool isMessage)
    {
        var json = _encoded.AsSpan(0, encoded.Length);
        if (room.Batch is null)
        {
            room.Batch = _batches.TryPop(out var batch) ? batch : new RecordBatch();
            _pending.Add(room);
        }

        // Each time, because messages may have become longer since the batch was begun.
        room.Batch.Capacity = Math.Min(Math.Max(BatchBytesMax, _encoded.Length), room.Ring.BatchBytesMax);
        if (!room.Batch.Fits(json.Length))
        {
            Append(room);
        }

        room.Batch.Add(json, encoded.IdOffset, isMessage);
    }

    private void Append(LocalRoom room)
    {
        room.Ring.Append(room.Batch!.Bytes, room.Batch.Records);
        _memory.NoteGrowth(room.Batch.Bytes.Length);
        long nowNs = MonotonicClock.ReadNs();
        if (_log.Journal != JournalState.Awaited)
        {
            MarkDirty(room, nowNs);
        }

        room.Ring.Touch(_clock.SharedMs);
        room.Batch.Clear();
        _log.MarkDirty(room.Slot, _worker, nowNs, ref _wake);
    }

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

            long head = room.Ring.Head;
            foreach (int fd in room.Members)
            {
                ref var connection = ref _table[fd];
                lag = connection.Is(ConnectionFlags.Blocked) ? Math.Max(lag, head - connection.Position) : lag;
            }
        }

        return lag;
    }

    private void MarkDirty(LocalRoom room, long sinceNs)
    {
        if (room.MarkDirty(sinceNs))
        {
            Dirty.Enqueue(room);
        }

        _announcements.OnAppended(room);
    }
}
