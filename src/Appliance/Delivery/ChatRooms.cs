using System.Text;
using Appliance.Chat;
using Appliance.Connections;
using Appliance.Identity;
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

    private readonly RoomLog _log;
    private readonly RoomMemory _memory;
    private readonly ConnectionTable _table;
    private readonly Announcements _announcements;
    private readonly WorkerContext _context;
    private readonly LoopClock _clock;
    private readonly WorkerCounters _counters;
    private readonly WorkerSlot _worker;
    private ChatLimits _limits;
    private WorkerSet _wake;
    private readonly LocalRoom?[] _rooms;
    private readonly List<LocalRoom> _pending = [];
    private readonly Stack<RecordBatch> _batches = new();
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

    /// <summary>Readers of rooms of whom some may lack something, in the order in which they are served.</summary>
    public Queue<Audience> Dirty { get; } = new();

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
        _limits = new ChatLimits(_context.Settings.MaxName, _context.Settings.MaxMessage) { Reserved = new NameSet(_context.Settings.ReservedNames) };
        _unescaped = new byte[_context.Settings.MaxFrame];
        _encoded = new byte[Math.Max(_limits.EncodedBytesMax + ClientIdentity.EncodedBytesMax, AnnouncementBytesMax)];
        _memory.SetLimit(_context.Settings.MaxMemoryBytes, _clock.SharedMs);
    }

    /// <summary>Whether what a client sent is a heartbeat, which concerns no room.</summary>
    public bool IsPing(ReadOnlySpan<byte> json) => ChatInput.IsPing(json, _unescaped);

    /// <summary>
    /// Adds a client's message to its room, or returns why not. One with an identity needs the right, and has the name of its token if that has
    /// one.
    /// </summary>
    public ChatRefusal Publish(int fd, ReadOnlySpan<byte> json)
    {
        ref var connection = ref _table[fd];
        var identity = _table.IdentityOf(fd);
        if (identity is not null && (identity.Rights & RoomRights.Write) == 0)
        {
            return ChatRefusal.Forbidden;
        }

        var user = identity is null ? default : identity.User;
        var givenName = identity is null ? default : identity.Name;
        var limits = givenName.IsEmpty ? _limits
            : _limits with { NameMax = Math.Max(_limits.NameMax, ClientIdentity.NameMax), Reserved = null };
        var refusal = ChatInput.Read(json, _unescaped, limits, out var input, fromOperator: false, user, givenName);
        if (refusal == ChatRefusal.None && _context.Moderation.Rules.ConcernsMessages)
        {
            refusal = Moderate(fd, input.Name, identity);
        }

        if (refusal == ChatRefusal.None && !TryClaimName(fd, input.Name))
        {
            refusal = ChatRefusal.NameTaken;
        }

        if (refusal == ChatRefusal.None)
        {
            _counters.Figures.Requests++;
            var details = new RecordDetails { Sender = identity?.Sender ?? 0 };
            Add(RoomOf(connection), ChatEncoder.WriteUserMessage(_encoded, input, _clock.UnixMs), RecordKind.Chat, details);
        }

        return refusal;
    }

    /// <summary>Whether a client may use a name; with <c>--unique-names</c> the name is its own from then on.</summary>
    public bool TryClaimName(int fd, ReadOnlySpan<byte> name)
    {
        if (!_context.Settings.UniqueNames || _table.Names is not { } names)
        {
            return true;
        }

        Span<byte> folded = stackalloc byte[NameFold.Growth * name.Length];
        return _table.TryClaimName(fd, names.NumberOf(folded[..NameFold.Fold(name, folded)]));
    }

    /// <summary>Whether operators let a message of a client through.</summary>
    private ChatRefusal Moderate(int fd, ReadOnlySpan<byte> name, ClientIdentity? identity)
    {
        ref var connection = ref _table[fd];
        return _context.Moderation.Check(
            (fd, connection.Generation),
            (connection.IpHigh, connection.IpLow),
            identity is null ? default : identity.User,
            name,
            _log.HashAt(connection.Room),
            identity is not null && (identity.Rights & RoomRights.Moderate) != 0,
            (_clock.UnixMs / 1000, _clock.NowMs));
    }

    /// <summary>Whether what a client with an identity sent is another token of its; that may be empty.</summary>
    public bool TryReadToken(ReadOnlySpan<byte> json, out ReadOnlySpan<byte> token) => TokenMessage.TryRead(json, _unescaped, out token);

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
        Add(room, ChatEncoder.WriteUserMessage(_encoded, input, _clock.UnixMs, fromServer: true), RecordKind.Chat);

        // An empty room could be given up: the message must be in it before nobody counts as its member.
        AppendEarly(room);
        room.Ring.CountMember(_worker, -1);
        return opening;
    }

    /// <summary>Deletes a message of a room, and tells who is in it and who will be.</summary>
    public ErasureOutcome Delete(ReadOnlySpan<byte> name, long id)
    {
        if (_log.Find(name) < 0 || Open(name, out int slot) is not (RoomOpening.Found or RoomOpening.Created))
        {
            return ErasureOutcome.NoRoom;
        }

        var room = LocalRoomOf(slot);
        var outcome = room.Ring.Erase(id);
        if (outcome == ErasureOutcome.Done)
        {
            Add(room, ChatEncoder.WriteDelete(_encoded, id, _clock.UnixMs), RecordKind.Event, new RecordDetails { About = id });
            AppendEarly(room);
        }

        room.Ring.CountMember(_worker, -1);
        return outcome;
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
        while (_wake.TryTake(out var worker))
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
    public void OnTimer(TimerId timer)
    {
        if (_rooms[timer.Index - _table.Capacity] is { } room)
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
        Add(room, ChatEncoder.WriteSystemMessage(_encoded, utf8[..bytes], _clock.UnixMs), RecordKind.System);
    }

    /// <summary>Takes what has just been encoded into a room.</summary>
    private void Add(LocalRoom room, EncodedMessage encoded, RecordKind kind, RecordDetails details = default)
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

        room.Batch.Add(json, encoded.IdOffset, kind, details);
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

    private void MarkDirty(LocalRoom room, long sinceNs)
    {
        MarkDirty(room.Frames, sinceNs);
        foreach (var audience in room.Others ?? [])
        {
            if (audience is not null)
            {
                MarkDirty(audience, sinceNs);
            }
        }

        _announcements.OnAppended(room);
    }

    private void MarkDirty(Audience audience, long sinceNs)
    {
        if (audience.MarkDirty(sinceNs))
        {
            Dirty.Enqueue(audience);
        }
    }
}
