using System.Runtime.InteropServices;
using Appliance.Chat;
using Appliance.Ipc;
using Appliance.WebSocket;

namespace Appliance.Connections;

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
    public bool Fits(int jsonLength) => _length + FrameHeader.ServerBytes(jsonLength) + jsonLength <= Capacity;

    /// <summary>Adds a JSON text, which ends as <see cref="ChatEncoder"/> says, as a frame.</summary>
    public void Add(ReadOnlySpan<byte> json, bool isMessage)
    {
        int length = FrameHeader.ServerBytes(json.Length) + json.Length;
        if (_length + length > _bytes.Length)
        {
            Array.Resize(ref _bytes, Math.Min(Capacity, Math.Max(_length + length, Math.Max(FirstBytes, 2 * _bytes.Length))));
        }

        var frame = _bytes.AsSpan(_length, length);
        json.CopyTo(frame[FrameHeader.WriteServer(frame, Opcode.Text, json.Length)..]);
        _records.Add(new LogRecord(length, length - ChatEncoder.IdFromEnd, isMessage));
        _length += length;
    }

    /// <summary>Makes the batch empty again.</summary>
    public void Clear()
    {
        _records.Clear();
        _length = 0;
    }
}

/// <summary>What one worker knows of a room: its log, the worker's own clients in it, and what this turn brought.</summary>
public sealed unsafe class LocalRoom(int slot, RoomRing ring)
{
    private const int FirstMembersMax = 4;

    /// <summary>Outside the managed heap, where a room that grows would leave every former array as garbage; null while there is no member.</summary>
    private int* _members;
    private int _membersMax;

    /// <summary>The room's number.</summary>
    public int Slot { get; } = slot;

    /// <summary>The room's log.</summary>
    public RoomRing Ring { get; } = ring;

    /// <summary>Descriptors of the worker's clients in the room.</summary>
    public ReadOnlySpan<int> Members => new(_members, MemberCount);

    /// <summary>How many there are.</summary>
    public int MemberCount { get; private set; }

    /// <summary>What is to be appended at the end of the turn; null for nothing.</summary>
    public RecordBatch? Batch { get; set; }

    /// <summary>The position up to which the members have been served, and the id that came next: most of them stand there.</summary>
    public (long Head, long NextId) Served { get; set; } = (ring.Published, ring.PublishedId);

    /// <summary>Bytes that were appended here since the members were last served.</summary>
    public int UnservedBytes { get; set; }

    /// <summary>When the oldest of what is to be delivered was appended, on the monotonic clock; counts while the room is dirty.</summary>
    public long WaitingSinceNs { get; set; }

    /// <summary>Whether the room stands on the list of rooms to deliver.</summary>
    public bool IsDirty { get; set; }

    /// <summary>How joins and leaves are summed up.</summary>
    public AnnounceThrottle Throttle;

    /// <summary>Adds a client.</summary>
    public void Add(int fd, ref Connection connection)
    {
        if (MemberCount == _membersMax)
        {
            _membersMax = Math.Max(FirstMembersMax, 2 * MemberCount);
            _members = (int*)NativeMemory.Realloc(_members, (nuint)_membersMax * sizeof(int));
        }

        connection.MemberIndex = MemberCount;
        _members[MemberCount++] = fd;
    }

    /// <summary>Takes a client out; the last one takes its place.</summary>
    public void Remove(ref Connection connection, ConnectionTable table)
    {
        int last = _members[--MemberCount];
        _members[connection.MemberIndex] = last;
        table[last].MemberIndex = connection.MemberIndex;
        connection.MemberIndex = -1;
        if (MemberCount == 0)
        {
            NativeMemory.Free(_members);
            _members = null;
            _membersMax = 0;
        }
    }
}
