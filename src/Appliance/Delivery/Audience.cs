using System.Runtime.InteropServices;
using Appliance.Connections;
using Appliance.Native;
using Appliance.Rooms;

namespace Appliance.Delivery;

/// <summary>Where a room's log ends, or ended, for readers.</summary>
/// <param name="Position">The position.</param>
/// <param name="NextId">The record number that comes next.</param>
public readonly record struct LogEnd(long Position, long NextId);

/// <summary>The clients of one worker that read one view of a room, and how far they have been served.</summary>
public sealed unsafe class Audience
{
    private const int FirstMembersMax = 4;

    private readonly RoomView? _shaped;

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

    /// <summary>Readers of the room's log itself; nobody yet.</summary>
    public Audience(LocalRoom room, RoomRing log)
    {
        Room = room;
        View = log;
        Erasures = log.Erasures;
        Served = _end = new LogEnd(log.Published, log.PublishedId);
    }

    /// <summary>Readers of the room in another shape; nobody yet.</summary>
    public Audience(LocalRoom room, RoomView shaped)
        : this(room, shaped.Ring) => _shaped = shaped;

    /// <summary>The room.</summary>
    public LocalRoom Room { get; }

    /// <summary>What they read, their positions are of: the log, or a ring of the same kind that is filled from it.</summary>
    public RoomRing View { get; }

    /// <summary>
    /// <see cref="RoomRing.Erasures"/> when it was last looked at: who is inside a record that was overwritten since has a part of the former one.
    /// </summary>
    public long Erasures { get; set; }

    /// <summary>Their descriptors.</summary>
    public ReadOnlySpan<int> Members => new(_members, MemberCount);

    /// <summary>How many there are.</summary>
    public int MemberCount { get; private set; }

    /// <summary>Where the log ended with what every member has got that is served from now on: most of them stand there.</summary>
    public LogEnd Served { get; private set; }

    /// <summary>
    /// Whether members that are still to be served lack so much that much more would overtake them: the room's clients are not read until
    /// they have it.
    /// </summary>
    public bool IsFull => _end.Position - Served.Position >= View.BatchBytesMax;

    /// <summary>Whether it stands on the list of those to deliver to.</summary>
    public bool IsDirty => _unserved > 0;

    /// <summary>Notes that something was appended, which every member may lack; false when that was so before.</summary>
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
        _shaped?.Fill();
        long position = View.Published;
        if (position != _end.Position)
        {
            // Less may be published than before: from the moment on when readers wait for the journal.
            Owed = Math.Min(Owed, position);
            _end = new LogEnd(position, View.PublishedId);
            _waiting.Enqueue((_end, sinceNs ?? MonotonicClock.ReadNs()));
        }

        return _end;
    }

    /// <summary>Where the log ended when members were last known to lack something: while it is not dirty, they have all up to here.</summary>
    public long Owed { get; private set; }

    /// <summary>Where somebody begins who is to begin at a position in the log.</summary>
    public long FromLog(long position) => _shaped?.FromLog(position) ?? position;

    /// <summary>Where in the log a member stands, between two records.</summary>
    public long ToLog(long position) => _shaped?.ToLog(position) ?? position;

    /// <summary>Nobody reads this shape any more: its memory is given back.</summary>
    public void Close() => _shaped?.Close();

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
        Invariant.Hold(Served == _end, "served end against end of log", "room {0}: {1}, log {2}", Room.Slot, Served.Position, _end.Position);
    }

    /// <summary>Holds that a connection has the place among the members that it says.</summary>
    public void HoldMember(int fd, in Connection connection) => Invariant.Hold(
        connection.Room == Room.Slot && (uint)connection.MemberIndex < (uint)MemberCount && _members[connection.MemberIndex] == fd,
        "member index against list",
        "descriptor {0}, room {1} of {2}, place {3} of {4}", fd, connection.Room, Room.Slot, connection.MemberIndex, MemberCount);

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
