using System.Runtime.InteropServices;
using Appliance.Chat;
using Appliance.Connections;
using Appliance.Native;
using Appliance.Protocols.WebSocket;
using Appliance.Rooms;

namespace Appliance.Delivery;

/// <summary>Records that one turn has produced for one room, one behind the other as they will lie in its log.</summary>
public sealed class RecordBatch
{
    /// <summary>Where it begins to grow: a turn of many small rooms has a batch for each.</summary>
    private const int FirstBytes = 1024;

    private readonly List<LogRecord> _records = [];
    private byte[] _bytes = [];
    private int _length;

    /// <summary>Bytes so far.</summary>
    public Span<byte> Bytes => _bytes.AsSpan(0, _length);

    /// <summary>The records so far.</summary>
    public ReadOnlySpan<LogRecord> Records => CollectionsMarshal.AsSpan(_records);

    /// <summary>How many bytes fit.</summary>
    public int Capacity { get; set; }

    /// <summary>Whether a JSON text of a length fits as a frame.</summary>
    public bool Fits(int jsonLength) => _length + FrameLength.ServerHeaderBytes(jsonLength) + jsonLength <= Capacity;

    /// <summary>Adds a JSON text as a frame.</summary>
    /// <param name="json">The text.</param>
    /// <param name="idOffset">Where in it <see cref="ChatEncoder.IdDigits"/> digits are kept free for the id.</param>
    /// <param name="isMessage">True for what a person said.</param>
    public void Add(ReadOnlySpan<byte> json, int idOffset, bool isMessage)
    {
        int header = FrameLength.ServerHeaderBytes(json.Length);
        int length = header + json.Length;
        if (_length + length > _bytes.Length)
        {
            Array.Resize(ref _bytes, Math.Min(Capacity, Math.Max(_length + length, Math.Max(FirstBytes, 2 * _bytes.Length))));
        }

        var frame = _bytes.AsSpan(_length, length);
        json.CopyTo(frame[FrameHeader.WriteServer(frame, Opcode.Text, json.Length)..]);
        _records.Add(new LogRecord(length, header + idOffset, isMessage ? RecordKind.Chat : RecordKind.System));
        _length += length;
    }

    /// <summary>Makes the batch empty again.</summary>
    public void Clear()
    {
        _records.Clear();
        _length = 0;
    }
}

/// <summary>Where a room's log ends, or ended, for readers.</summary>
/// <param name="Position">The position.</param>
/// <param name="NextId">The record number that comes next.</param>
public readonly record struct LogEnd(long Position, long NextId);

/// <summary>What one worker knows of a room: its log, the worker's own clients in it, and what this turn brought.</summary>
public sealed unsafe class LocalRoom
{
    private const int FirstMembersMax = 4;

    /// <summary>Outside the managed heap, where a room that grows would leave every former array as garbage; null while there is no member.</summary>
    private int* _members;
    private int _membersMax;

    /// <summary>Members are served in turn, round and round: the place of the next one, and how many may lack something from there on.</summary>
    private int _next;
    private int _unserved;

    /// <summary>What some member may lack: where the log ended with it, and when it was appended, on the monotonic clock.</summary>
    private readonly Queue<(LogEnd End, long SinceNs)> _waiting = new();

    /// <summary>Where the log ended when it was last looked at.</summary>
    private LogEnd _end;

    /// <summary>A room in which none of the worker's clients is yet.</summary>
    public LocalRoom(int slot, RoomRing ring)
    {
        Slot = slot;
        Ring = ring;
        Served = _end = new LogEnd(ring.Published, ring.PublishedId);
    }

    /// <summary>The room's number.</summary>
    public int Slot { get; }

    /// <summary>The room's log.</summary>
    public RoomRing Ring { get; }

    /// <summary>Descriptors of the worker's clients in the room.</summary>
    public ReadOnlySpan<int> Members => new(_members, MemberCount);

    /// <summary>How many there are.</summary>
    public int MemberCount { get; private set; }

    /// <summary>What is to be appended at the end of the turn; null for nothing.</summary>
    public RecordBatch? Batch { get; set; }

    /// <summary>Where the log ended with what every member has got that is served from now on: most of them stand there.</summary>
    public LogEnd Served { get; private set; }

    /// <summary>
    /// Whether members that are still to be served lack so much that much more would overtake them: the room's clients are not read until
    /// they have it.
    /// </summary>
    public bool IsFull => _end.Position - Served.Position >= Ring.BatchBytesMax;

    /// <summary>Whether the room stands on the list of rooms to deliver.</summary>
    public bool IsDirty => _unserved > 0;

    /// <summary>What the directory has in the room's slot as long as it is this room.</summary>
    public ulong Hash { get; init; }

    /// <summary>Whether the sum of joins and leaves waits for something to be said: see <see cref="RoomRing.MayAnnounce"/>.</summary>
    public bool IsHeld { get; set; }

    /// <summary>How joins and leaves are summed up.</summary>
    public AnnounceThrottle Throttle;

    /// <summary>Notes that something was appended, which every member may lack; false when the room was dirty before.</summary>
    public bool MarkDirty(long sinceNs)
    {
        bool isNew = !IsDirty;
        _unserved = int.MaxValue;
        Owed = ReadEnd(sinceNs).Position;
        return isNew;
    }

    /// <summary>
    /// Where the log ends now. Others may be appending meanwhile: one position has one number here, however late that is read.
    /// </summary>
    /// <param name="sinceNs">When what is new there was appended; null for just now: the word of it has not come yet.</param>
    public LogEnd ReadEnd(long? sinceNs = null)
    {
        long position = Ring.Published;
        if (position != _end.Position)
        {
            // Less may be published than before: from the moment on when readers wait for the journal.
            Owed = Math.Min(Owed, position);
            _end = new LogEnd(position, Ring.PublishedId);
            _waiting.Enqueue((_end, sinceNs ?? MonotonicClock.ReadNs()));
        }

        return _end;
    }

    /// <summary>Where the log ended when members were last known to lack something: while the room is not dirty, they have all up to here.</summary>
    public long Owed { get; private set; }

    /// <summary>The place of the member that was taken last.</summary>
    public int TakenPlace => _next - 1;

    /// <summary>Takes the next member to look at; false when all have been.</summary>
    public bool TryTakeNext(out int fd)
    {
        _unserved = Math.Min(_unserved, MemberCount);
        if (_unserved == 0)
        {
            fd = -1;
            return false;
        }

        _unserved--;
        _next = _next < MemberCount ? _next : 0;
        fd = _members[_next++];
        return true;
    }

    /// <summary>
    /// A member that stands at a position is served, and all who are served after it stand no further behind. Returns when the oldest
    /// of what they lack was appended; long.MaxValue: not known.
    /// </summary>
    public long Serve(long position)
    {
        while (_waiting.TryPeek(out var oldest) && oldest.End.Position <= position)
        {
            Served = _waiting.Dequeue().End;
        }

        return _waiting.TryPeek(out var next) ? next.SinceNs : long.MaxValue;
    }

    /// <summary>All members have been served.</summary>
    public void EndServing()
    {
        _ = Serve(long.MaxValue);
        Invariant.Hold(Served == _end, "served end against end of log", "room {0}: {1}, log {2}", Slot, Served.Position, _end.Position);
    }

    /// <summary>Holds that a connection has the place among the members that it says.</summary>
    public void HoldMember(int fd, in Connection connection) => Invariant.Hold(
        connection.Room == Slot && (uint)connection.MemberIndex < (uint)MemberCount && _members[connection.MemberIndex] == fd,
        "member index against list",
        "descriptor {0}, room {1} of {2}, place {3} of {4}", fd, connection.Room, Slot, connection.MemberIndex, MemberCount);

    /// <summary>Adds a client.</summary>
    public void Add(int fd, ref Connection connection)
    {
        if (MemberCount == _membersMax)
        {
            _membersMax = Math.Max(FirstMembersMax, 2 * MemberCount);
            _members = (int*)NativeMemory.Realloc(_members, (nuint)_membersMax * sizeof(int));
        }

        Invariant.Hold(connection.MemberIndex < 0, "newcomer against list", "descriptor {0}, place {1}", fd, connection.MemberIndex);
        connection.MemberIndex = MemberCount;
        _members[MemberCount++] = fd;
        BeginAnew();
    }

    /// <summary>Takes a client out; the last one takes its place.</summary>
    public void Remove(ref Connection connection, ConnectionTable table)
    {
        HoldMember(table.DescriptorOf(ref connection), connection);
        int last = _members[--MemberCount];
        _members[connection.MemberIndex] = last;
        table[last].MemberIndex = connection.MemberIndex;
        connection.MemberIndex = Connection.NoMember;
        BeginAnew();
        if (MemberCount == 0)
        {
            NativeMemory.Free(_members);
            _members = null;
            _membersMax = 0;
        }
    }

    /// <summary>Places have changed, so those that a round has still to look at are not the next ones any more: it looks at all.</summary>
    private void BeginAnew() => _unserved = IsDirty ? int.MaxValue : 0;
}
